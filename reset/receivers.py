"""What reset does when something happens below it."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from accounts.importing.replacing import Replaced
from accounts.models import Tenant
from notifications.models import Channel
from notifications.signals import provider_unreachable
from policy import throttle
from policy.throttle import Use
from reset import directory_change, flow, import_notices
from writeback.models import WritebackJob
from writeback.signals import job_finished, values_replaced


@receiver(provider_unreachable)
def note_unreachable(channel: Channel, **_: Any) -> None:
    """For a minute people are told, and shown other ways, before they wait for what doesn't come (`reset/sending.py`).

    A minute from now: looks have begun one of their own, and an earlier failure had its.
    """
    away = Use(throttle.PROVIDER_UNREACHABLE, channel)
    throttle.clear([away])
    throttle.count(away)


@receiver(job_finished)
def record_job(job: WritebackJob, **_: Any) -> None:
    """The outcome may come from a worker, from an agent or from the sweep."""
    flow.record_writeback(job)
    directory_change.record(job, timezone.now())


@receiver(values_replaced)
def tell_of_replaced_values(tenant: Tenant, people: Sequence[Replaced], **_: Any) -> int:
    """Phones that a directory replaced or took away are told like those of an import."""
    return import_notices.announce(tenant, people)
