"""Counting attempts: before anything is compared, durably; given back only when the attempt was right."""

from datetime import datetime

from accounts.visitor import Visitor
from policy import throttle
from policy.throttle import State, Use
from reset import buckets
from reset.models import ResetRequest


def _uses(request: ResetRequest, visitor: Visitor, amount: int) -> tuple[Use, Use]:
    failures = buckets.failures_subject(request.account_key, request.browser)
    return (
        Use(throttle.FAILURES_OF_ACCOUNT, failures, amount),
        Use(throttle.FAILURES_FROM_ADDRESS, visitor.network, amount),
    )


def count(request: ResetRequest, visitor: Visitor, now: datetime) -> State:
    """Count one attempt, in a statement that commits by itself; the answer is where the account stands."""
    account, address = throttle.count(*_uses(request, visitor, 1), now=now)
    if address.is_used_up:
        throttle.count(Use(throttle.PAUSE_OF_ADDRESS, visitor.network), now=now)
    return account


def give_back(request: ResetRequest, visitor: Visitor, now: datetime) -> None:
    """The attempt was right: it was no failure."""
    throttle.count(*_uses(request, visitor, -1), now=now)
