"""The executor's steps with one job: claim it, carry it out, finish it. Killed anywhere, it is found and does no harm.

    claim ──▶ note_mark (before anything is written) ──▶ finish
      └── lease lost ──▶ recover: queued again, or over

An agent's calls end here too (`writeback/agent_api/`); the worker runs `execute`.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts import executors, signing
from accounts.lookups import Lookup
from accounts.moving import move
from accounts.tenants import all_opened
from writeback import jobs
from writeback.access import access_of
from writeback.connectors.base import Connector as DirectoryConnector
from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.finding import connector_for
from writeback.connectors.orders import Operation, Order, Outcome, Report, Step, StepResult
from writeback.models import Agent, Connector, WritebackJob
from writeback.signals import job_finished

Status = WritebackJob.Status

LEASE = timedelta(seconds=12)
# An operation that begins must be able to end, and its outcome to arrive, while the lease lasts.
RESERVED = timedelta(seconds=6)
# A modify that was on its way when the lease ended may take this long to arrive; only then somebody else may begin.
LONGEST_OPERATION = timedelta(seconds=8)
TOLD_AFTER_SECONDS = 0.3
# Before a job that found its directory away is tried again.
PAUSE = timedelta(seconds=5)
ENDS_AS = {
    Outcome.APPLIED: Status.APPLIED,
    Outcome.REJECTED: Status.REJECTED,
    Outcome.FAILED: Status.FAILED,
    Outcome.UNCONFIRMED: Status.UNCONFIRMED,
    Outcome.LATE: Status.EXPIRED,
}
JOB = WritebackJob._meta.db_table


def _among(column: str, values: Sequence[str]) -> str:
    names = ", ".join(f"'{one}'" for one in values)
    return f"{column} IN ({names})"


# A job that takes the place of this one came in after it. Not only `supersede` looks: the two may pass each other, and
# this one may come back to the queue later.
HAS_NEWER = f"""
    EXISTS (
        SELECT 1 FROM {JOB} newer
        WHERE newer.user_id = {JOB}.user_id AND newer.created_at > {JOB}.created_at
          AND {_among("newer.status", jobs.MAY_HAVE_WRITTEN)}
          AND ({_among("newer.operation", jobs.PASSWORDS)} AND {_among(f"{JOB}.operation", jobs.PASSWORDS)}
               OR {_among("newer.operation", jobs.UNLOCKS)} AND {_among(f"{JOB}.operation", jobs.UNLOCKS)})
    )
"""  # noqa: S608 - names of tables and constants only
# Nobody else is at work on this account (by anchor: for accounts that nobody has it holds too, or the time would tell),
# nothing was asked for since that this would undo, and a pause is over.
CLAIMABLE = f"""
    deadline > %s AND (lease_until IS NULL OR lease_until <= %s) AND NOT EXISTS (
        SELECT 1 FROM {JOB} other
        WHERE other.connector_id = {JOB}.connector_id AND other.anchor = {JOB}.anchor AND other.status = '{Status.CLAIMED}'
    ) AND NOT {HAS_NEWER}
"""  # noqa: S608 - table names only

logger = logging.getLogger(__name__)


def claim(job_id: UUID, now: datetime, agent: Agent | None = None) -> WritebackJob | None:
    """Take a queued job for LEASE. Returns it with connector, tenant and user; None when there is nothing to take."""
    moment = connection.ops.adapt_datetimefield_value(now)
    changes: dict[str, Any] = {"status": Status.CLAIMED, "claimed_at": now, "lease_until": now + LEASE}
    changes["agent"] = agent.pk if agent else None
    free = RawSQL(CLAIMABLE, [moment, moment], output_field=BooleanField())  # noqa: S611 - table names and parameters only
    # One statement is a transaction of its own; inside another one a savepoint keeps that one usable.
    guarded = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guarded:
            taken = move(WritebackJob, changes, free, counted="attempts", id=job_id, status=Status.QUEUED)
    except IntegrityError:  # another job of the same account was taken at the same moment
        taken = False
    return next(iter(TAKEN.rows(id=job_id)), None) if taken else None


def _taken(id: UUID) -> "QuerySet[WritebackJob]":
    with all_opened():
        return WritebackJob.objects.filter(pk=id).select_related("connector__tenant", "connector__directory").order_by()


TAKEN = Lookup(_taken, id=WritebackJob._meta.get_field("id"))


def note_mark(job: WritebackJob, mark: str) -> bool:
    """Keep the directory's version mark before anything is written. False: the lease went to somebody else."""
    held: dict[str, Any] = {"status": Status.CLAIMED, "attempts": job.attempts}
    return move(WritebackJob, {"first_mark": mark}, id=job.pk, **held)


