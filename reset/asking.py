"""Asking a directory whether a password is right: handed over, waited for, and its answer released on fixed steps of time.

Names that nobody has become a job too: it is carried out alike and finds nobody, so that neither the page nor its time
tells who exists.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import secrets, tenants
from accounts.executors import NoExecutor
from accounts.identifiers import new_id
from accounts.models import Directory, User
from accounts.names import key_of
from reset.claimed import Claimed
from writeback import jobs
from writeback.connectors.base import RIGHT_PASSWORD_REASONS, Reason
from writeback.connectors.orders import Operation
from writeback.jobs import Wanted
from writeback.models import WritebackJob

STEP = timedelta(milliseconds=250)
Status = WritebackJob.Status
# What says nothing of the password: nobody answered, or not in time.
AWAY = frozenset({Reason.UNREACHABLE, Reason.NOT_TRUSTED, Reason.NOT_SUPPORTED, Reason.NO_RIGHTS, Reason.UNKNOWN})


class Answer(StrEnum):
    """What a directory said to a password. DUE: it is right, and has to be changed first."""

    RIGHT = "right"
    DUE = "due"
    WRONG = "wrong"
    AWAY = "away"


@dataclass(frozen=True)
class Waiting:
    """Who waits for which job. Kept in a session of nobody; it opens nothing but the answer.

    `is_right_here`: the password is kept here, and was right. `obstacle`: why this name can't be let in, for the trail only.
    """

    job: str
    typed: str
    tenant_id: int
    user_id: int
    epoch: str
    account_key: str
    is_right_here: bool
    obstacle: str
    started: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.started)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def begin(claimed: Claimed, password: str, is_right_here: bool, now: datetime) -> Waiting | None:
    """Hand the password over to the directory. None while that can't be reached, which holds for every name alike."""
    connector = jobs.find_connector(claimed.directory_id or 0)
    if connector is None or not jobs.is_reachable(connector, now):
        return None
    user = claimed.user if claimed.user and claimed.user.directory_id and not claimed.obstacle else None
    wanted = Wanted(
        connector=connector,
        operation=Operation.VERIFY,
        anchor=user.anchor if user and user.anchor else _nobodys_anchor(connector.directory, claimed.typed),
        deadline=now + jobs.VERIFY_SECONDS,
        user=user,
        origin=new_id(),
        current=password,
    )
    with tenants.opened(connector.tenant):
        try:
            job = jobs.prepare(wanted, now)
        except NoExecutor:
            return None
        with transaction.atomic():
            jobs.submit(job, now)
    known: User | None = claimed.user if user is not None or is_right_here else None
    return Waiting(
        job=str(job.pk),
        typed=claimed.typed.strip()[:254],
        tenant_id=claimed.tenant.pk if claimed.tenant else 0,
        user_id=known.pk if known else 0,
        epoch=known.credentials_epoch if known else "",
        account_key=claimed.account_key,
        is_right_here=is_right_here,
        obstacle=claimed.obstacle,
        started=now.isoformat(),
    )


def _nobodys_anchor(directory: Directory, typed: str) -> str:
    """An anchor that looks like this directory's and is nobody's; the same each time for the same name, however written."""
    made = secrets.pseudo_random(f"nobodys-anchor|{directory.pk}", key_of(typed))
    if directory.kind == Directory.Kind.DS389:
        parts = (made.hex()[start : start + 8] for start in range(0, 32, 8))
        return "-".join(parts)
    return str(UUID(bytes=made[:16], version=4))


def answer_to(waiting: Waiting, now: datetime) -> Answer | None:
    """The directory's answer, at a fixed step of time; None before that."""
    with tenants.all_opened():
        job = WritebackJob.objects.filter(pk=waiting.job).defer("sealed", "signature").first()
    if job is None:
        return Answer.AWAY
    if job.finished_at is None:
        return Answer.AWAY if job.deadline <= now else None
    steps = ceil((job.finished_at - job.created_at) / STEP)
    if now < job.created_at + max(steps, 1) * STEP:
        return None
    return _meaning(job)


def use_up(waiting: Waiting) -> bool:
    """Whether this is the first time that somebody goes on with this answer: a page may be opened many times at once."""
    with tenants.all_opened():
        unused = WritebackJob.objects.filter(pk=waiting.job, origin__isnull=False)
        return bool(unused.update(origin=None) == 1)


def _meaning(job: WritebackJob) -> Answer:
    if job.status == Status.APPLIED:
        return Answer.RIGHT
    if job.reason in RIGHT_PASSWORD_REASONS:
        return Answer.DUE
    if job.status in (Status.EXPIRED, Status.UNCONFIRMED) or job.reason in AWAY:
        return Answer.AWAY
    return Answer.WRONG
