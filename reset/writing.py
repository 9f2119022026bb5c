"""On the way to the directory: handing a password or an unlock over, and what comes back.

VERIFIED ──hand_over──▶ WRITING ──record──▶ COMPLETED │ VERIFIED (another password) │ FAILED │ UNCONFIRMED
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Activity
from accounts.lookups import Lookup
from accounts.models import AuditEvent
from accounts.moving import move, move_and_add
from accounts.tenants import all_opened
from accounts.visitor import Visitor
from reset import completion
from reset.models import ResetRequest, State
from reset.requests import event
from reset.standing import still_stands
from writeback import jobs
from writeback.connectors.orders import Operation
from writeback.jobs import Wanted
from writeback.models import WritebackJob

MOST_REJECTIONS = 10
TOO_MANY_REJECTIONS = "too_many_rejections"
# After a rejection there is time for another try, however late the first one was.
TIME_FOR_ANOTHER = timedelta(minutes=5)
Status = WritebackJob.Status


def hand_over(request: ResetRequest, password: str, visitor: Visitor, now: datetime) -> bool:
    """Seal the new password for the executors of its directory. False: the account changed meanwhile.

    Raises accounts.executors.NoExecutor.
    """
    job = _job(request, Operation.RESET, visitor, now, password)
    if job is None:
        return False
    told = audit.rows(event(request, Activity.PASSWORD_SUBMITTED, visitor, directory=str(job.connector.directory)))
    with transaction.atomic():
        if not _move_on(request, job, told):
            transaction.set_rollback(True)
            return False
        jobs.submit(job, now, is_stored=True)
    return True


def hand_over_unlock(request: ResetRequest, visitor: Visitor, now: datetime) -> bool:
    """The same for an unlock, inside the transaction that passed the last gate."""
    job = _job(request, Operation.UNLOCK, visitor, now)
    if job is None:
        return False
    told = audit.rows(event(request, Activity.UNLOCK_SUBMITTED, visitor, directory=str(job.connector.directory)))
    if not _move_on(request, job, told):
        return False
    jobs.submit(job, now, is_stored=True)
    return True


def _job(
    request: ResetRequest, operation: Operation, visitor: Visitor, now: datetime, new: str = ""
) -> WritebackJob | None:
    """None where the directory was disconnected, or writeback switched off, since the request began."""
    user = request.user
    assert user is not None
    connector = jobs.find_connector(user.directory_id or 0)
    if connector is None or not connector.is_on or not user.anchor:
        return None
    wanted = Wanted(
        connector=connector,
        operation=operation,
        anchor=user.anchor,
        deadline=jobs.deadline_for(connector, max(request.expires_at, now + jobs.FAIL_FAST_SECONDS), now),
        user=user,
        origin=request.pk,
        new=new,
        # Who forgot the password has often tried until the directory locked the account.
        unlock=operation == Operation.RESET,
        visitor=visitor,
    )
    return jobs.prepare(wanted, now)


def _move_on(request: ResetRequest, job: WritebackJob, told: list[AuditEvent]) -> bool:
    changes = {"state": State.WRITING, "reason": "", "secret_digest": request.secret_digest, "job": job.pk}
    here = {"id": request.pk, "state": State.VERIFIED}
    moved = move_and_add([[job], told], ResetRequest, changes, still_stands(request), **here)
    if moved:
        request.state, request.job_id, request.reason = State.WRITING, job.pk, ""
    return moved


def record(job: WritebackJob, now: datetime) -> None:
    """Move the request that waits for this job, if one does; inside the transaction that ended the job."""
    if job.operation not in (Operation.RESET, Operation.UNLOCK) or job.origin is None:
        return
    request = next(iter(WAITING.rows(id=job.origin)), None)
    if request is None or request.job_id != job.pk or request.state != State.WRITING:
        return
    visitor = Visitor(job.client_address, job.user_agent)
    if job.status == Status.APPLIED:
        completion.confirm(request, {"steps": job.steps}, visitor, now)
    elif job.status == Status.REJECTED and request.rejections + 1 < MOST_REJECTIONS:
        _back_to_choosing(request, job, visitor, now)
    else:
        _end(request, job, visitor, now)


def _waiting(id: UUID) -> "QuerySet[ResetRequest]":
    with all_opened():
        return ResetRequest.objects.filter(pk=id).select_related("user", "tenant").order_by()


WAITING = Lookup(_waiting, id=ResetRequest._meta.get_field("id"))


def _back_to_choosing(request: ResetRequest, job: WritebackJob, visitor: Visitor, now: datetime) -> None:
    """Another password, and no new proof."""
    changes = {
        "state": State.VERIFIED,
        "reason": job.reason,
        "rejections": request.rejections + 1,
        "expires_at": max(request.expires_at, now + TIME_FOR_ANOTHER),
    }
    if move(ResetRequest, changes, id=request.pk, state=State.WRITING, job=job.pk):
        audit.record(event(request, Activity.WRITEBACK_REJECTED, visitor, False, job.reason, steps=job.steps))


def _end(request: ResetRequest, job: WritebackJob, visitor: Visitor, now: datetime) -> None:
    """Nothing was written, or nobody knows."""
    state = State.UNCONFIRMED if job.status == Status.UNCONFIRMED else State.FAILED
    changes = {"state": state, "reason": _reason(job), "ended_at": now}
    if move(ResetRequest, changes, id=request.pk, state=State.WRITING, job=job.pk):
        activity = Activity.WRITEBACK_UNCONFIRMED if state == State.UNCONFIRMED else Activity.WRITEBACK_FAILED
        audit.record(event(request, activity, visitor, False, _reason(job), steps=job.steps))


def _reason(job: WritebackJob) -> str:
    if job.status == Status.REJECTED:
        return TOO_MANY_REJECTIONS
    return job.reason or job.status
