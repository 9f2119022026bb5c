"""One run of a connector at a time: who holds its open row, and until when."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from writeback.models import Agent, Connector, SyncPage, SyncRun
from writeback.models.syncs import LEASE
from writeback.sync.results import Busy, LeaseLost

Status = SyncRun.Status


def begin(
    connector: Connector, status: SyncRun.Status, is_full: bool, mark: str = "", agent: Agent | None = None
) -> SyncRun:
    """Open a run. An open one gives way if its lease is over, or if this agent itself began it and sends it anew.

    Raises Busy.
    """
    now = timezone.now()
    for older in SyncRun.objects.filter(connector=connector, status__in=SyncRun.OPEN):
        begun_again = agent is not None and older.agent_id == agent.pk and older.status == Status.RECEIVING
        if older.is_alive(now) and not begun_again:
            raise Busy
        end(older, Status.ABANDONED)
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                tenant_id=connector.tenant_id,
                connector=connector,
                agent=agent,
                status=status,
                is_full=is_full,
                mark=mark,
                created_at=now,
                lease_until=now + LEASE,
            )
    except IntegrityError:
        raise Busy from None


def renew(run: SyncRun, now: datetime | None = None) -> None:
    """In every transaction of a run: who lost the lease writes nothing. Raises LeaseLost."""
    until = (now or timezone.now()) + LEASE
    if not SyncRun.objects.filter(pk=run.pk, status=run.status).update(lease_until=until):
        raise LeaseLost


def end(run: SyncRun, status: SyncRun.Status, problem: str = "") -> bool:
    """Close a run and erase its pages. Returns whether it was open still."""
    with transaction.atomic():
        open_still = SyncRun.objects.filter(pk=run.pk, status=run.status)
        moved = open_still.update(status=status, finished_at=timezone.now(), problem=problem[:300])
        SyncPage.objects.filter(run=run).delete()
    return bool(moved)
