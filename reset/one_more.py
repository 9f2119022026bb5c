"""One more method for somebody who has all that is asked for: offered at the review, declined for 30 days."""

from datetime import datetime, timedelta

from accounts.methods import Method
from accounts.models import User
from reset.registration import Standing

AGAIN_AFTER = timedelta(days=30)


def offer(user: User, standing: Standing, now: datetime) -> Method | None:
    """The most secure method of a kind not held; None while something is missing, or when one was offered lately."""
    offered_at = user.one_more_offered_at
    if standing.registration.to_register or (offered_at is not None and now < offered_at + AGAIN_AFTER):
        return None
    return standing.registration.one_more


def note_offered(user: User, now: datetime) -> None:
    """The person has seen the offer and gone on, whichever way."""
    User.objects.filter(pk=user.pk).update(one_more_offered_at=now)
