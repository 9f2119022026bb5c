"""Front door: one run of one connector, from what is read to what is counted.

Everything is read before anything is written, and written in transactions of some thousand rows, each of which asks
whether the run is still ours. Whatever stops it, the next run finds the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Activity, Event
from accounts.importing.replacing import Replaced
from accounts.models import Tenant, User
from accounts.names import domain_of, key_of
from accounts.tenants import opened
from writeback.connectors.base import DirectoryError
from writeback.connectors.records import Page
from writeback.models import Connector, SyncConflict, SyncRun
from writeback.signals import values_replaced
from writeback.sync import leases
from writeback.sync.checking import rules_of
from writeback.sync.groups import Groups
from writeback.sync.leaving import Presence, disable_gone, guard
from writeback.sync.pages import Source, people_of, read
from writeback.sync.people import People
from writeback.sync.results import LeaseLost, Progress, Report, Result, SyncStopped, TooManyDisabled, ignore
from writeback.sync.work import OnReplaced, Work

FULL_EVERY = timedelta(hours=24)
Status = SyncRun.Status


@dataclass(frozen=True)
class Listener:
    """Who hears of a run while it goes on, and how many people it may disable whatever the connector says."""

    progress: Progress = ignore
    report: Report = ignore
    force_disable: int | None = None


QUIET = Listener()


class _Undone(Exception):
    """Ends a dry run's transaction."""


def run(
    connector: Connector,
    source: Source,
    full: bool = False,
    dry_run: bool = False,
    progress: Progress = ignore,
    *,
    report: Report = ignore,
    force_disable: int | None = None,
) -> Result:
    """Read a directory and bring in what differs; everything where `full` or where it is time for it.

    Raises SyncStopped (Busy, TooManyDisabled, LeaseLost) and DirectoryError. A dry run does all of it in one
    transaction, which it rolls back: rows that would change are locked meanwhile.
    """
    listener = Listener(progress, report, force_disable)
    with opened(Tenant.objects.get(pk=connector.tenant_id)):
        since = None if full else since_of(connector)
        if dry_run:
            _, since, pages = read(source, since, progress, ignore)
            return _rehearse(connector, pages, since is None, listener)
        row = leases.begin(connector, Status.RUNNING, since is None)
        with closing(row, connector):
            row.mark, since, pages = read(source, since, progress, lambda: leases.renew(row))
            row.is_full = since is None
            return apply(row, connector, pages, listener)


def since_of(connector: Connector, now: datetime | None = None) -> str | None:
    """The mark to read changes since; None where everything has to be read: at first, once a day, when a mark was given
    up, and when a name that somebody could not have is free.
    """
    last, now = connector.fully_synced_at, now or timezone.now()
    if not connector.sync_mark or last is None or last + FULL_EVERY <= now or _has_free_name(connector):
        return None
    return connector.sync_mark


def _has_free_name(connector: Connector) -> bool:
    rules = rules_of(Tenant.objects.get(pk=connector.tenant_id))
    conflicts = SyncConflict.objects.filter(connector=connector, is_group=False)
    unverified = conflicts.filter(reason=SyncConflict.Reason.DOMAIN_NOT_VERIFIED).values_list("name", flat=True)
    if any(domain_of(name) in rules.verified_domains for name in unverified.iterator()):
        return True
    taken = conflicts.filter(reason=SyncConflict.Reason.NAME_TAKEN).values_list("name", flat=True)
    keys = {key_of(name) for name in taken[:1000]}
    held = User.objects.filter(tenant=connector.tenant_id, principal_key__in=keys).count()
    return held < len(keys)


