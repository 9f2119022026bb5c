"""Opening self-service and sign-in again for one person: for staff who know that it is all right."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity, Event, record
from accounts.models import User
from accounts.visitor import NOBODY, Visitor
from policy import lockout, throttle
from policy.throttle import Use
from reset import buckets
from reset.models import ResetRequest

# What closes self-service for one account, however it is reached.
OF_ACCOUNT = (
    throttle.FAILURES_OF_ACCOUNT,
    throttle.NUMBERS_OF_ACCOUNT,
    throttle.SENDS_TO_ACCOUNT,
    throttle.PHONE_SENDS_TO_ACCOUNT,
)
LONGEST_WINDOW = timedelta(hours=24)


def unblock(user: User, *, actor: User | None = None, visitor: Visitor = NOBODY, now: datetime | None = None) -> bool:
    """Forget an account's failures, the sign-in lockout and a pause. Says whether anything was closed.

    Failures of strangers' browsers and of the person's own recognised ones alike.
    """
    now = now or timezone.now()
    assert user.tenant is not None
    account = buckets.account_key(user.tenant.pk, user.principal_name, user)
    with tenants.opened(user.tenant), transaction.atomic():
        subjects = {buckets.failures_subject(account, browser) for browser in ("", *_own_browsers(user, now))}
        uses = [Use(limit, subject) for limit in OF_ACCOUNT for subject in (account, *subjects)]
        own = [Use(limit, account) for limit in throttle.OWN_FAILURES]
        of_person = Use(throttle.FAILURES_AT_SIGN_IN_OF_PERSON, str(user.pk))
        cleared = throttle.clear([*uses, *own, of_person]) > 0
        unlocked = lockout.clear(account)
        resumed = User.objects.filter(pk=user.pk, self_service_paused=True).update(self_service_paused=False) == 1
        record(
            Event(
                Activity.SELF_SERVICE_UNBLOCKED,
                user.tenant.pk,
                actor=actor,
                target=user,
                visitor=visitor,
                details={"failures": cleared, "sign_in": unlocked, "pause": resumed},
            )
        )
    user.self_service_paused = False
    return cleared or unlocked or resumed


def _own_browsers(user: User, now: datetime) -> list[str]:
    """Recognised browsers that the person used while a counter may still run."""
    recent = ResetRequest.objects.filter(user=user, created_at__gt=now - LONGEST_WINDOW).exclude(browser="")
    return list(recent.order_by().values_list("browser", flat=True).distinct())
