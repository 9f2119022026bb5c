"""What was read, until it is written: a run reads everything first, so that it can stop before anything is changed."""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from writeback.connectors.reading import GroupEntry, MarkUnknown, Person
from writeback.connectors.records import (
    BadRecord,
    Page,
    Record,
    anchor_pages,
    batches,
    group_pages,
    people_pages,
    read_page,
)
from writeback.sync.results import Progress

PEOPLE_AT_ONCE = 2000
# One page opened; more would be no page but a bomb.
MOST_BYTES = 16 * 1024 * 1024


class Source(Protocol):
    """What can be read: a Reader of this server, or whatever yields the same."""

    anchors_are_cheap: bool

    def mark(self) -> str: ...
    def people(self, since: str | None) -> Iterable[Person]: ...
    def groups(self, since: str | None) -> Iterable[GroupEntry]: ...
    def anchors(self) -> Iterable[str]: ...


class Pages:
    """Pages in memory, packed: 10,000 people take about half a megabyte."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def add(self, records: list[Record]) -> None:
        self._packed.append(pack(records))

    def __iter__(self) -> Iterator[Page]:
        return map(unpack, self._packed)


def pack(records: Any) -> bytes:
    return zlib.compress(json.dumps(records, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes) -> Page:
    """Raises BadRecord."""
    opener = zlib.decompressobj()
    try:
        content = opener.decompress(packed, MOST_BYTES)
        if opener.unconsumed_tail:
            raise BadRecord("a page is too big")
        return read_page(json.loads(content))
    except (zlib.error, ValueError) as error:
        raise error if isinstance(error, BadRecord) else BadRecord("a page can't be read") from None


def read(source: Source, since: str | None, progress: Progress, renew: Any) -> tuple[str, str | None, Pages]:
    """Everything since a mark, and the mark it was read at. A mark that leads nowhere any more: everything is read.

    `renew` is called after each page. Returns the new mark, the mark read since (None: everything) and the pages.
    """
    mark = source.mark()
    try:
        return mark, since, _read(source, since, progress, renew)
    except MarkUnknown:
        if since is None:
            raise
        return mark, None, _read(source, None, progress, renew)


def _read(source: Source, since: str | None, progress: Progress, renew: Any) -> Pages:
    pages = Pages()
    done = 0

    def keep(records: list[Record]) -> None:
        nonlocal done
        pages.add(records)
        done += len(records)
        progress("reading", done, None)
        renew()

    for records in people_pages(source.people(since), PEOPLE_AT_ONCE):
        keep(records)
    for records in group_pages(source.groups(since)):
        keep(records)
    if since is not None and source.anchors_are_cheap:
        for records in anchor_pages(source.anchors()):
            keep(records)
    return pages


def people_of(pages: Iterable[Page]) -> Iterator[list[Person]]:
    """People, as many at a time as one transaction takes."""
    return batches((person for page in pages for person in page.people), PEOPLE_AT_ONCE)
