"""Bringing a directory's people and groups in, a page at a time and in flat memory. No Django here."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

from writeback.connectors.base import Access

FIELDS = (
    "principal_name",
    "mail",
    "given_name",
    "family_name",
    "display_name",
    "language",
    "office_phone",
    "mobile_phone",
)


@dataclass(frozen=True, slots=True)
class Person:
    """A user as read. `fields` holds those of FIELDS that the directory has a value for; `protected` says why, or nothing."""

    anchor: str
    dn: str
    fields: dict[str, str] = field(repr=False)
    is_enabled: bool = True
    protected: str = ""
    cannot_change: bool = False


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A group as read, with the DNs of its direct members: people and groups alike."""

    anchor: str
    dn: str
    name: str
    members: tuple[str, ...] = field(repr=False, default=())


@dataclass(frozen=True)
class Mapping:
    """Which of the directory's attributes fills which of FIELDS, and which entries are people and groups at all.

    Empty filters mean those of the kind of directory.
    """

    attributes: dict[str, str]
    people_filter: str = ""
    groups_filter: str = ""


class MarkUnknown(Exception):
    """The directory can't tell what changed since that mark: another server, or one that was restored. Read everything."""


class Reader(ABC):
    """Reads one directory; each call raises DirectoryError. `since` is an earlier `mark`; None reads everything.

    With a mark that leads nowhere any more, `people` and `groups` raise MarkUnknown. `anchors_are_cheap` says whether
    everybody's anchors may be asked for at each reading of changes; else who is gone is found when everything is read.
    """

    anchors_are_cheap: bool = False

    def __init__(self, access: Access, mapping: Mapping | None = None) -> None:
        """Without a mapping, the usual one of the kind of directory."""
        self.access, self.mapping = access, mapping

    @abstractmethod
    def mark(self) -> str:
        """Where the directory stands now. Take it before reading, so that nothing falls between."""

    @abstractmethod
    def people(self, since: str | None) -> Iterator[Person]:
        """People, or those changed since."""

    @abstractmethod
    def groups(self, since: str | None) -> Iterator[GroupEntry]:
        """Groups, or those changed since; always with all their members."""

    @abstractmethod
    def anchors(self) -> Iterator[str]:
        """The anchors of everybody who is there now: who is missing among them is gone."""
