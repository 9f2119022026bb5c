"""Front door of writeback: whether a password can be written where it belongs, and handing over what is to be written.

availability(found) ──▶ prepare(wanted) ──▶ submit(job), inside the caller's transaction
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, QuerySet

from accounts import boxes, executors, publishing, secrets, signing
from accounts.executors import NoExecutor
from accounts.identifiers import moment_of, new_id
from accounts.inserting import insert
from accounts.lookups import Lookup
from accounts.models import Directory, User
from accounts.people import Found
from accounts.tenants import all_opened
from accounts.visitor import NOBODY, Visitor
from writeback.connectors.orders import Operation
from writeback.models import Agent, Connector, WritebackJob
from writeback.models.agents import SEEN_WITHIN
from writeback.signals import job_finished

Status = WritebackJob.Status

FAIL_FAST_SECONDS = timedelta(seconds=60)
VERIFY_SECONDS = timedelta(seconds=20)
TASK, QUEUE = "writeback.tasks.execute", "writeback"
AGENT_MAC = "agent"
# What a newer job takes the place of: two passwords for one account, or two unlocks.
PASSWORDS, UNLOCKS = (Operation.RESET, Operation.CHANGE), (Operation.UNLOCK,)
OF_ONE_SORT: dict[Operation, tuple[Operation, ...]] = {
    Operation.RESET: PASSWORDS,
    Operation.CHANGE: PASSWORDS,
    Operation.UNLOCK: UNLOCKS,
    Operation.VERIFY: (),
}
# What has written, or may still: next to these an older one has nothing left to do.
MAY_HAVE_WRITTEN = (Status.QUEUED, Status.CLAIMED, Status.APPLIED, Status.UNCONFIRMED)


@dataclass(frozen=True)
class Availability:
    """Whether the authority for a name is a directory, and whether a password can be written there now.

    `domain_is_writable` holds for every name under the domain, known or not.
    """

    is_directory: bool = False
    is_writable: bool = True
    domain_is_writable: bool = True
    is_off: bool = False


@dataclass(frozen=True)
class Wanted:
    """What is to be done to one account. `origin` is who waits for it; `deadline`: nothing begins after it."""

    connector: Connector
    operation: Operation
    anchor: str
    deadline: datetime
    user: User | None = None
    origin: UUID | None = None
    new: str = field(default="", repr=False)
    current: str = field(default="", repr=False)
    unlock: bool = False
    must_change: bool = False
    by_administrator: bool = False
    visitor: Visitor = NOBODY


def _connectors(directory: int, other: int) -> "QuerySet[Connector]":
    with all_opened():
        agents = Agent.objects.filter(connector=OuterRef("pk"), status=Agent.Status.APPROVED, is_reaching=True)
        rows = Connector.objects.filter(directory__in=[directory, other]).select_related("tenant", "directory")
        return rows.annotate(heard_at=agents.order_by("-seen_at").values("seen_at")[:1]).order_by()


OF_DIRECTORIES = Lookup(_connectors, directory=Directory._meta.get_field("id"), other=Directory._meta.get_field("id"))


def availability(found: Found, now: datetime) -> Availability:
    """What holds for a typed name. In a tenant with directories one statement, whoever it is; elsewhere none."""
    domain, user = found.domain, found.user
    if found.tenant is None or not getattr(found.tenant, "has_directories", False):
        return Availability()
    of_domain = domain.directory_id or 0 if domain and domain.authority in domain.IN_DIRECTORY else 0
    of_user = user.directory_id or 0 if user else 0
    rows = {row.directory_id: row for row in OF_DIRECTORIES.rows(directory=of_domain, other=of_user)}
    concerned = [rows.get(directory) for directory in dict.fromkeys((of_domain, of_user)) if directory]
    return Availability(
        is_directory=bool(concerned),
        is_writable=all(is_writable(one, now) for one in concerned),
        domain_is_writable=not of_domain or is_writable(rows.get(of_domain), now),
        is_off=any(one is None or not one.is_on for one in concerned),
    )


def is_writable(connector: Connector | None, now: datetime) -> bool:
    """Whether writeback is on, and the directory can be reached or the organisation wants passwords held until it can."""
    if connector is None or not connector.is_on:
        return False
    return connector.patience == Connector.Patience.HOLD or is_reachable(connector, now)


def is_reachable(connector: Connector, now: datetime) -> bool:
    """Whether whoever is to reach the directory did lately. `connector` comes from `find_connector` or `availability`."""
    if connector.way == Connector.Way.DIRECT:
        return connector.tenant.may_connect_directly and connector.was_reached(now)
    heard_at: datetime | None = connector.heard_at  # type: ignore[attr-defined]
    return heard_at is not None and heard_at + SEEN_WITHIN > now


def find_connector(directory_id: int) -> Connector | None:
    """The connector of a directory, with its tenant and when an agent was last heard from."""
    return next(iter(OF_DIRECTORIES.rows(directory=directory_id, other=0)), None)


def deadline_for(connector: Connector, held_until: datetime, now: datetime) -> datetime:
    """Until when a password may be written: soon, or as long as the request lives where the organisation wants it held."""
    if connector.patience == Connector.Patience.HOLD:
        return held_until
    return min(held_until, now + FAIL_FAST_SECONDS)


def prepare(wanted: Wanted, now: datetime) -> WritebackJob:
    """The job as a row that is not written yet, sealed and signed. Raises accounts.executors.NoExecutor."""
    identifier = new_id()
    job = WritebackJob(
        id=identifier,
        created_at=moment_of(identifier),
        tenant_id=wanted.connector.tenant_id,
        connector=wanted.connector,
        user=wanted.user,
        anchor=wanted.anchor,
        operation=wanted.operation,
        unlock=wanted.unlock,
        must_change=wanted.must_change,
        by_administrator=wanted.by_administrator,
        origin=wanted.origin,
        client_address=wanted.visitor.address,
        user_agent=wanted.visitor.user_agent[:300],
        deadline=wanted.deadline,
    )
    typed = json.dumps({"new": wanted.new, "current": wanted.current}).encode()
    job.sealed = boxes.seal_to(_public_keys(wanted.connector), typed, job.info)
    job.signature = signing.sign(signed_content(job))
    return job


def signed_content(job: WritebackJob) -> bytes:
    """What this server signs and executors check: a writer to the database can't make a job, or change one.

    An agent gets its own box alone, so each box is named by a digest of its own.
    """
    return f"{job.signed}|{boxes.inventory(bytes(job.sealed))}".encode()


def _public_keys(connector: Connector) -> list[bytes]:
    if connector.way == Connector.Way.DIRECT:
        return executors.current_keys()
    agents = Agent.objects.filter(connector=connector, status=Agent.Status.APPROVED)
    keys = [
        bytes(agent.public_key) for agent in agents if secrets.digest_matches(agent.mac, AGENT_MAC, agent.mac_content)
    ]
    if not keys:
        raise NoExecutor
    return keys


def submit(job: WritebackJob, now: datetime, is_stored: bool = False) -> None:
    """Store a job, end older ones that it takes the place of, and tell whoever is to do it. Inside a transaction.

    `is_stored`: the caller's own statement brought the row in.
    """
    if not is_stored:
        insert([job])
    supersede(job, now)
    if job.connector.way == Connector.Way.DIRECT:
        transaction.on_commit(partial(publishing.publish, TASK, str(job.pk), QUEUE))


def supersede(newer: WritebackJob, now: datetime) -> None:
    """End the queued jobs that a newer one takes the place of, and erase them. One that is at work goes on until it ends."""
    sort = OF_ONE_SORT[Operation(newer.operation)]
    if newer.user_id is None or not sort:
        return
    for job in OTHERS_QUEUED.rows(user=newer.user_id, id=newer.pk):
        if job.operation in sort and job.created_at <= newer.created_at:
            end(job, unless_written(job, Status.SUPERSEDED), now, expected=Status.QUEUED)


def _others_queued(user: int, id: UUID) -> "QuerySet[WritebackJob]":
    with all_opened():
        queued = WritebackJob.objects.filter(user=user, status=Status.QUEUED).exclude(pk=id)
        return queued.select_related("tenant").order_by()


OTHERS_QUEUED = Lookup(_others_queued, user=User._meta.get_field("id"), id=WritebackJob._meta.get_field("id"))


def unless_written(job: WritebackJob, status: str) -> str:
    """How a job ends that nobody works on. An attempt that got as far as the mark may have written: nobody knows."""
    return status if job.first_mark is None else Status.UNCONFIRMED


def end(job: WritebackJob, status: str, now: datetime, expected: str, reason: str = "") -> bool:
    """End a job that nothing was written for, or nobody knows of, and erase what was sealed. Tells upwards."""
    here = WritebackJob.objects.filter(pk=job.pk, status=expected, attempts=job.attempts)
    with transaction.atomic():
        if here.update(status=status, sealed=b"", finished_at=now, reason=reason) != 1:
            return False
        job.status, job.sealed, job.finished_at, job.reason = status, b"", now, reason
        job_finished.send(sender=WritebackJob, job=job)
    return True


def waiting_for(origin: UUID) -> WritebackJob | None:
    """The newest job of a reset request or sign-in, without what is sealed."""
    jobs = WritebackJob.objects.filter(origin=origin).select_related("connector__directory", "agent")
    return jobs.defer("sealed", "signature").order_by("-created_at").first()


def mac_of(agent: Agent) -> str:
    """The MAC of an agent's row as it is now."""
    return secrets.digest(AGENT_MAC, agent.mac_content)
