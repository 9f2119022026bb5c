"""The page on which a phone is registered: where its web app is, the code for it, then the number that it shows."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.admin.qr import picture_of
from reset import phone_registration
from reset.models import OwnChallenge


def facts_of(challenge: OwnChallenge) -> dict[str, Any]:
    """The picture leads to the web app and nowhere else: the code is typed there, and never part of an address."""
    address = (settings.BASE_URL or "") + reverse("authenticator")
    return {"address": address, "picture": picture_of(address), "code": phone_registration.code_of(challenge)}
