"""Turning Rekey's web app on a phone into an authenticator.

    computer: begin ─▶ shows a code        phone: take_key (code, key, signature) ─▶ shows a number
    computer: confirm (the number) ─▶ registered                       phone: learns of it by `state_of`

The code shows that the phone is at hand of whoever is signed in; the number, that it is this phone whose key came.
"""

import json
import secrets as random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from accounts import audit, secrets, tenants
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, User
from accounts.visitor import Visitor
from reset import own_challenges, registration
from reset.methods.app_notification import NUMBER_DIGITS
from reset.models import OwnChallenge
from reset.own_challenges import STARTED, Checked, Purpose
from reset.registration import MOST_OF, TooMany
from reset.requests import NotOffered
from reset.signed_calls import Call, Refused, is_from

KIND = AuthenticatorType.PHONE_APP
CODE_PURPOSE = "phone-code"
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LETTERS = 8
"""40 bits, for five minutes, once. Source: NIST SP 800-63B-4 section 4.1.2 (binding code)."""
MISREAD = str.maketrans("OIL", "011")


class Standing(StrEnum):
    """What a phone that sent its key is told."""

    WAITING = "waiting"
    REGISTERED = "registered"


@dataclass(frozen=True)
class Enrolled:
    """A phone's registration as the phone learns of it."""

    standing: Standing
    phone: Authenticator | None = None


def begin(user: User, label: str, language: str, visitor: Visitor, now: datetime) -> OwnChallenge:
    """Start, with a code to be typed into the phone. Raises NotOffered or TooMany."""
    standing = registration.standing_of(user, now)
    if Method.APP_NOTIFICATION not in standing.registration.allowed:
        raise NotOffered
    if len(standing.of_type(KIND)) >= MOST_OF[KIND]:
        raise TooMany
    code = "".join(random.choice(LETTERS) for _ in range(CODE_LETTERS))
    challenge = own_challenges.new(
        user,
        Purpose.REGISTER,
        Method.APP_NOTIFICATION,
        now,
        type=KIND,
        label=label[:64],
        language=language,
        digest=secrets.digest(CODE_PURPOSE, code),
    )
    _keep(challenge, code=code)
    with transaction.atomic():
        challenge.save()
        audit.record(own_challenges.event(user, STARTED[Purpose.REGISTER], visitor, challenge))
    return challenge


def code_of(challenge: OwnChallenge) -> str:
    """What the computer shows, in two groups; empty once a phone has used it."""
    code = _kept(challenge).get("code", "")
    return f"{code[:4]}-{code[4:]}" if code else ""


def take_key(call: Call, now: datetime) -> tuple[OwnChallenge, str]:
    """Take a phone's key for the code that was typed into it. Returns the number that it shows. Raises Refused or TooOften."""
    typed, key = call.word("code"), call.word("key")
    code = "".join(typed.upper().replace("-", "").split()).translate(MISREAD)
    is_from(key, call, now)
    with tenants.all_opened():
        open_ones = _open(now).filter(digest__in=secrets.digests(CODE_PURPOSE, code))
        challenge = open_ones.select_related("user__tenant").first()
        if challenge is None or len(code) != CODE_LETTERS:
            raise Refused
        number = secrets.one_time_passcode(NUMBER_DIGITS)
        _keep(challenge, key=key)
        taken = OwnChallenge.objects.filter(pk=challenge.pk, used_at=None, confirmed_at=None, digest=challenge.digest)
        if taken.update(sealed=challenge.sealed, shown=number, confirmed_at=now, digest="") != 1:
            raise Refused
    return challenge, number


def _open(now: datetime) -> "QuerySet[OwnChallenge]":
    """Registrations that wait for a phone, of people whose account is as it was."""
    found: QuerySet[OwnChallenge] = OwnChallenge.objects.filter(
        purpose=Purpose.REGISTER,
        method=Method.APP_NOTIFICATION,
        used_at=None,
        confirmed_at=None,
        expires_at__gt=now,
        epoch=F("user__credentials_epoch"),
        user__is_enabled=True,
    )
    return found


def state_of(call: Call, now: datetime) -> Enrolled:
    """Whether the phone that sent this key is registered by now. Raises Refused or TooOften."""
    key = call.word("key")
    enrolled = _enrolled(call, key, now)
    is_from(key, call, now)
    return enrolled


def _enrolled(call: Call, key: str, now: datetime) -> Enrolled:
    """What to tell the holder of this key. Raises Refused where nobody brought it for this registration."""
    try:
        identifier = UUID(call.word("enrolment"))
    except ValueError:
        raise Refused from None
    with tenants.all_opened():
        challenge = OwnChallenge.objects.filter(pk=identifier, purpose=Purpose.REGISTER, type=KIND).first()
        if challenge is None:
            raise Refused
        if challenge.used_at is None and challenge.expires_at > now and _kept(challenge).get("key") == key:
            return Enrolled(Standing.WAITING)
        held = Authenticator.objects.filter(user_id=challenge.user_id, type=KIND).select_related("user__tenant")
        phone = next((row for row in held if row.readable_value == key), None)
    if phone is None:
        raise Refused
    return Enrolled(Standing.REGISTERED, phone)


def confirm(challenge: OwnChallenge, typed: str, visitor: Visitor, now: datetime) -> Checked:
    """Take the number that the phone shows, and register the phone.

    Raises TooMany, TooOften or accounts.executors.NoExecutor.
    """
    if challenge.expires_at <= now:
        return Checked.TOO_LATE
    if challenge.confirmed_at is None:
        return Checked.WAITING
    own_challenges.count(challenge, visitor, now)
    if not compare_digest(typed.encode(), challenge.shown.encode()):
        return own_challenges.refuse(challenge, visitor)
    key = str(_kept(challenge)["key"])
    return registration.register(
        challenge, registration.unsaved(challenge.user, KIND, key, challenge.label, now), visitor, now
    )


def _keep(challenge: OwnChallenge, **contents: str) -> None:
    challenge.sealed = secrets.seal(json.dumps(contents).encode(), challenge.place)


def _kept(challenge: OwnChallenge) -> dict[str, str]:
    kept: dict[str, str] = json.loads(registration.value_of(challenge))
    return kept
