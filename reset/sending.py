"""What may be sent just now: the account's and the destination's limits, and for phones the organisation's budgets."""

from dataclasses import dataclass
from datetime import datetime

from accounts.methods import Kind
from policy import spending, throttle
from policy.spending import Budget, Send
from policy.throttle import Use
from reset.requests import TooOften

COUNTRY_NOT_ALLOWED = "country_not_allowed"
# Told to whoever asks; the others depend on a number that a stranger may not know, unless it was typed.
ALWAYS_TOLD = (Budget.USER, Budget.NUMBER, Budget.ALL)


@dataclass
class NotSent(Exception):
    """A text or a call that the organisation's budgets don't allow; `reason` is a word for the record."""

    reason: str


@dataclass(frozen=True)
class Sending:
    """Something about to be sent. `bucket` is what the account's limits count by, `account` what its budget does."""

    kind: Kind
    tenant_id: int
    bucket: str
    account: str
    destination: str
    number: str = ""
    is_typed: bool = False
    is_real: bool = True


def count(sending: Sending, now: datetime) -> bool:
    """Count it. Returns whether it may go out: False is for the record only, the page goes on as if it had.

    Raises TooOften or NotSent.
    """
    if sending.kind == Kind.PHONE:
        return _count_phone(sending, now)
    if sending.kind == Kind.MAIL:
        _refuse_too_often(throttle.count(*_limits(sending), now=now))
    return True


def _limits(sending: Sending) -> tuple[Use, Use]:
    is_phone = sending.kind == Kind.PHONE
    to_account = throttle.PHONE_SENDS_TO_ACCOUNT if is_phone else throttle.SENDS_TO_ACCOUNT
    return Use(to_account, sending.bucket), Use(throttle.SENDS_TO_DESTINATION, sending.destination)


def _count_phone(sending: Sending, now: datetime) -> bool:
    guard = spending.guard_of(sending.tenant_id)
    send = Send(sending.tenant_id, sending.account, sending.destination, sending.number, sending.is_real)
    budgets = spending.uses(guard, send)
    states = throttle.count(*_limits(sending), *budgets.values(), now=now)
    _refuse_too_often(states[:2])
    over = spending.exceeded(list(budgets), states[2:], sending.is_real)
    is_allowed = not sending.number or spending.is_allowed(guard, sending.number)
    if is_allowed and over is None:
        return True
    if not sending.is_typed and (over is None or over not in ALWAYS_TOLD):
        return False
    throttle.count(*spending.uses(guard, send, sign=-1).values(), now=now)
    raise NotSent(f"budget_of_{over}" if is_allowed else COUNTRY_NOT_ALLOWED)


def _refuse_too_often(states: list[throttle.State]) -> None:
    for state in states:
        if state.is_over:
            raise TooOften(state.ends_at)
