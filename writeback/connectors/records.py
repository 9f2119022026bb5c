"""What a reader yields as JSON and back: an agent sends it in pages, the server keeps them until the run is whole.

No Django here. What comes in is somebody else's word: every value is checked for its type and its length.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from writeback.connectors.reading import FIELDS, GroupEntry, Person

T = TypeVar("T")
Record = dict[str, Any]

PAGE_SIZE = 1000
LONGEST_ANCHOR, LONGEST_DN, LONGEST_VALUE = 100, 4000, 1000
# A group with more members is sent in parts of this size, all with its anchor.
MEMBERS_AT_ONCE = 1000


class BadRecord(ValueError):
    """What came in is no record. The text says what is wrong and repeats no value."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a reader yielded. A group may come in several parts."""

    people: tuple[Person, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    anchors: tuple[str, ...] = ()


def person_record(person: Person) -> Record:
    fields = {name: value[:LONGEST_VALUE] for name, value in person.fields.items() if name in FIELDS}
    record: Record = {"kind": "person", "anchor": person.anchor, "dn": person.dn, "fields": fields}
    if not person.is_enabled:
        record["enabled"] = False
    if person.protected:
        record["protected"] = person.protected[:LONGEST_VALUE]
    if person.cannot_change:
        record["cannot_change"] = True
    return record


def group_records(group: GroupEntry) -> Iterator[Record]:
    """One record or, with many members, several."""
    for start in range(0, max(len(group.members), 1), MEMBERS_AT_ONCE):
        members = list(group.members[start : start + MEMBERS_AT_ONCE])
        name = group.name[:LONGEST_VALUE]
        yield {"kind": "group", "anchor": group.anchor, "dn": group.dn, "name": name, "members": members}


def anchors_record(anchors: Iterable[str]) -> Record:
    return {"kind": "anchors", "anchors": list(anchors)}


def people_pages(people: Iterable[Person], size: int = PAGE_SIZE) -> Iterator[list[Record]]:
    return batches(map(person_record, people), size)


def group_pages(groups: Iterable[GroupEntry], size: int = PAGE_SIZE) -> Iterator[list[Record]]:
    """Pages with at most `size` members in all, or one record."""
    page: list[Record] = []
    held = 0
    for record in (record for group in groups for record in group_records(group)):
        if page and held + len(record["members"]) > size:
            yield page
            page, held = [], 0
        page.append(record)
        held += len(record["members"]) + 1
    if page:
        yield page


def anchor_pages(anchors: Iterable[str], size: int = 10 * PAGE_SIZE) -> Iterator[list[Record]]:
    """At least one page, if only to say that there is nobody."""
    empty = True
    for batch in batches(anchors, size):
        empty = False
        yield [anchors_record(batch)]
    if empty:
        yield [anchors_record(())]


def read_page(records: Any) -> Page:
    """The other way. Raises BadRecord."""
    if not isinstance(records, list):
        raise BadRecord("a page is a list of records")
    people: list[Person] = []
    groups: list[GroupEntry] = []
    anchors: list[str] = []
    for record in records:
        kind = record.get("kind") if isinstance(record, dict) else None
        if kind == "person":
            people.append(_person(record))
        elif kind == "group":
            groups.append(_group(record))
        elif kind == "anchors":
            anchors += _texts(record.get("anchors"), LONGEST_ANCHOR, "anchors")
        else:
            raise BadRecord("a record is a person, a group or anchors")
    return Page(tuple(people), tuple(groups), tuple(anchors))


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def _person(record: Mapping[str, Any]) -> Person:
    fields = record.get("fields")
    if not isinstance(fields, dict):
        raise BadRecord("a person has fields")
    return Person(
        anchor=_text(record.get("anchor"), LONGEST_ANCHOR, "anchor"),
        dn=_text(record.get("dn"), LONGEST_DN, "dn"),
        fields={name: _text(fields[name], LONGEST_VALUE, name, True) for name in FIELDS if name in fields},
        is_enabled=_flag(record.get("enabled", True), "enabled"),
        protected=_text(record.get("protected", ""), LONGEST_VALUE, "protected", True),
        cannot_change=_flag(record.get("cannot_change", False), "cannot_change"),
    )


def _group(record: Mapping[str, Any]) -> GroupEntry:
    return GroupEntry(
        anchor=_text(record.get("anchor"), LONGEST_ANCHOR, "anchor"),
        dn=_text(record.get("dn"), LONGEST_DN, "dn"),
        name=_text(record.get("name"), LONGEST_VALUE, "name", True),
        members=tuple(_texts(record.get("members"), LONGEST_DN, "members")),
    )


def _texts(value: Any, longest: int, what: str) -> list[str]:
    if not isinstance(value, list):
        raise BadRecord(f"{what}: a list is expected")
    return [_text(item, longest, what) for item in value]


def _text(value: Any, longest: int, what: str, may_be_empty: bool = False) -> str:
    """A text without zero bytes, which no database keeps, and without halves of characters."""
    if not isinstance(value, str) or len(value) > longest or not (value or may_be_empty):
        raise BadRecord(f"{what}: a text of at most {longest} characters is expected")
    if "\0" in value or not (value.isascii() or _is_whole(value)):
        raise BadRecord(f"{what}: there are characters that no text has")
    return value


def _is_whole(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise BadRecord(f"{what}: true or false is expected")
    return value
