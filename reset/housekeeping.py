"""What beat has done regularly: requests that ran out, rows that nobody needs any more, partitions for the next months."""

from datetime import datetime, timedelta

from captcha.models import CaptchaStore
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone

from accounts import own_addresses, partitions, tenants
from accounts.models import AuditEvent, Invitation
from accounts.visitor import NOBODY
from notifications import sweep
from notifications.models import Delivery, Message
from policy import lockout, throttle
from reset import access_passes, own_challenges
from reset.models import ResetRequest, State
from reset.models.requests import RUNNING
from reset.requests import end
from writeback.connectors.orders import Operation
from writeback.models import WritebackJob

KEEP_REQUESTS = timedelta(days=90)
KEEP_INVITATIONS = timedelta(days=30)
# The audit trail keeps sign-ins; their jobs are of use to who looks for a fault now, and strangers can make any number.
KEEP_SIGN_INS = timedelta(days=1)
BATCH = 500


def expire_requests(now: datetime | None = None) -> int:
    """End the requests whose 15 minutes are over, each with its audit event. Returns how many."""
    now = now or timezone.now()
    with tenants.all_opened():
        over = ResetRequest.objects.filter(state__in=RUNNING, expires_at__lte=now).select_related("user", "tenant")
        ended = sum(end(request, State.EXPIRED, "time_over", NOBODY, now) for request in over[:BATCH])
        return ended + _end_orphans(now)


def _end_orphans(now: datetime) -> int:
    """End the requests whose job is gone with the connector it was for: nothing will come back to them."""
    return ResetRequest.objects.filter(state=State.WRITING, job=None).update(
        state=State.UNCONFIRMED, reason="directory_disconnected", ended_at=now
    )


def forget_abandoned(now: datetime | None = None) -> int:
    """Delete what somebody began to register and left alone for 15 minutes. Returns how many."""
    with tenants.all_opened():
        return own_challenges.prune(now or timezone.now())


def prune(now: datetime | None = None) -> dict[str, int]:
    """Delete what is past its time. Returns the number of rows by what they were."""
    now = now or timezone.now()
    CaptchaStore.remove_expired()
    with tenants.all_opened():
        return {
            "requests": ResetRequest.objects.filter(created_at__lt=now - KEEP_REQUESTS).delete()[0],
            "invitations": Invitation.objects.filter(expires_at__lt=now - KEEP_INVITATIONS).delete()[0],
            "messages": sweep.prune(now),
            "counters": throttle.prune(now),
            "jobs": _prune_jobs(now),
            "passes": access_passes.prune(now),
            "lockouts": lockout.prune(now),
            "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
        }


def _prune_jobs(now: datetime) -> int:
    sign_ins = Q(operation=Operation.VERIFY, created_at__lt=now - KEEP_SIGN_INS)
    deleted: int = WritebackJob.objects.filter(sign_ins | Q(created_at__lt=now - KEEP_REQUESTS)).delete()[0]
    return deleted


def look_through_addresses() -> int:
    """Find the addresses that lie in domains which their organisation added since. Returns how many changed."""
    with tenants.all_opened():
        return own_addresses.look_through()


def ensure_partitions(now: datetime | None = None) -> list[str]:
    """Make the coming months' partitions of audit and message tables. Returns the names of new ones."""
    today = (now or timezone.now()).date()
    return [
        name for model in (AuditEvent, Message, Delivery) for name in partitions.ensure(model._meta.db_table, today)
    ]
