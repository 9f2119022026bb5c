"""Unlocking without a new password: here at once, or in the directory that locked the account."""

from datetime import datetime

from accounts.visitor import Visitor
from policy import throttle
from policy.throttle import Use
from reset import completion, writing
from reset.models import ResetRequest

TOO_OFTEN = "too_many_unlocks"


def is_too_often(request: ResetRequest, now: datetime) -> bool:
    """Count an unlock of this account. A lock that is taken off again and again protects nothing."""
    return throttle.count(Use(throttle.UNLOCKS_OF_ACCOUNT, request.account_key), now=now)[0].is_over


def unlock(request: ResetRequest, visitor: Visitor, now: datetime) -> bool:
    """Unlock, or hand the unlock over to be done in the directory; inside the transaction that passed the last gate."""
    assert request.user is not None
    if request.user.directory_id is not None:
        return writing.hand_over_unlock(request, visitor, now)
    return completion.unlock(request, visitor, now)
