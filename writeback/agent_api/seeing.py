"""What agents see of their directory, written down for the console and for whether writeback is available."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.tenants import opened
from writeback.agent_api.reading import Given
from writeback.models import Agent, Connector

# Polls come more often than anybody needs to know.
NOTED_EVERY = timedelta(seconds=10)
CAPABILITIES = ("unlocks", "requires_change", "tells_tries_left", "names_broken_rule")
MOST_WARNINGS, LONGEST_WARNING = 30, 60


def note_alive(agent: Agent, now: datetime) -> None:
    """It asked for work."""
    with opened(agent.tenant):
        older = Q(seen_at=None) | Q(seen_at__lt=now - NOTED_EVERY)
        if agent.seen_at is None or agent.seen_at < now - NOTED_EVERY:
            Agent.objects.filter(older, pk=agent.pk).update(seen_at=now)


def note(agent: Agent, given: Given, now: datetime) -> None:
    """It looked at its directory."""
    is_reaching = given.flag("reachable")
    seen = _seen(given) if is_reaching else {}
    answer = given.printable("answer", 300)
    with opened(agent.tenant):
        Agent.objects.filter(pk=agent.pk).update(
            seen_at=now, is_reaching=is_reaching, version=given.text("version", 20), report=seen | {"answer": answer}
        )
        changes: dict[str, Any] = {"looked_at": now}
        if is_reaching:
            changes |= {"reached_at": now, "seen": seen, "answer": ""}
        elif not _others_reach_it(agent, now):
            changes |= {"answer": answer}
        Connector.objects.filter(pk=agent.connector_id).update(**changes)


def _others_reach_it(agent: Agent, now: datetime) -> bool:
    others = Agent.objects.filter(connector=agent.connector_id, status=Agent.Status.APPROVED, is_reaching=True)
    return any(other.is_heard(now) for other in others.exclude(pk=agent.pk))


def _seen(given: Given) -> dict[str, Any]:
    able = given.fields.get("capabilities")
    return {
        "server": given.printable("server", 200),
        "vendor": given.printable("vendor", 200),
        "honours_history_on_reset": given.flag("honours_history"),
        "capabilities": {name: bool(able.get(name)) for name in CAPABILITIES} if isinstance(able, dict) else {},
        "warnings": given.texts("warnings", MOST_WARNINGS, LONGEST_WARNING),
    }
