"""What an agent sends of a directory, page by page, kept sealed until all of it is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import Length
from django.utils.translation import gettext as _

from accounts import secrets
from accounts.models import Tenant
from accounts.tenants import opened
from writeback.connectors.records import BadRecord, Page, read_page
from writeback.models import Agent, Connector, SyncPage, SyncRun
from writeback.sync import leases, runs
from writeback.sync.pages import pack, unpack
from writeback.sync.results import LeaseLost, Result, SyncStopped

MOST_PAGES = 5000
MOST_PAGE_BYTES = 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024
Status = SyncRun.Status


class NoSuchRun(SyncStopped):
    """Not this agent's, not of this tenant, over already, or never begun."""

    def __init__(self) -> None:
        super().__init__(_("There is no such run, or it is over."))


class Incomplete(SyncStopped):
    def __init__(self) -> None:
        super().__init__(_("Pages are missing. Send them, then finish again."))


class TooMuch(SyncStopped):
    def __init__(self) -> None:
        super().__init__(_("This is more than one run may hold."))


class FullWanted(SyncStopped):
    def __init__(self) -> None:
        super().__init__(_("The server needs everything, not only changes."))


def begin(agent: Agent, connector: Connector, full: bool, mark: str) -> UUID:
    """Open a run for pages to come; `mark` is where the directory stood before it was read.

    Changes alone have to be those since `since_of(connector)`. Raises Busy, FullWanted, or NoSuchRun for a foreign agent.
    """
    if agent.connector_id != connector.pk or agent.tenant_id != connector.tenant_id:
        raise NoSuchRun
    with opened(Tenant.objects.get(pk=connector.tenant_id)):
        fresh = Connector.objects.get(pk=connector.pk)
        if not full and runs.since_of(fresh) is None:
            raise FullWanted
        return leases.begin(fresh, Status.RECEIVING, full, mark, agent).pk


def add(run: UUID, number: int, records: Any, agent: Agent) -> None:
    """Keep one page, numbered from 1. A number that is there already is left as it is: sent twice is sent once.

    Raises NoSuchRun, TooMuch, BadRecord.
    """
    read_page(records)
    packed = pack(records)
    if not 1 <= number <= MOST_PAGES or len(packed) > MOST_PAGE_BYTES:
        raise TooMuch
    with _of_agent(run, agent, Status.RECEIVING) as row, transaction.atomic():
        leases.renew(row)
        held = SyncPage.objects.filter(run=row).aggregate(bytes=Sum(Length("sealed")))["bytes"] or 0
        if held + len(packed) > MOST_BYTES:
            raise TooMuch
        page = SyncPage(tenant_id=row.tenant_id, run=row, number=number)
        page.sealed = secrets.seal(packed, page.place)
        SyncPage.objects.bulk_create([page], ignore_conflicts=True)


def finish(run: UUID, agent: Agent) -> Result:
    """Bring in what came. Raises Incomplete where a number is missing (the run stays open), NoSuchRun, and what a run raises.

    Sent again while the first one works, it finds no such run.
    """
    with _of_agent(run, agent, Status.RECEIVING) as row:
        connector = Connector.objects.get(pk=row.connector_id)
        numbers = SyncPage.objects.filter(run=row).aggregate(count=Count("id"), first=Min("number"), last=Max("number"))
        if numbers["count"] and (numbers["first"], numbers["last"]) != (1, numbers["count"]):
            raise Incomplete
        if not SyncRun.objects.filter(pk=row.pk, status=Status.RECEIVING).update(status=Status.RUNNING):
            raise NoSuchRun
        row.status = Status.RUNNING
        with runs.closing(row, connector):
            try:
                return runs.apply(row, connector, Received(row))
            except (secrets.Damaged, secrets.UnknownKey):
                raise BadRecord("a page can't be opened any more") from None


@dataclass(frozen=True)
class Received:
    """The pages of a run, one after the other."""

    run: SyncRun

    def __iter__(self) -> Iterator[Page]:
        numbers = SyncPage.objects.filter(run=self.run).order_by("number").values_list("number", flat=True)
        for number in list(numbers):
            page = SyncPage.objects.get(run=self.run, number=number)
            yield unpack(secrets.open_sealed(bytes(page.sealed), page.place))


@contextmanager
def _of_agent(run: UUID, agent: Agent, status: SyncRun.Status) -> Iterator[SyncRun]:
    """The run, if it is this agent's and open, with its tenant's rows opened."""
    with opened(Tenant.objects.get(pk=agent.tenant_id)):
        row = SyncRun.objects.filter(pk=run, agent=agent, connector=agent.connector_id, status=status).first()
        if row is None:
            raise NoSuchRun
        try:
            yield row
        except LeaseLost:
            raise NoSuchRun from None
