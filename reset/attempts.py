"""Counting attempts: before anything is compared, durably; given back only when the attempt was right."""

from datetime import datetime

from accounts.methods import Kind
from accounts.visitor import Visitor
from policy import spending, throttle
from policy.throttle import State, Use
from reset import buckets
from reset.models import Challenge, ResetRequest
from reset.requests import TooOften


def _uses(request: ResetRequest, visitor: Visitor, amount: int) -> tuple[Use, Use]:
    return (
        Use(throttle.FAILURES_OF_ACCOUNT, buckets.of_request(request), amount),
        Use(throttle.FAILURES_FROM_ADDRESS, visitor.network, amount),
    )


def count(request: ResetRequest, visitor: Visitor, now: datetime) -> State:
    """Count one attempt, in a statement that commits by itself; the answer is where the account stands.

    An address with too many pauses for some minutes, and starts from zero: it is never closed for a day.
    """
    account, address = throttle.count(*_uses(request, visitor, 1), now=now)
    if address.is_used_up:
        throttle.count(Use(throttle.PAUSE_OF_ADDRESS, visitor.network), now=now)
        throttle.clear([Use(throttle.FAILURES_FROM_ADDRESS, visitor.network)])
    return account


def give_back(request: ResetRequest, challenge: Challenge, visitor: Visitor, now: datetime) -> None:
    """The attempt was right: it was no failure, and a text or a call that was answered."""
    answered = spending.proof(request.tenant_id) if challenge.kind == Kind.PHONE and request.tenant_id else ()
    throttle.count(*_uses(request, visitor, -1), *answered, now=now)


def count_number(request: ResetRequest, now: datetime) -> None:
    """Count a typed phone number, right or wrong: nobody may learn which from what is left. Raises TooOften."""
    counted = throttle.count(Use(throttle.NUMBERS_OF_ACCOUNT, buckets.of_request(request)), now=now)[0]
    if counted.is_over:
        raise TooOften(counted.ends_at)


def forget(request: ResetRequest) -> None:
    """Clear the account's failures, here and while signed in, as a success does."""
    subjects = {buckets.failures_subject(request.account_key, browser) for browser in ("", request.browser)}
    failures = [Use(throttle.FAILURES_OF_ACCOUNT, subject) for subject in subjects]
    throttle.clear([*failures, *(Use(limit, request.account_key) for limit in throttle.OWN_FAILURES)])
