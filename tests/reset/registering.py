"""What tests of registering share: opening a challenge, the code that comes back, and what is held and told afterwards."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, User
from accounts.visitor import Visitor
from reset import proving, registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from tests import wizard
from tests.reset import journeys
from tests.reset.signing_in import code_of

HERE = Visitor("192.0.2.7", "test")
ADDRESS, NUMBER = "alice@private.example", "+4915155555501"
HOME, WORK = "alice@home.example", "alice@acme.example"
NOTICE = "own_method_was_changed"


def begin(
    user: User, method: Method, value: str = "", replaces: int | None = None, now: datetime | None = None
) -> OwnChallenge:
    return registration.begin(user, method, value, "", replaces, "en", HERE, now or timezone.now())


def code_for(challenge: OwnChallenge, now: datetime | None = None) -> str:
    """What its owner would type: the newest code that was sent, or what the new app shows."""
    if challenge.method != Method.APP_CODE:
        return wizard.last_code()
    app = Authenticator(tenant=challenge.tenant, user=challenge.user, type=AuthenticatorType.APP)
    app.set_value(registration.value_of(challenge))
    return code_of(app, now=now)


def confirm(challenge: OwnChallenge, code: str, now: datetime | None = None) -> Checked:
    return registration.confirm(challenge, code, HERE, now or timezone.now())


def register(
    user: User, method: Method, value: str = "", replaces: int | None = None, now: datetime | None = None
) -> Authenticator:
    """From the first field to the review."""
    challenge = begin(user, method, value, replaces, now)
    assert confirm(challenge, code_for(challenge, now), now) == Checked.RIGHT
    return held(user, registration.TYPE_OF[method])[-1]


def begin_proof(user: User, row: Authenticator, now: datetime | None = None) -> OwnChallenge:
    """Ask for a proof with something held."""
    return proving.begin(user, row.methods()[0], row.pk, False, "en", HERE, now or timezone.now())


def answer(challenge: OwnChallenge, *answers: str, now: datetime | None = None) -> Checked:
    return proving.answer(challenge, list(answers), HERE, now or timezone.now())


def held(user: User, kind: AuthenticatorType) -> list[Authenticator]:
    """Oldest first."""
    return list(Authenticator.objects.filter(user=user, type=kind).order_by("id"))


def values(user: User, kind: AuthenticatorType) -> list[str]:
    return [row.secret_value for row in held(user, kind)]


def notices() -> list[dict[str, Any]]:
    """What those who hear of a change read."""
    return [wizard.contents(message) for message in journeys.messages(NOTICE)]


def told() -> list[str]:
    """Who heard of a change."""
    return sorted(notice["recipient"] for notice in notices())
