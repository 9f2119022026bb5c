"""A new key for an authenticator app, as its page shows it."""

from typing import Any

from django.conf import settings

from accounts import totp
from accounts.admin.qr import picture_of
from accounts.models import User


def facts_of(key: str, user: User) -> dict[str, Any]:
    """The key as a picture, as an address for the app on this device, and in groups of four. Nothing of it leaves the page."""
    issuer = user.tenant.name if user.tenant else str(settings.PRODUCT_NAME)
    address = totp.address_for_apps(key, user.principal_name, issuer)
    groups = [key[start : start + 4] for start in range(0, len(key), 4)]
    return {"address": address, "picture": picture_of(address), "groups": groups}
