"""Looking at the directories this server reaches, so that nobody proves anything in vain while one is away."""

import logging
from dataclasses import asdict
from datetime import datetime
from threading import Lock, Thread

from django.db import connections
from django.db.models import F, Q
from django.utils import timezone

from accounts.tenants import all_opened
from writeback.access import NotDirect, access_of
from writeback.connectors.base import DirectoryError
from writeback.connectors.finding import connector_for, is_installed
from writeback.models import Connector
from writeback.models.connectors import LOOK_EVERY

logger = logging.getLogger(__name__)

AT_ONCE = 32
AT_ONCE_OF_ONE_TENANT = 4
LONGEST_ANSWER = 300


class _Looks:
    """What this process is looking at. A directory that never answers holds up itself, and nobody else's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tenants: dict[int, int] = {}

    def begin(self, connector: Connector) -> bool:
        """Whether there is room for this one, and it isn't being looked at already."""
        with self._lock:
            of_tenant = list(self._tenants.values()).count(connector.tenant_id)
            if connector.pk in self._tenants or len(self._tenants) >= AT_ONCE or of_tenant >= AT_ONCE_OF_ONE_TENANT:
                return False
            self._tenants[connector.pk] = connector.tenant_id
            return True

    def end(self, connector: Connector) -> None:
        with self._lock:
            self._tenants.pop(connector.pk, None)


LOOKS = _Looks()


def look_at_due(now: datetime | None = None) -> int:
    """Begin to look at every directory that was not looked at lately, and wait for none. Returns how many."""
    if not is_installed():
        return 0
    now = now or timezone.now()
    begun = 0
    with all_opened():
        for connector in _due(now):
            if not LOOKS.begin(connector):
                continue
            if not _claim(connector, now):
                LOOKS.end(connector)
                continue
            Thread(target=_look_and_let_go, args=(connector,), name=f"look {connector.pk}", daemon=True).start()
            begun += 1
    return begun


def _due(now: datetime) -> list[Connector]:
    idle = Q(looked_at=None) | Q(looked_at__lte=now - LOOK_EVERY)
    direct = Connector.objects.filter(idle, way=Connector.Way.DIRECT, tenant__may_connect_directly=True)
    return list(direct.select_related("tenant", "directory").order_by(F("looked_at").asc(nulls_first=True), "pk"))


def _claim(connector: Connector, now: datetime) -> bool:
    """One of several workers looks."""
    same = Connector.objects.filter(pk=connector.pk, looked_at=connector.looked_at)
    return same.update(looked_at=now) == 1


def _look_and_let_go(connector: Connector) -> None:
    try:
        with all_opened():
            look(connector)
    except Exception as error:  # the next look may go better
        logger.error("Looking at directory %s failed: %s", connector.pk, type(error).__name__)
    finally:
        LOOKS.end(connector)
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