def note_step(job: WritebackJob, steps: dict[str, str]) -> None:
    """Show a step that is done while others are still to come."""
    held: dict[str, Any] = {"status": Status.CLAIMED, "attempts": job.attempts}
    move(WritebackJob, {"steps": steps}, id=job.pk, **held)


def finish(job: WritebackJob, report: Report, now: datetime) -> bool:
    """Write down what came of it, erase what was sealed and tell upwards. False: the lease was lost, and nothing moved."""
    status = ENDS_AS[report.outcome]
    changes = {
        # Late, but an attempt before this one may have been in time.
        "status": jobs.unless_written(job, status) if report.outcome is Outcome.LATE else status,
        "steps": {str(step): str(result) for step, result in report.steps.items()},
        "reason": str(report.reason or ""),
        "code": report.code[:300],
        "sealed": b"",
        "finished_at": now,
    }
    held: dict[str, Any] = {"status": Status.CLAIMED, "attempts": job.attempts}
    with transaction.atomic():
        if not move(WritebackJob, changes, id=job.pk, **held):
            _warn_if_written(job, report)
            return False
        for name, value in changes.items():
            setattr(job, name, value)
        job_finished.send(sender=WritebackJob, job=job)
    if report.outcome not in (Outcome.APPLIED, Outcome.REJECTED) and job.operation != Operation.VERIFY:
        logger.warning("Job %s (%s) ended as %s: %s %s", job.pk, job.operation, job.status, job.reason, job.code)
    return True


def _warn_if_written(job: WritebackJob, report: Report) -> None:
    """Frozen in the middle of its last operation, an executor may write after its lease: the row can't say so any more."""
    if report.steps.get(Step.PASSWORD) in (StepResult.DONE, StepResult.UNKNOWN):
        logger.error(
            "Job %s: an attempt that had lost its lease may have set the password (%s)", job.pk, report.outcome
        )


def wait(job: WritebackJob, now: datetime, reason: Reason | None = None) -> bool:
    """Put a job back to the queue, for another try after a pause. False: the lease was lost, and nothing moved.

    `reason`: of this attempt. The row keeps none, for it is not over; the caller finds it on `job`.
    """
    held: dict[str, Any] = {"status": Status.CLAIMED, "attempts": job.attempts}
    changes = {"status": Status.QUEUED, "lease_until": now + PAUSE, "claimed_at": None, "agent": None}
    if not move(WritebackJob, changes, id=job.pk, **held):
        return False
    job.status, job.reason = Status.QUEUED, str(reason or "")
    return True


def order_of(job: WritebackJob, new: str, current: str) -> Order:
    """The job as executors carry it out."""
    return Order(
        operation=Operation(job.operation),
        anchor=job.anchor,
        new=new,
        current=current,
        unlock=job.unlock,
        must_change=job.must_change,
        by_administrator=job.by_administrator,
        first_mark=job.first_mark,
    )


def execute(job_id: UUID, now: datetime | None = None) -> WritebackJob | None:
    """Do one job in a directory that this server reaches. None when there was nothing to do."""
    started = monotonic()
    with all_opened():
        claimed_at = now or timezone.now()
        job = claim(job_id, claimed_at)
        if job is None:
            return None
        if job.connector.way != Connector.Way.DIRECT and not executors.has_box(bytes(job.sealed)):
            hand_back(job)  # a task named an agents' job: no reason to take it from them
            return None
        conclude(job, _carry_out(job, started, claimed_at), now or timezone.now())
    return job


