"""Finding what was lost: the worker asks the database every few seconds, so that a dead broker loses nothing."""

from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.repeating import repeat
from accounts.tenants import all_opened
from notifications import delivery
from notifications.models import CapturedMessage, Channel, Delivery, Message

ROUND = 100
KEPT = timedelta(days=30)
Status = Message.Status


def sweep(now: datetime | None = None) -> int:
    """Deliver what is due, end what is too late or lost; at most ROUND messages of each channel. Returns how many."""
    with all_opened():
        erase_withheld(now or timezone.now())
        return sum(_sweep_channel(channel, now) for channel in Channel)


def _sweep_channel(channel: Channel, now: datetime | None) -> int:
    """One round of one channel. Stops where nobody answers: the others would wait for the same silence."""
    due = Message.objects.filter(
        status__in=[Status.QUEUED, Status.SENDING], due_at__lte=now or timezone.now(), channel=channel
    )
    # What runs out first goes first: a code doesn't wait behind a thousand notices.
    rows = list(due.order_by("expires_at").values_list("pk", "tenant_id", "status", "expires_at")[:ROUND])
    for number, row in enumerate(rows, start=1):
        if _is_unreachable(channel, row, now):
            return number
    return len(rows)


def _is_unreachable(channel: Channel, row: tuple[UUID, int | None, str, datetime], now: datetime | None) -> bool:
    """Do what one due message needs. Returns whether its provider could not be reached."""
    message_id, tenant_id, status, expires_at = row
    current = now or timezone.now()
    if channel != Channel.EMAIL and status == Status.SENDING:
        delivery.give_up_lost(message_id, tenant_id, current)
    elif expires_at <= current:
        delivery.expire(message_id, current)
    else:
        outcome = delivery.deliver(message_id, now)
        return outcome is not None and outcome.unreachable
    return False


def erase_withheld(now: datetime) -> int:
    """Erase the content of strangers' messages when it is of no use any more, as that of others is."""
    over = Message.objects.filter(status=Status.WITHHELD, expires_at__lte=now).exclude(sealed=b"")
    return over.update(sealed=b"")


def prune(now: datetime | None = None) -> int:
    """Delete messages and deliveries older than 30 days, whatever became of them. Returns how many messages."""
    now = now or timezone.now()
    with all_opened():
        erase_withheld(now)
        Delivery.objects.filter(created_at__lt=now - KEPT).delete()
        CapturedMessage.objects.filter(captured_at__lt=now - KEPT).delete()
        return Message.objects.filter(created_at__lt=now - KEPT).delete()[0]


def start_sweeper(stop: Event | None = None) -> Thread:
    """Sweep every SWEEP_SECONDS in a thread of its own until `stop` is set. Database errors are logged and outlived."""
    stop = stop or Event()
    return repeat("sweep", settings.SWEEP_SECONDS, lambda: _sweep_all(stop), stop)


def _sweep_all(stop: Event) -> None:
    while sweep() >= ROUND and not stop.is_set():
        continue
