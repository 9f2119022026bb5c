"""What may be sent just now: the account's and the destination's limits, and for phones the organisation's budgets."""

from dataclasses import dataclass
from datetime import datetime

from accounts.methods import KIND_OF, Kind, Method
from notifications.models import Channel
from policy import spending, throttle
from policy.spending import Budget, Send
from policy.throttle import State, Use
from reset.requests import TooOften

COUNTRY_NOT_ALLOWED, UNREACHABLE = "country_not_allowed", "provider_unreachable"
CHANNEL_OF: dict[Method, Channel] = {
    Method.EMAIL: Channel.EMAIL,
    Method.SMS: Channel.SMS,
    Method.CALL: Channel.VOICE,
    Method.OFFICE_CALL: Channel.VOICE,
}
OWN = "own|"
# Told to whoever asks; the others depend on a number that a stranger may not know, unless it was typed.
ALWAYS_TOLD = (Budget.USER, Budget.NUMBER, Budget.ALL)


@dataclass
class NotSent(Exception):
    """What can't go out: the budgets don't allow it, or the provider can't be reached. `reason` is a word for the record."""

    reason: str


@dataclass(frozen=True)
class Sending:
    """Something about to be sent. `bucket` is what the account's limits count by, `account` what its budget does.

    `is_own`: somebody whose password was right asks. What strangers use up of a person's day leaves them theirs.
    """

    method: Method
    tenant_id: int
    bucket: str
    account: str
    destination: str
    number: str = ""
    is_typed: bool = False
    is_real: bool = True
    is_own: bool = False

    @property
    def kind(self) -> Kind:
        return KIND_OF[self.method]


def count(sending: Sending, now: datetime) -> bool:
    """Count it. Returns whether it may go out: False is for the record only, the page goes on as if it had.

    Raises TooOften or NotSent.
    """
    if sending.kind == Kind.PHONE:
        return _count_phone(sending, now)
    if sending.kind == Kind.MAIL:
        _refuse(sending, throttle.count(*_limits(sending), now=now), now)
    if sending.method == Method.APP_NOTIFICATION:
        _count_prompt(sending, now)
    return True


def _count_prompt(sending: Sending, now: datetime) -> None:
    """Every phone has a push service of its own, so nothing is known of whether it can be reached. Raises TooOften."""
    limits = (
        Use(throttle.PROMPTS_TO_ACCOUNT, sending.bucket),
        Use(throttle.SENDS_TO_DESTINATION, sending.destination),
    )
    for state in throttle.count(*limits, now=now):
        if state.is_over:
            raise TooOften(state.ends_at)


def _limits(sending: Sending, amount: int = 1) -> tuple[Use, Use, Use]:
    """The account's limit, the destination's, and a look at whether the provider can be reached."""
    is_phone = sending.kind == Kind.PHONE
    to_account = throttle.PHONE_SENDS_TO_ACCOUNT if is_phone else throttle.SENDS_TO_ACCOUNT
    return (
        Use(to_account, sending.bucket, amount),
        Use(throttle.SENDS_TO_DESTINATION, sending.destination, amount),
        Use(throttle.PROVIDER_UNREACHABLE, CHANNEL_OF[sending.method], 0),
    )


def _count_phone(sending: Sending, now: datetime) -> bool:
    guard = spending.guard_of(sending.tenant_id)
    whose = OWN if sending.is_own else ""
    send = Send(
        sending.tenant_id, whose + sending.account, whose + sending.destination, sending.number, sending.is_real
    )
    budgets = spending.uses(guard, send)
    limits = _limits(sending)
    states = throttle.count(*limits, *budgets.values(), now=now)
    given_back = spending.uses(guard, send, sign=-1).values()
    _refuse(sending, states[: len(limits)], now, *given_back)
    over = spending.exceeded(list(budgets), states[len(limits) :], sending.is_real)
    is_allowed = not sending.number or spending.is_allowed(guard, sending.number)
    if is_allowed and over is None:
        return True
    if not sending.is_typed and (over is None or over not in ALWAYS_TOLD):
        return False
    throttle.count(*given_back, now=now)
    raise NotSent(f"budget_of_{over}" if is_allowed else COUNTRY_NOT_ALLOWED)


def _refuse(sending: Sending, states: list[State], now: datetime, *given_back: Use) -> None:
    """Raise TooOften, or NotSent while the provider can't be reached: then nothing was used up."""
    account, destination, provider = states
    for state in (account, destination):
        if state.is_over:
            raise TooOften(state.ends_at)
    if provider.count:
        throttle.count(*_limits(sending, -1)[:2], *given_back, now=now)
        raise NotSent(UNREACHABLE)
