"""Codes of an authenticator app: RFC 6238 with six digits, 30 seconds and one step of drift to either side."""

import base64
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote, urlencode

from django.utils import timezone
from django_otp.oath import TOTP

from accounts.models import Authenticator

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1
SKEW_STEPS = 20  # ten minutes
SECRET_BYTES = 20
CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """A random key of 160 bits, in base32 without padding: what an app takes by picture or by hand."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def find_step(secret_base32: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, the newest one if several are; None for a wrong code."""
    offset = _find_offset(secret_base32, code, now, range(-DRIFT_STEPS, DRIFT_STEPS + 1))
    return None if offset is None else step_at(now) + offset


def find_skew(secret_base32: str, code: str, now: datetime) -> int | None:
    """How many steps the phone's clock seems to be ahead (or, below zero, behind), for a code that is wrong by that alone.

    None for a code that is right, and for one that is wrong by more than ten minutes or altogether.
    """
    near = range(-DRIFT_STEPS, DRIFT_STEPS + 1)
    around = (offset for offset in range(-SKEW_STEPS, SKEW_STEPS + 1) if offset not in near)
    return _find_offset(secret_base32, code, now, sorted(around, key=abs, reverse=True))


def minutes_of(skew: int) -> int:
    """Steps in whole minutes, as people read them: never 0."""
    minutes = max(1, round(abs(skew) * STEP_SECONDS / 60))
    return minutes if skew > 0 else -minutes


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def _find_offset(secret_base32: str, code: str, now: datetime, offsets: Iterable[int]) -> int | None:
    """The last of these offsets (in steps from now) whose code this is. All are tried, whatever comes first."""
    if not CODE.fullmatch(code):
        return None
    key = base64.b32decode(secret_base32 + "=" * (-len(secret_base32) % 8), casefold=True)
    found = None
    for offset in offsets:
        clock = TOTP(key, step=STEP_SECONDS, digits=DIGITS, drift=offset)
        clock.time = now.timestamp()
        if hmac.compare_digest(f"{clock.token():0{DIGITS}d}", code):
            found = offset
    return found


def burn(authenticator: Authenticator, step: int) -> None:
    """Let neither this step nor one before it be used, though nobody used it: somebody was told that its code is right."""
    Authenticator.objects.filter(pk=authenticator.pk, last_step__lt=step).update(last_step=step)


def consume(authenticator: Authenticator, step: int, now: datetime | None = None) -> bool:
    """Use a step up, for every purpose at once; False when it or a later one was used before (RFC 6238 section 5.2)."""
    unused = Authenticator.objects.filter(pk=authenticator.pk, last_step__lt=step)
    touched: int = unused.update(last_step=step, last_used_at=now or timezone.now())
    return touched == 1


def address_for_apps(secret_base32: str, account: str, issuer: str) -> str:
    """The otpauth: address that an app reads from a picture."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    facts = {"secret": secret_base32, "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"
