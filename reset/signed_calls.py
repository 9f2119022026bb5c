"""What a phone's web app sends: a text signed with the phone's key, for one purpose, at one moment, once.

No cookie and no session stand behind such a call, so nothing on another site can make it. Whatever is wrong with one, the
answer is the same: an unknown phone, a revoked one and a wrong signature can't be told apart.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import phone_apps
from accounts.models import Authenticator
from accounts.visitor import Visitor
from policy import throttle
from policy.throttle import Use
from reset.requests import TooOften

MOST_APART = timedelta(seconds=60)
LONGEST_CALL = 10_000
LONGEST_ID = 18


class Refused(Exception):
    """The one answer to everything that is not right."""


class OtherTime(Exception):
    """The phone's clock is too far from this server's. Said before anything is looked up; the phone can mend it."""


@dataclass(frozen=True)
class Call:
    """A call as it came. `said` is believed only after `is_from` said whose it is."""

    said: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    signature: str = field(repr=False)

    def word(self, name: str) -> str:
        """A text in the call. Raises Refused for anything else, for none, and for what can't be written (half a surrogate)."""
        value = self.said.get(name)
        if not isinstance(value, str) or not value:
            raise Refused
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused from None
        return value


def read(body: bytes, purpose: str, now: datetime) -> Call:
    """The shape alone. Raises Refused, or OtherTime."""
    try:
        outer = json.loads(body[:LONGEST_CALL])
        said = json.loads(outer["signed"])
        call = Call(said, outer["signed"], outer["signature"])
        moment = datetime.fromtimestamp(said["at"] / 1000, UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        raise Refused from None
    if not isinstance(said, dict) or said.get("purpose") != purpose or not isinstance(call.signature, str):
        raise Refused
    call.word("nonce")
    if abs(now - moment) > MOST_APART:
        raise OtherTime
    return call


def phone_of(call: Call, now: datetime) -> Authenticator:
    """The registered phone that signed this call. Raises Refused or TooOften."""
    identifier = call.said.get("phone")
    is_number = isinstance(identifier, int) and not isinstance(identifier, bool)
    if not is_number or not 0 < identifier < 10**LONGEST_ID:  # type: ignore[operator]
        raise Refused
    phone = phone_apps.find(identifier)  # type: ignore[arg-type]
    if phone is None:
        raise Refused
    is_from(phone.secret_value, call, now)
    return phone


def is_from(key: str, call: Call, now: datetime) -> None:
    """Make sure that this key signed the call, and that it comes for the first time. Raises Refused or TooOften.

    A row is written for each call: who asks knows the key already, or has counted what its address may send.
    """
    if not phone_apps.is_signed(key, call.signature, call.text):
        raise Refused
    same, of_phone = throttle.count(
        Use(throttle.SAME_CALL_OF_PHONE, f"{key}|{call.text}"), Use(throttle.CALLS_OF_PHONE, key), now=now
    )
    if same.is_over:
        raise Refused
    if of_phone.is_over:
        raise TooOften(of_phone.ends_at)


def count_refused(visitor: Visitor, now: datetime) -> None:
    """Count a call that was refused. Raises TooOften where too many came from its address.

    A phone whose call is good is never kept out for what others at its address send (an office, a mobile network).
    """
    state = throttle.count(Use(throttle.REFUSED_CALLS_FROM_ADDRESS, visitor.network), now=now)[0]
    if state.is_over:
        raise TooOften(state.ends_at)
