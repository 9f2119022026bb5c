"""Codes of an authenticator app: RFC 6238 with six digits, 30 seconds and one step of drift to either side."""

import base64
import hmac
import re
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

from django.utils import timezone
from django_otp.oath import TOTP

from accounts.models import Authenticator

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1
SECRET_BYTES = 20
CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """A random key of 160 bits, in base32 without padding: what an app takes by picture or by hand."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def find_step(secret_base32: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, the newest one if several are; None for a wrong code."""
    if not CODE.fullmatch(code):
        return None
    key = base64.b32decode(secret_base32 + "=" * (-len(secret_base32) % 8), casefold=True)
    found = None
    for drift in range(-DRIFT_STEPS, DRIFT_STEPS + 1):
        clock = TOTP(key, step=STEP_SECONDS, digits=DIGITS, drift=drift)
        clock.time = now.timestamp()
        if hmac.compare_digest(f"{clock.token():0{DIGITS}d}", code):
            found = clock.t()
    return found


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
