"""Finding jobs that were lost: the worker asks the database every few seconds, so that no dead process loses one.

Two rounds, each in a thread of its own: a directory that is slow to answer must not keep lost jobs from being found.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import Error
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts.tenants import all_opened
from writeback import execution, jobs
from writeback.connectors.base import Reason
from writeback.execution import LONGEST_OPERATION
from writeback.models import Connector, WritebackJob

Status = WritebackJob.Status

ROUND = 200
# A job is published when it is committed; one that still waits after this long was lost on the way.
WAITS_SECONDS = 2
# What was tried and waits for its directory is not tried again before a look has found it.
HELD_BACK = Q(lease_until=None) | Q(connector__answer="")
PASSED_BY = RawSQL(execution.HAS_NEWER, [], output_field=BooleanField())  # noqa: S611 - constants only

logger = logging.getLogger(__name__)


def recover(now: datetime | None = None) -> int:
    """End jobs whose time is over or that a newer one takes the place of, and free those whose executor is lost.

    Returns how many it found.
    """
    now = now or timezone.now()
    with all_opened():
        return _end_late(now) + _end_passed_by(now) + _free_lost(now)


def _end_late(now: datetime) -> int:
    late = WritebackJob.objects.filter(status=Status.QUEUED, deadline__lte=now).select_related("tenant")[:ROUND]
    return _each(late, lambda job: jobs.end(job, jobs.unless_written(job, Status.EXPIRED), now, Status.QUEUED))


def _end_passed_by(now: datetime) -> int:
    """`supersede` ends what waits. What came in at the same moment, or was at work then, is found here."""
    passed = WritebackJob.objects.filter(PASSED_BY, status=Status.QUEUED).select_related("tenant")[:ROUND]
    return _each(passed, lambda job: jobs.end(job, jobs.unless_written(job, Status.SUPERSEDED), now, Status.QUEUED))


def _free_lost(now: datetime) -> int:
    lost = WritebackJob.objects.filter(status=Status.CLAIMED, lease_until__lte=now - LONGEST_OPERATION)
    return _each(lost.select_related("tenant")[:ROUND], lambda job: _free(job, now))


def _free(job: WritebackJob, now: datetime) -> bool:
    """Queue it again while there is time and nothing newer; else end it."""
    is_over = job.deadline <= now
    if is_over or WritebackJob.objects.filter(PASSED_BY, pk=job.pk).exists():
        ends_as = jobs.unless_written(job, Status.EXPIRED if is_over else Status.SUPERSEDED)
        return jobs.end(job, ends_as, now, Status.CLAIMED, str(Reason.UNREACHABLE))
    held = WritebackJob.objects.filter(pk=job.pk, status=Status.CLAIMED, attempts=job.attempts)
    return held.update(status=Status.QUEUED, lease_until=None) == 1


def _each(found: Iterable[WritebackJob], do: Callable[[WritebackJob], bool]) -> int:
    """One that can't be ended must not keep the others from it."""
    done = 0
    for job in found:
        try:
            done += do(job)
        except Error:
            raise
        except Exception as error:
            logger.error("Lost job %s was left as it is: %s", job.pk, type(error).__name__)
    return done


def carry_out_waiting(now: datetime | None = None) -> int:
    """Do what was not heard of: the hint was lost, or the job was freed. Returns how many jobs it took.

    Of a directory that turns out to be away the rest waits for the next round: it would hold up everybody else's.
    """
    moment = now or timezone.now()
    with all_opened():
        waiting = WritebackJob.objects.filter(
            HELD_BACK, status=Status.QUEUED, deadline__gt=moment, connector__way=Connector.Way.DIRECT
        ).order_by("created_at")
        rows: list[tuple[UUID, int]] = [
            (job.pk, job.connector_id)
            for job in waiting.only("created_at", "connector_id")[:ROUND]
            if (moment - job.created_at).total_seconds() >= WAITS_SECONDS
        ]
    away: set[int] = set()
    found = 0
    for job_id, connector_id in rows:
        done = None if connector_id in away else execution.execute(job_id, now)
        found += done is not None
        if done is not None and done.reason == Reason.UNREACHABLE:
            away.add(connector_id)
    return found
