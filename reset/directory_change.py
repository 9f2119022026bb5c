"""Changing a password that one knows and that a directory keeps: handed over with the current one, and waited for.

The directory compares the current password and applies its own rules of history and age, as at one of its own machines.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import audit, secrets, tenants
from accounts.audit import Activity, Event
from accounts.executors import NoExecutor
from accounts.identifiers import new_id
from accounts.models import User
from accounts.visitor import Visitor
from notifications.outbox import enqueue
from policy import lockout
from reset.password_change import Change, notices
from reset.password_proof import Failure, account_key_of
from writeback import jobs
from writeback.connectors.base import PASSWORD_REASONS, Reason
from writeback.connectors.orders import Operation
from writeback.jobs import Wanted
from writeback.models import WritebackJob

Status = WritebackJob.Status

logger = logging.getLogger(__name__)


class NotPossible(Exception):
    """Nothing can be changed there: writeback is off, the directory is away, or it doesn't let this person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def begin(user: User, current: str, new: str, visitor: Visitor, now: datetime) -> WritebackJob | Change:
    """Hand both passwords over; the new one was validated before. Returns the job, or why it isn't tried.

    Counted against the sign-in lockout before anything is compared. Raises NotPossible, accounts.executors.NoExecutor.
    """
    connector = jobs.find_connector(user.directory_id or 0)
    if connector is None or not connector.is_on or not user.anchor:
        raise NotPossible("directory_not_connected")
    if user.cannot_change_password:
        raise NotPossible(Reason.CANNOT_CHANGE)
    if not jobs.is_reachable(connector, now):
        raise NotPossible(Reason.UNREACHABLE)
    counted = lockout.count_try(account_key_of(user), current, now)
    if counted.is_locked:
        audit.record(_event(user, visitor, f"current_password_{Failure.LOCKED}"))
        return Change(user, Failure.LOCKED, counted.locked_until)
    wanted = Wanted(
        connector=connector,
        operation=Operation.CHANGE,
        anchor=user.anchor,
        deadline=now + jobs.FAIL_FAST_SECONDS,
        user=user,
        origin=new_id(),
        new=new,
        current=current,
        visitor=visitor,
    )
    job = jobs.prepare(wanted, now)
    with transaction.atomic():
        jobs.submit(job, now)
    return job


def record(job: WritebackJob, now: datetime) -> None:
    """What came of a change; inside the transaction that ended the job. All sessions of the old password end."""
    if job.operation != Operation.CHANGE or job.user_id is None:
        return
    user = User.objects.select_related("tenant").get(pk=job.user_id)
    visitor = Visitor(job.client_address, job.user_agent)
    if job.status != Status.APPLIED:
        audit.record(_event(user, visitor, job.reason or job.status))
        return
    fresh = {"credentials_epoch": epoch_after(job.pk), "password_changed_at": now, "must_change_password": False}
    User.objects.filter(pk=user.pk).update(**fresh)
    lockout.clear(account_key_of(user))
    try:
        enqueue(notices(user, visitor, now), now)
    except NoExecutor:  # what the directory did must not be forgotten because nobody can be told just now
        logger.error("Nobody was told of the change by job %s: no worker has made its key known", job.pk)
    audit.record(_event(user, visitor))


def epoch_after(job_id: UUID) -> str:
    """The account's epoch once this change is made: whoever waits for it can tell whether the account changed again since."""
    return secrets.pseudo_random("epoch-after-change", str(job_id)).hex()[:32]


def find(job_id: str, user_id: int) -> WritebackJob | None:
    """A person's own change."""
    with tenants.all_opened():
        jobs_of_user = WritebackJob.objects.filter(pk=UUID(job_id), user=user_id, operation=Operation.CHANGE)
        job: WritebackJob | None = (
            jobs_of_user.select_related("connector__directory", "agent").defer("sealed", "signature").first()
        )
    return job


def is_about_new_password(reason: str) -> bool:
    """Whether another new password may be accepted."""
    return reason in PASSWORD_REASONS


def _event(user: User, visitor: Visitor, reason: str = "") -> Event:
    return Event(
        Activity.PASSWORD_CHANGED,
        user.tenant_id,
        succeeded=not reason,
        reason=reason,
        actor=user,
        target=user,
        visitor=visitor,
    )
