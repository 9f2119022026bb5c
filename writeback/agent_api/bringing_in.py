"""People and groups that an agent reads from its directory and sends in pages."""

from datetime import datetime
from typing import Any

from accounts.tenants import opened
from writeback.agent import protocol
from writeback.agent_api.reading import Given
from writeback.agent_api.refusals import NotAllowed, NotFound
from writeback.agent_api.signed import Signed, sender
from writeback.connectors.records import BadRecord
from writeback.models import Agent, Connector
from writeback.sync import inbox
from writeback.sync.due import is_due
from writeback.sync.results import SyncStopped
from writeback.sync.runs import since_of
from writeback.sync.sources import mapping_of

LONGEST_MARK = 4000


def wanted(agent: Agent, now: datetime) -> dict[str, Any] | None:
    """What an agent is asked to read, if it is time; several may be asked, and one of them begins."""
    with opened(agent.tenant):
        connector = Connector.objects.get(pk=agent.connector_id)
        if connector.way != Connector.Way.AGENTS or not connector.sync_is_on or not is_due(connector, now):
            return None
        mapping = mapping_of(connector)
        return {
            "since": since_of(connector, now),
            "attributes": mapping.attributes,
            "people_filter": mapping.people_filter,
            "groups_filter": mapping.groups_filter,
        }


def begin(request: Signed) -> dict[str, Any]:
    agent, given = sender(request), Given.of(request.body)
    with opened(agent.tenant):
        connector = Connector.objects.get(pk=agent.connector_id)
    if connector.way != Connector.Way.AGENTS or not connector.sync_is_on:
        raise NotAllowed("nothing is to be brought in")
    try:
        return {"run": str(inbox.begin(agent, connector, given.flag("full"), given.text("mark", LONGEST_MARK)))}
    except SyncStopped as stopped:
        raise NotAllowed(type(stopped).__name__) from None


def page(request: Signed) -> dict[str, Any]:
    agent, given = sender(request), Given.of(request.body)
    try:
        inbox.add(given.id("run"), given.number("number", inbox.MOST_PAGES), given.fields.get("records"), agent)
    except inbox.NoSuchRun:
        raise NotFound from None
    except SyncStopped as stopped:
        raise NotAllowed(type(stopped).__name__) from None
    except BadRecord:
        raise protocol.Malformed from None
    return {}


def finish(request: Signed) -> dict[str, Any]:
    """Bring in what came. May take minutes."""
    agent, given = sender(request), Given.of(request.body)
    try:
        inbox.finish(given.id("run"), agent)
    except inbox.NoSuchRun:
        raise NotFound from None
    except SyncStopped as stopped:
        raise NotAllowed(type(stopped).__name__) from None
    except BadRecord:
        raise protocol.Malformed from None
    return {"done": True}
