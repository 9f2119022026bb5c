"""Looking at the directories this server reaches, so that nobody proves anything in vain while one is away."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from accounts.tenants import all_opened
from writeback.access import NotDirect, access_of
from writeback.connectors.base import DirectoryError
from writeback.connectors.finding import connector_for, is_installed
from writeback.models import Connector
from writeback.models.connectors import LOOK_EVERY

AT_ONCE = 8
LONGEST_ANSWER = 300


def look_at_due(now: datetime | None = None) -> int:
    """Look at every directory that was not looked at lately, several at once. Returns how many."""
    if not is_installed():
        return 0
    now = now or timezone.now()
    with all_opened():
        mine = [connector for connector in _due(now) if _claim(connector, now)]
    if mine:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look") as pool:
            list(pool.map(_look_and_let_go, mine))
    return len(mine)


def _due(now: datetime) -> list[Connector]:
    idle = Q(looked_at=None) | Q(looked_at__lte=now - LOOK_EVERY)
    direct = Connector.objects.filter(idle, way=Connector.Way.DIRECT, tenant__may_connect_directly=True)
    return list(direct.select_related("tenant", "directory"))


def _claim(connector: Connector, now: datetime) -> bool:
    """One of several workers looks."""
    same = Connector.objects.filter(pk=connector.pk, looked_at=connector.looked_at)
    return same.update(looked_at=now) == 1


def _look_and_let_go(connector: Connector) -> None:
    try:
        with all_opened():
            look(connector)
    finally:
        connections.close_all()


def look(connector: Connector, now: datetime | None = None) -> str:
    """Reach it, bind, and note what was found. Returns what was wrong, as codes for an administrator; or nothing."""
    seen: dict[str, object] = {}
    try:
        directory = connector_for(access_of(connector))
        probe = directory.probe()
    except DirectoryError as error:
        answer = f"{error.reason}: {error.code}" if error.code else str(error.reason)
    except NotDirect as error:
        answer = str(error)
    else:
        answer = ""
        seen = {
            "server": probe.server,
            "vendor": probe.vendor,
            "honours_history_on_reset": probe.honours_history_on_reset,
            "capabilities": asdict(directory.capabilities),
            "warnings": list(probe.warnings),
        }
    note(connector, answer[:LONGEST_ANSWER], seen, now or timezone.now())
    return answer


def note(connector: Connector, answer: str, seen: dict[str, object], now: datetime) -> None:
    """Keep what was seen. What was found before stays while a directory is away."""
    found: dict[str, object] = {} if answer else {"reached_at": now, "seen": seen}
    Connector.objects.filter(pk=connector.pk).update(looked_at=now, answer=answer, **found)
