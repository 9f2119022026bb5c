"""What the page of a directory shows of how it is doing, in words: read from rows, never from the directory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.models import Directory
from writeback.models import Agent, Connector, SyncConflict
from writeback.status import Status, is_old, not_connected, status_of, warnings_of

WAITS_AT_MOST = timedelta(seconds=30)
# Counts of a run that say something to an administrator, in this order.
COUNTED = ("read", "added", "changed", "disabled", "gone", "groups", "conflicts", "skipped")


@dataclass(frozen=True)
class Look:
    """`waits`: a test was asked for and nobody has answered yet; `in_vain`: for so long that nobody will."""

    directory: Directory
    connector: Connector | None
    status: Status
    agents: list[Agent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tested: str = ""
    waits: bool = False
    in_vain: bool = False
    conflicts: int = 0
    looked_ago: str = ""
    heard_ago: str = ""
    sync_counts: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def is_direct(self) -> bool:
        return self.connector is not None and self.connector.way == Connector.Way.DIRECT

    @property
    def seen(self) -> dict[str, Any]:
        return self.connector.seen if self.connector else {}

    @property
    def was_seen(self) -> bool:
        return bool(self.seen)

    @property
    def honours_history(self) -> bool:
        return bool(self.seen.get("honours_history_on_reset"))

    @property
    def heard_at(self) -> datetime | None:
        """When an agent was last heard from."""
        return last_heard(self.agents)


def last_heard(agents: list[Agent]) -> datetime | None:
    return max((agent.seen_at for agent in agents if agent.seen_at), default=None)


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, as people say it."""
    if moment is None:
        return "–"
    if moment + timedelta(minutes=1) > now:
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, now)}


def connector_of(directory: Directory) -> Connector | None:
    """Its connector; None while nobody has said how it is reached."""
    return getattr(directory, "connector", None)


def status_of_directory(directory: Directory, now: datetime) -> Status:
    connector = connector_of(directory)
    return status_of(connector, connector.agents.all(), now) if connector else not_connected()


def look_of(directory: Directory, tested: str, now: datetime) -> Look:
    """`tested`: when a test was asked for, in seconds since 1970; empty or unreadable: none was."""
    connector = connector_of(directory)
    if connector is None:
        return Look(directory, None, not_connected())
    agents = list(connector.agents.all())
    asked_at = _moment(tested, now)
    waits = asked_at is not None and connector.way == Connector.Way.DIRECT and not _has_answered(connector, asked_at)
    in_vain = waits and asked_at is not None and asked_at + WAITS_AT_MOST <= now
    for agent in agents:
        agent.ago = ago(agent.seen_at, now)  # type: ignore[attr-defined]
        agent.is_out_of_date = bool(agent.version) and is_old(agent.version)  # type: ignore[attr-defined]
    return Look(
        directory,
        connector,
        status_of(connector, agents, now),
        agents,
        warnings_of(connector),
        tested=tested if asked_at else "",
        waits=waits and not in_vain,
        in_vain=in_vain,
        looked_ago=ago(connector.looked_at, now),
        heard_ago=ago(last_heard(agents), now),
        conflicts=SyncConflict.objects.filter(connector=connector).count(),
        sync_counts=_counts(connector.sync_result),
    )


def ask_for_look(connector: Connector) -> None:
    """Let a worker look within about a second. An old complaint is forgotten, so that the new answer is told from it."""
    Connector.objects.filter(pk=connector.pk).update(looked_at=None, answer="")


def ask_for_sync(connector: Connector) -> None:
    """Let the next round bring it in, whoever does that."""
    Connector.objects.filter(pk=connector.pk).update(synced_at=None)


def _has_answered(connector: Connector, asked_at: datetime) -> bool:
    if connector.looked_at is None:
        return False
    return bool(connector.answer) or (connector.reached_at is not None and connector.reached_at >= asked_at)


def _moment(tested: str, now: datetime) -> datetime | None:
    """An old one is none: a page that is opened again shows what holds now."""
    if not (tested.isascii() and tested.isdecimal() and len(tested) < 12):
        return None
    moment = datetime.fromtimestamp(int(tested), tz=UTC)
    return moment if moment <= now < moment + 20 * WAITS_AT_MOST else None


def _counts(result: dict[str, Any]) -> list[tuple[str, Any]]:
    words = {
        "read": _("read"),
        "added": _("people added"),
        "changed": _("people changed"),
        "disabled": _("people disabled"),
        "gone": _("gone from the directory"),
        "groups": _("groups"),
        "conflicts": _("not brought in"),
        "skipped": _("values left out"),
    }
    return [(words[name], result[name]) for name in COUNTED if name in result]
