"""The second proof at sign-in: up to its page, an answer, and what somebody may be left with."""

from typing import Any

from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, RecoveryCode, User
from reset import recovery_codes
from reset.models import OwnChallenge
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.signing_in import (
    PASSWORD,
    post_sign_in,
)

VERIFY, INFO, SETUP = "/signin/verify/", "/security-info/", "/security-info/setup/"
NAME = "alice@acme.example"


def begin(client: Any, method: str) -> str:
    """Up to the page that asks for the answer; returns its address."""
    if "password_was_right" not in client.session:
        assert post_sign_in(client, NAME, PASSWORD).url == VERIFY
    offer = next(offer for offer in client.get(VERIFY).context["offers"] if offer.method == method)
    return str(client.post(VERIFY, {"offer": f"{offer.method}:{offer.authenticator_id}"}).url)


def answer(client: Any, place: str, code: str) -> Any:
    return client.post(place, {"code": code})


def only_with(user: User, *kinds: AuthenticatorType) -> User:
    with scopes_disabled():
        Authenticator.objects.filter(user=user).exclude(type__in=kinds).delete()
    return user


def give_codes(user: User) -> list[str]:
    row = make_authenticator(user, AuthenticatorType.RECOVERY_CODES, "set")
    codes = [recovery_codes.new_code() for _ in range(2)]
    with scopes_disabled():
        for code in codes:
            RecoveryCode.objects.create(
                tenant=journeys.tenant_of(user), authenticator=row, digest=recovery_codes.digest_of(row, code)
            )
    return codes


def ask_on(client: Any) -> OwnChallenge:
    """Up to the page with the number for the phone."""
    begin(client, "app_notification")
    with scopes_disabled():
        return OwnChallenge.objects.latest("created_at")