def hand_back(job: WritebackJob) -> None:
    """Who took it can't have it, or went away before it got it: somebody else may, at once."""
    held = WritebackJob.objects.filter(pk=job.pk, status=Status.CLAIMED, attempts=job.attempts)
    held.update(status=Status.QUEUED, lease_until=None, claimed_at=None, agent=None)


def conclude(job: WritebackJob, report: Report, now: datetime) -> bool:
    """What an executor says of its attempt: the end, or another try after a pause. False: the lease was lost."""
    return wait(job, now, report.reason) if _may_wait(job, report, now) else finish(job, report, now)


def _may_wait(job: WritebackJob, report: Report, now: datetime) -> bool:
    """Whether another try may do better: this process stood still, or passwords may wait for the directory."""
    if now + PAUSE >= job.deadline:
        return False
    is_away = report.reason is Reason.UNREACHABLE and report.outcome in (Outcome.FAILED, Outcome.UNCONFIRMED)
    holds = job.connector.patience == Connector.Patience.HOLD and job.operation != Operation.VERIFY
    return report.outcome is Outcome.LATE or (is_away and holds)


def _carry_out(job: WritebackJob, started: float, claimed_at: datetime) -> Report:
    """Do the work. Raises only what the database says: then the row stays, and the sweep comes back to it."""
    if job.connector.way != Connector.Way.DIRECT or not signing.is_ours(bytes(job.signature), jobs.signed_content(job)):
        logger.error("Job %s is not one that this server made for itself", job.pk)
        return not_begun(job, Reason.NOT_SUPPORTED)
    if not job.connector.is_on and job.operation != Operation.VERIFY:
        return not_begun(job, Reason.NOT_SUPPORTED, "switched off")
    try:
        typed = json.loads(executors.open_sealed(bytes(job.sealed), job.info))
        order = order_of(job, typed["new"], typed["current"])
        directory = connector_for(access_of(job.connector))
    except DirectoryError as error:
        return not_begun(job, error.reason, error.code)
    except Error:
        raise
    except Exception as error:
        logger.error("Job %s could not be begun: %s", job.pk, type(error).__name__)
        return not_begun(job, Reason.NOT_SUPPORTED, type(error).__name__)
    return _carry_out_in(directory, order, job, started, claimed_at)


def not_begun(job: WritebackJob, reason: Reason, code: str = "") -> Report:
    """This attempt wrote nothing; of one before it that is known only if it never got to the mark."""
    is_known = job.first_mark is None or job.operation == Operation.VERIFY
    return Report(Outcome.FAILED if is_known else Outcome.UNCONFIRMED, reason=reason, code=code)


def _carry_out_in(
    directory: DirectoryConnector, order: Order, job: WritebackJob, started: float, claimed_at: datetime
) -> Report:
    try:
        return carry_out(
            directory,
            order,
            note_mark=lambda mark: note_mark(job, mark),
            may_start=_until(started, job, claimed_at),
            told=_Telling(job, started),
        )
    except Error:
        raise
    except Exception as error:  # a job that can't be done must not come back for ever
        logger.error("Job %s was not carried out: %s", job.pk, type(error).__name__)
        known = Outcome.FAILED if job.operation == Operation.VERIFY else Outcome.UNCONFIRMED
        return Report(known, reason=Reason.UNKNOWN, code=type(error).__name__)


def _until(started: float, job: WritebackJob, claimed_at: datetime) -> Callable[[], bool]:
    """Whether there is time to begin an operation and hear its answer: by this process's own clock."""
    seconds = min(LEASE - RESERVED, job.deadline - claimed_at).total_seconds()
    return lambda: monotonic() < started + seconds


class _Telling:
    """Shows steps as they are done, where the whole takes long enough for somebody to see them."""

    def __init__(self, job: WritebackJob, started: float) -> None:
        self._job, self._started = job, started
        self._steps: dict[str, str] = {}

    def __call__(self, step: Step, result: StepResult) -> None:
        self._steps[str(step)] = str(result)
        if monotonic() > self._started + TOLD_AFTER_SECONDS:
            with suppress(Error):  # what is done is done, shown or not
                note_step(self._job, self._steps)
