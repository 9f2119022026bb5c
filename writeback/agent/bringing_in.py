"""Reading people and groups for the server, which says when and since when; sent a page at a time, in flat memory."""

import logging
from collections.abc import Iterator
from itertools import chain
from typing import Any

from writeback.agent import protocol
from writeback.agent.client import Client, NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.limits import LimitedReader
from writeback.connectors.base import Access, DirectoryError
from writeback.connectors.finding import reader_for
from writeback.connectors.reading import FIELDS, Mapping, MarkUnknown, Reader
from writeback.connectors.records import Record, anchor_pages, group_pages, people_pages

# What holds secrets is not read, whatever field the server wants filled with it.
NEVER_READ = ("password", "pwd", "laps", "credential", "secret", "krb", "privatekey", "recoveryinformation", "history")
PAGE_SECONDS = 60.0
TRIES = 3

logger = logging.getLogger(__name__)


def bring_in(client: Client, access: Access, wanted: object, limit_dn: str = "") -> bool:
    """Whether all of it was sent: of the people those within the agent's limit. Raises nothing that isn't a mistake of ours."""
    try:
        since, mapping = understood(wanted)
        reader = reader_for(access, mapping)
        if limit_dn and limit_dn != access.base_dn:
            reader = LimitedReader(reader, limit_dn)
        mark = reader.mark()
        try:
            _send(client, reader, mark, since)
        except MarkUnknown:
            _send(client, reader, mark, None)
    except protocol.Malformed:
        logger.error("The server asks for what is not read, or in words of another version")
    except DirectoryError as error:
        logger.warning("The directory could not be read: %s", error)
    except (NotReached, NotKnown, NotThere, NotTaken) as error:
        logger.warning("The server did not take what was read (%s)", error or type(error).__name__)
    else:
        logger.info("The directory was read %s", "whole" if since is None else "as far as it changed")
        return True
    return False


def understood(wanted: object) -> tuple[str | None, Mapping]:
    """Raises Malformed, also where an attribute is asked for that holds secrets."""
    if not isinstance(wanted, dict):
        raise protocol.Malformed
    since, attributes = wanted.get("since"), wanted.get("attributes")
    filters = [wanted.get(name) for name in ("people_filter", "groups_filter")]
    if not isinstance(since, str | None) or not isinstance(attributes, dict):
        raise protocol.Malformed
    if not all(isinstance(one, str) for one in (*filters, *attributes.values())):
        raise protocol.Malformed
    for name, attribute in attributes.items():
        plain = attribute.lower().replace("-", "")
        if name not in FIELDS or any(word in plain for word in NEVER_READ):
            raise protocol.Malformed
    return since, Mapping(attributes, *map(str, filters))


def _pages(reader: Reader, since: str | None) -> Iterator[list[Record]]:
    yield from chain(people_pages(reader.people(since)), group_pages(reader.groups(since)))
    if since is not None and reader.anchors_are_cheap:
        yield from anchor_pages(reader.anchors())


def _send(client: Client, reader: Reader, mark: str, since: str | None) -> None:
    pages = _pages(reader, since)
    # A mark that leads nowhere shows at the first page, before the server hears of anything.
    first = next(pages, None)
    run = client.ask(protocol.SYNC_BEGIN, {"full": since is None, "mark": mark}).get("run")
    for number, records in enumerate(chain([first] if first is not None else [], pages), start=1):
        _ask(client, protocol.SYNC_PAGE, {"run": run, "number": number, "records": records})
    client.ask(protocol.SYNC_FINISH, {"run": run}, PAGE_SECONDS)


def _ask(client: Client, name: str, content: dict[str, Any]) -> None:
    """A page that is sent twice is kept once."""
    for left in reversed(range(TRIES)):
        try:
            client.ask(name, content, PAGE_SECONDS)
            return
        except NotReached:
            if not left:
                raise
