"""A directory in memory: what a Reader yields, changed by the test as an administrator would change the real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.models import Authenticator, Directory, Group, GroupMembership, GroupNesting, Tenant, User
from accounts.tenants import opened
from writeback import sync
from writeback.connectors.reading import GroupEntry, MarkUnknown, Person
from writeback.models import Connector, SyncConflict
from writeback.sync import Result

BASE = "ou=people,dc=acme,dc=example"


@dataclass
class FakeDirectory:
    """Each change has a number; the mark is the last one. What is deleted is known from anchors alone."""

    anchors_are_cheap: bool = True
    knows_marks: bool = True
    entries: dict[str, Person] = field(default_factory=dict)
    group_entries: dict[str, GroupEntry] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    clock: int = 0

    def put(self, anchor: str, name: str | None = None, dn: str = "", **fields: Any) -> Person:
        """A person as they are from now on; `name` is the part before the @."""
        flags = {flag: fields.pop(flag) for flag in ("is_enabled", "protected", "cannot_change") if flag in fields}
        values = {"principal_name": f"{anchor if name is None else name}@acme.example"} | fields
        person = Person(anchor, dn or f"uid={anchor},{BASE}", {k: v for k, v in values.items() if v != ""}, **flags)
        self.entries[anchor] = person
        self._touch(anchor)
        return person

    def change(self, anchor: str, **changes: Any) -> None:
        self.entries[anchor] = replace(self.entries[anchor], **changes)
        self._touch(anchor)

    def put_group(self, anchor: str, name: str, *members: str, dn: str = "") -> None:
        """`members` are anchors of people and groups, or DNs."""
        dns = tuple(member if "=" in member else self.dn_of(member) for member in members)
        self.group_entries[anchor] = GroupEntry(anchor, dn or f"cn={anchor},{BASE}", name, dns)
        self._touch(anchor)

    def delete(self, anchor: str) -> None:
        self.entries.pop(anchor, None)
        self.group_entries.pop(anchor, None)

    def dn_of(self, anchor: str) -> str:
        held = self.entries.get(anchor)
        return held.dn if held else f"cn={anchor},{BASE}"

    def _touch(self, anchor: str) -> None:
        self.clock += 1
        self.changed[anchor] = self.clock

    # --- what a Reader does ---------------------------------------------------------------------------------------

    def mark(self) -> str:
        return str(self.clock)

    def people(self, since: str | None) -> Iterator[Person]:
        if since is not None and not self.knows_marks:
            raise MarkUnknown
        yield from (one for one in list(self.entries.values()) if self.changed[one.anchor] > int(since or 0))

    def groups(self, since: str | None) -> Iterator[GroupEntry]:
        yield from (one for one in list(self.group_entries.values()) if self.changed[one.anchor] > int(since or 0))

    def anchors(self) -> Iterator[str]:
        yield from self.entries


def make_connector(tenant: Tenant, name: str = "Corp", **fields: Any) -> Connector:
    with opened(tenant):
        directory = Directory.objects.create(tenant=tenant, name=name, kind="openldap")
        return Connector.objects.create(tenant=tenant, directory=directory, **fields)


def bring_in(connector: Connector, source: FakeDirectory, full: bool = False, **options: Any) -> Result:
    """A run with the connector as it is now."""
    with opened(connector.tenant):
        fresh = Connector.objects.get(pk=connector.pk)
    return sync.run(fresh, source, full, **options)


def person(tenant: Tenant, anchor: str) -> User:
    with opened(tenant):
        return User.objects.get(tenant=tenant, anchor=anchor)


def names(tenant: Tenant) -> list[str]:
    with opened(tenant):
        return sorted(User.objects.filter(tenant=tenant).values_list("principal_name", flat=True))


def phones(tenant: Tenant, anchor: str) -> dict[str, str]:
    """Opened, so that a value sealed for somebody else would raise."""
    with opened(tenant):
        rows = Authenticator.objects.filter(user__anchor=anchor, user__tenant=tenant)
        return {row.type: row.secret_value for row in rows}


def members(tenant: Tenant, group: str) -> set[str]:
    """Names of a group's direct members: anchors of people, names of groups."""
    with opened(tenant):
        row = Group.objects.get(tenant=tenant, name=group)
        people = GroupMembership.objects.filter(group=row).values_list("user__anchor", flat=True)
        nested = GroupNesting.objects.filter(parent=row).values_list("child__name", flat=True)
        return {*map(str, people), *nested}


def conflicts(connector: Connector) -> dict[str, str]:
    """Reasons by anchor."""
    with opened(connector.tenant):
        return dict(SyncConflict.objects.filter(connector=connector).values_list("anchor", "reason"))
