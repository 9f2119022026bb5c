"""Finding jobs that were lost: the worker asks the database every few seconds, so that no dead process loses one."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.tenants import all_opened
from writeback import execution, jobs
from writeback.connectors.base import Reason
from writeback.connectors.orders import Operation
from writeback.execution import LONGEST_OPERATION
from writeback.models import Connector, WritebackJob

Status = WritebackJob.Status

ROUND = 200
# A job is published when it is committed; one that still waits after this long was lost on the way.
WAITS_SECONDS = 2
# What was tried and is kept until the directory is back waits for a look that finds it.
HELD_BACK = ~Q(reason=Reason.UNREACHABLE) | Q(connector__answer="")


def recover(now: datetime | None = None) -> int:
    """Both at once, one after the other. Returns how many jobs it found."""
    now = now or timezone.now()
    return end_lost(now) + carry_out_waiting(now)


def end_lost(now: datetime | None = None) -> int:
    """End jobs whose time is over, free those whose executor is lost. Asks no directory, so none holds it up."""
    now = now or timezone.now()
    with all_opened():
        return _end_late(now) + _free_lost(now)


def _end_late(now: datetime) -> int:
    late = WritebackJob.objects.filter(status=Status.QUEUED, deadline__lte=now).select_related("tenant")[:ROUND]
    return sum(jobs.end(job, _end_of(job), now, Status.QUEUED) for job in late)


def _end_of(job: WritebackJob) -> str:
    """An attempt that got as far as the mark may have written: nobody knows."""
    return Status.EXPIRED if job.first_mark is None else Status.UNCONFIRMED


def _free_lost(now: datetime) -> int:
    lost = WritebackJob.objects.filter(status=Status.CLAIMED, lease_until__lte=now - LONGEST_OPERATION)
    return sum(_free(job, now) for job in lost.select_related("tenant")[:ROUND])


def _free(job: WritebackJob, now: datetime) -> bool:
    """Queue it again while there is time and nothing newer; else end it."""
    newer = Q(user=job.user_id, created_at__gt=job.created_at, operation__in=jobs.OF_ONE_SORT[Operation(job.operation)])
    has_newer = job.user_id is not None and WritebackJob.objects.filter(newer).exists()
    if job.deadline <= now or has_newer:
        return jobs.end(job, _end_of(job), now, Status.CLAIMED, str(Reason.UNREACHABLE))
    held = WritebackJob.objects.filter(pk=job.pk, status=Status.CLAIMED, attempts=job.attempts)
    return held.update(status=Status.QUEUED, lease_until=None) == 1


def carry_out_waiting(now: datetime | None = None) -> int:
    """Do what was not heard of: the hint was lost, or the job was freed.

    Of a directory that turns out to be away the rest waits for the next round: it would hold up everybody else's.
    """
    now = now or timezone.now()
    with all_opened():
        waiting = WritebackJob.objects.filter(
            HELD_BACK, status=Status.QUEUED, deadline__gt=now, connector__way=Connector.Way.DIRECT
        ).order_by("created_at")
        rows: list[tuple[UUID, int]] = [
            (job.pk, job.connector_id)
            for job in waiting.only("created_at", "connector_id")[:ROUND]
            if (now - job.created_at).total_seconds() >= WAITS_SECONDS
        ]
    away: set[int] = set()
    found = 0
    for job_id, connector_id in rows:
        done = None if connector_id in away else execution.execute(job_id)
        found += done is not None
        if done is not None and done.reason == Reason.UNREACHABLE:
            away.add(connector_id)
    return found