@contextmanager
def closing(row: SyncRun, connector: Connector) -> Iterator[None]:
    """Close the run however it ends, with a sentence or a word that says why."""
    try:
        yield
    except TooManyDisabled as stopped:
        _fail(row, connector, Status.STOPPED, str(stopped))
        counts = {"would_disable": stopped.count, "enabled": stopped.enabled}
        event = Event(
            Activity.DIRECTORY_SYNC_STOPPED, connector.tenant_id, succeeded=False, reason="too_many_disabled",
            correlation_id=row.pk, details={"directory": connector.directory_id, **counts},
        )  # fmt: skip
        audit.record(event)
        raise
    except LeaseLost:
        raise
    except (SyncStopped, DirectoryError) as stopped:
        _fail(row, connector, Status.FAILED, str(stopped))
        raise
    except BaseException as error:
        _fail(row, connector, Status.FAILED, type(error).__name__)
        raise


def note_failure(connector: Connector, problem: str) -> None:
    """Keep why a run could not even begin. Raises Busy."""
    _fail(leases.begin(connector, Status.RUNNING, False), connector, Status.FAILED, problem)


def _fail(row: SyncRun, connector: Connector, status: SyncRun.Status, problem: str) -> None:
    if leases.end(row, status, problem):
        known = Connector.objects.values_list("sync_result", flat=True).get(pk=connector.pk)
        Connector.objects.filter(pk=connector.pk).update(sync_result={**known, "problem": problem})


def apply(row: SyncRun, connector: Connector, pages: Iterable[Page], listener: Listener = QUIET) -> Result:
    """Write what was read, and close the run. `pages` is gone through several times."""
    work = _work(row, connector, row.is_full, listener)
    _write(work, pages, listener)
    with work.transaction():
        _finish(work, row)
    return work.result


def _rehearse(connector: Connector, pages: Iterable[Page], is_full: bool, listener: Listener) -> Result:
    work = _work(None, connector, is_full, listener)
    try:
        with transaction.atomic():
            _write(work, pages, listener)
            raise _Undone
    except _Undone:
        return work.result


def _work(row: SyncRun | None, connector: Connector, is_full: bool, listener: Listener) -> Work:
    tenant = Tenant.objects.get(pk=connector.tenant_id)

    def tell(people: Sequence[Replaced]) -> int:
        answers = values_replaced.send(sender=Connector, tenant=tenant, people=people)
        return sum(int(told or 0) for _, told in answers)

    on_replaced: OnReplaced = tell
    conflicting = set(SyncConflict.objects.filter(connector=connector).values_list("anchor", flat=True))
    return Work(
        tenant=tenant,
        connector=connector,
        run=row,
        rules=rules_of(tenant),
        now=timezone.now(),
        is_full=is_full,
        on_replaced=on_replaced,
        progress=listener.progress,
        report=listener.report,
        result=Result(is_full=is_full),
        conflicting=conflicting,
    )


def _write(work: Work, pages: Iterable[Page], listener: Listener) -> None:
    """People, then who is gone, then names that are free by now, then groups: each step needs those before it."""
    presence = Presence().look(pages, work.is_full)
    guard(work.connector, presence, listener.force_disable)
    people = People(work)
    for batch in people_of(pages):
        people.add(batch)
        work.progress("people", work.result.read, presence.people)
    if presence.is_known:
        disable_gone(work, presence.present)
    people.settle()
    groups = Groups(work)
    for page in pages:
        groups.add(page.groups)
    groups.write()
    if work.is_full:
        SyncConflict.objects.filter(connector=work.connector, seen_at__lt=work.now).delete()


def _finish(work: Work, row: SyncRun) -> None:
    """Keep the mark only now: a run that was cut short is read again from the old one."""
    marks: dict[str, object] = {"sync_mark": "" if work.is_doubtful else row.mark, "synced_at": work.now}
    if work.is_full:
        marks["fully_synced_at"] = work.now
    Connector.objects.filter(pk=work.connector.pk).update(sync_result=work.result.as_json(), **marks)
    details = {"directory": work.connector.directory_id, **work.result.counts}
    audit.record(Event(Activity.DIRECTORY_SYNCED, work.tenant.pk, correlation_id=row.pk, details=details))
    leases.end(row, Status.DONE)
