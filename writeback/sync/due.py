"""Directories that this server reaches, brought in when it is time, and what is thrown away of earlier runs."""

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from accounts.tenants import all_opened, opened
from writeback.access import NotDirect
from writeback.connectors.base import DirectoryError
from writeback.connectors.reading import Reader
from writeback.models import Connector, SyncPage, SyncRun
from writeback.sync.results import Busy, Result, SyncStopped
from writeback.sync.runs import note_failure, run
from writeback.sync.sources import source_of

# After a run that failed; sooner than the usual time, and no load for a directory in trouble.
AGAIN_AFTER = timedelta(minutes=5)
KEPT = timedelta(days=30)

logger = logging.getLogger(__name__)


def due(now: datetime | None = None) -> list[int]:
    """Connectors that nobody has brought in for long enough, the longest waiting first."""
    now = now or timezone.now()
    with all_opened():
        direct = Connector.objects.filter(
            way=Connector.Way.DIRECT, sync_is_on=True, tenant__is_active=True, tenant__may_connect_directly=True
        )
        waiting = [one for one in direct if is_due(one, now)]
    waiting.sort(key=lambda one: (one.synced_at is not None, one.synced_at or now))
    return [one.pk for one in waiting]


def is_due(connector: Connector, now: datetime) -> bool:
    """Whether nobody has brought it in for long enough, and nobody is at it."""
    every = timedelta(minutes=connector.sync_minutes)
    if connector.synced_at is not None and connector.synced_at + every > now:
        return False
    last = SyncRun.objects.filter(connector=connector).order_by("-created_at").first()
    if last is None or last.status == SyncRun.Status.DONE:
        return True
    if last.status in SyncRun.OPEN:
        return not last.is_alive(now)
    # What an administrator has to look at first isn't asked of the directory every few minutes.
    return last.created_at + (every if last.status == SyncRun.Status.STOPPED else min(every, AGAIN_AFTER)) <= now


def bring_in(connector_id: int) -> Result | None:
    """One run of a connector; None where it could not be. Whatever stops it is kept at the connector, and outlived."""
    with all_opened():
        connector = Connector.objects.select_related("tenant").filter(pk=connector_id).first()
    if connector is None:
        return None
    try:
        return run(connector, _source(connector))
    except Busy:
        return None
    except (NotDirect, SyncStopped, DirectoryError, DatabaseError) as stopped:
        logger.error("Directory %s was not brought in: %s", connector_id, type(stopped).__name__)
        return None


def _source(connector: Connector) -> Reader:
    """What keeps it from being reached stands at the connector like any failed run, and is not tried each minute."""
    with opened(connector.tenant):
        try:
            return source_of(connector)
        except (NotDirect, DirectoryError) as stopped:
            note_failure(connector, str(stopped))
            raise


def prune(now: datetime | None = None) -> int:
    """Forget runs of more than 30 days ago, and pages of runs that nobody works at. Returns how many runs."""
    now = now or timezone.now()
    with all_opened():
        SyncPage.objects.filter(run__lease_until__lt=now - timedelta(hours=1)).delete()
        return SyncRun.objects.filter(created_at__lt=now - KEPT).delete()[0]
