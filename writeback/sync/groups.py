"""Bringing groups in, with their members and the groups inside them. What members a group has, the directory decides.

A synced group never carries a role, and never becomes one that is kept here: with the name of another group it gets the
directory's name behind its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.db.models import Q

from accounts.importing.checking import MAX_GROUP_NAME, is_plain_name
from accounts.importing.planning import any_of
from accounts.models import Group, GroupMembership, GroupNesting
from accounts.names import key_of
from writeback.connectors.dn_keys import dn_key
from writeback.connectors.reading import GroupEntry
from writeback.connectors.records import batches
from writeback.models import SyncConflict, SyncedEntry
from writeback.sync import storing
from writeback.sync.results import Change
from writeback.sync.storing import Entry
from writeback.sync.work import Work

KEY_BYTES = 16
GROUPS_AT_ONCE = 500
MEMBERS_AT_ONCE = 20_000
ROWS_AT_ONCE = 5000
Reason = SyncConflict.Reason


class Read(NamedTuple):
    """A group as read; its members' keys one behind the other, 16 bytes each: a million of them fits into memory."""

    anchor: str
    dn_key: str
    name: str
    members: bytearray

    @property
    def keys(self) -> Iterator[str]:
        for start in range(0, len(self.members), KEY_BYTES):
            yield self.members[start : start + KEY_BYTES].hex()


class Groups:
    """All groups of one run. Members are resolved when all of them have rows: groups may be in groups."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.read: dict[str, Read] = {}
        self.ids: dict[str, int] = {}

    def add(self, groups: Iterable[GroupEntry]) -> None:
        """Hold what was read. A group in several parts is put together."""
        for group in groups:
            read = self.read.get(group.anchor)
            if read is None:
                read = self.read[group.anchor] = Read(group.anchor, dn_key(group.dn), group.name.strip(), bytearray())
            for member in group.members:
                read.members.extend(bytes.fromhex(dn_key(member)))

    def write(self) -> None:
        self.work.result.groups = len(self.read)
        for batch in batches(self.read.values(), GROUPS_AT_ONCE):
            with self.work.transaction():
                self._write_groups(batch)
        done = 0
        for portion in _portions([one for one in self.read.values() if one.anchor in self.ids]):
            with self.work.transaction():
                self._write_members(portion)
            done += len(portion)
            self.work.progress("groups", done, len(self.read))
        if self.work.is_full:
            self._empty_gone()

    # --- the groups themselves ------------------------------------------------------------------------------------

    def _write_groups(self, batch: Sequence[Read]) -> None:
        directory = self.work.connector.directory_id
        theirs = any_of("anchor", [one.anchor for one in batch])
        held = {row.anchor: row for row in Group.objects.filter(theirs, tenant=self.work.tenant, directory=directory)}
        names = {
            key_of(name): pk for pk, name in Group.objects.filter(tenant=self.work.tenant).values_list("id", "name")
        }
        new: list[Group] = []
        conflicts: list[SyncConflict] = []
        for one in batch:
            if problem := _problem(one.name):
                conflicts.append(self.work.conflict(one.anchor, one.name, problem, is_group=True))
            row = held.get(one.anchor)
            if row is None and not problem:
                name = self._free_name(one.name, names, 0)
                new.append(Group(tenant=self.work.tenant, directory_id=directory, anchor=one.anchor, name=name))
                names[key_of(name)] = -1
            elif row is not None and not problem:
                self._rename(row, one.name, names)
        added = Group.objects.bulk_create(new, GROUPS_AT_ONCE)
        ids = {str(row.anchor): row.pk for row in [*held.values(), *added]}
        self._save_entries(batch, ids)
        self.work.save_conflicts(conflicts, [one.anchor for one in batch if not _problem(one.name)])
        self.ids.update(ids)
        self.work.result.groups_added += len(added)
        for row in added:
            self.work.report(Change("group", row.name))

    def _rename(self, row: Group, wanted: str, names: dict[str, int]) -> None:
        name = self._free_name(wanted, names, row.pk)
        if name == row.name:
            return
        names.pop(key_of(row.name), None)
        names[key_of(name)] = row.pk
        Group.objects.filter(pk=row.pk).update(name=name)
        self.work.report(Change("group", name, row.name))

    def _free_name(self, wanted: str, names: dict[str, int], own: int) -> str:
        """The name, or with the directory's behind it, or with a number too: two groups never look alike."""
        number = 0
        while True:
            mark = f" ({self.work.connector.directory}{f' {number}' if number > 1 else ''})" if number else ""
            name = f"{wanted[: MAX_GROUP_NAME - len(mark)]}{mark}"
            if names.get(key_of(name), own) == own:
                return name
            number += 1

    def _save_entries(self, batch: Sequence[Read], ids: dict[str, int]) -> None:
        wanted = {
            one.anchor: Entry(one.anchor, one.dn_key, None, ids[one.anchor]) for one in batch if one.anchor in ids
        }
        theirs = any_of("anchor", list(wanted))
        known = SyncedEntry.objects.filter(theirs, connector=self.work.connector).values_list(*Entry._fields)
        same = {row[0] for row in known if Entry(*row) == wanted[row[0]]}
        storing.save_entries(self.work, [entry for anchor, entry in wanted.items() if anchor not in same])

    def _empty_gone(self) -> None:
        """Groups that are not in the directory any more have no members; they stay, for the policies that name them."""
        held = SyncedEntry.objects.filter(connector=self.work.connector, group__isnull=False, gone_at__isnull=True)
        gone = [row for row in held.values_list("id", "anchor", "group_id") if row[1] not in self.read]
        for batch in batches(gone, GROUPS_AT_ONCE):
            groups = [group for _, _, group in batch]
            with self.work.transaction():
                memberships = GroupMembership.objects.filter(group__in=groups).delete()[0]
                GroupNesting.objects.filter(Q(parent__in=groups) | Q(child__in=groups)).delete()
                SyncedEntry.objects.filter(pk__in=[pk for pk, _, _ in batch]).update(gone_at=self.work.now, dn_key="")
                self.work.result.memberships_removed += memberships
                self.work.result.groups_gone += len(batch)

    # --- who is in them -------------------------------------------------------------------------------------------

    def _write_members(self, portion: Sequence[Read]) -> None:
        users, groups = self._resolved(portion)
        ids = [self.ids[one.anchor] for one in portion]
        wanted: set[tuple[int, int]] = set()
        nested: set[tuple[int, int]] = set()
        unclear: set[int] = set()
        for one in portion:
            own = self.ids[one.anchor]
            for key in one.keys:
                if key in users:
                    wanted.add((users[key], own))
                elif key not in groups:
                    self.work.result.outside += 1
                    unclear.add(own)
                elif groups[key] != own:
                    nested.add((groups[key], own))
        self.work.result.memberships += len(wanted) + len(nested)
        self._write_memberships(ids, wanted, unclear)
        self._write_nestings(ids, nested, unclear)

    def _resolved(self, portion: Sequence[Read]) -> tuple[dict[str, int], dict[str, int]]:
        """Ids of users and of groups by the keys of their DNs. What is neither lies outside of what is brought in."""
        users: dict[str, int] = {}
        groups: dict[str, int] = {}
        keys = sorted({key for one in portion for key in one.keys})
        for batch in batches(keys, ROWS_AT_ONCE):
            found = SyncedEntry.objects.filter(any_of("dn_key", batch), connector=self.work.connector, gone_at=None)
            rows: Iterable[tuple[str, int | None, int | None]] = found.values_list("dn_key", "user_id", "group_id")
            for key, user, group in rows:
                if user is not None:
                    users[key] = user
                elif group is not None:
                    groups[key] = group
        return users, groups

    def _write_memberships(self, ids: list[int], wanted: set[tuple[int, int]], unclear: set[int]) -> None:
        rows = GroupMembership.objects.filter(any_of("group_id", ids)).values_list("user_id", "group_id", "id")
        held = {(user, group): pk for user, group, pk in rows}
        over = self._removable(held, wanted, unclear)
        for batch in batches(over, ROWS_AT_ONCE):
            GroupMembership.objects.filter(any_of("id", batch)).delete()
        more = sorted(wanted - held.keys())
        if more:
            self.work.store.add_memberships(more)
        self.work.result.memberships_added += len(more)
        self.work.result.memberships_removed += len(over)

    def _write_nestings(self, ids: list[int], wanted: set[tuple[int, int]], unclear: set[int]) -> None:
        rows = GroupNesting.objects.filter(any_of("parent_id", ids)).values_list("child_id", "parent_id", "id")
        held = {(child, parent): pk for child, parent, pk in rows}
        over = self._removable(held, wanted, unclear)
        GroupNesting.objects.filter(pk__in=over).delete()
        more = sorted(wanted - held.keys())
        rows_of = (GroupNesting(tenant=self.work.tenant, child_id=child, parent_id=parent) for child, parent in more)
        GroupNesting.objects.bulk_create(rows_of, 500, ignore_conflicts=True)
        self.work.result.memberships_added += len(more)
        self.work.result.memberships_removed += len(over)

    def _removable(
        self, held: dict[tuple[int, int], int], wanted: set[tuple[int, int]], unclear: set[int]
    ) -> list[int]:
        """Rows to delete. Where only changes were read, a member that can't be found may be one whose DN changed with a
        part of the tree above it, which no directory tells as a change of theirs: then nobody leaves, and the next run
        reads everything.
        """
        by_group: dict[int, list[int]] = defaultdict(list)
        for pair in held.keys() - wanted:
            by_group[pair[1]].append(held[pair])
        doubtful = set() if self.work.is_full else by_group.keys() & unclear
        self.work.is_doubtful = self.work.is_doubtful or bool(doubtful)
        return [pk for group, rows in by_group.items() if group not in doubtful for pk in rows]


def _problem(name: str) -> str:
    if not name:
        return Reason.NAME_MISSING
    if len(name) > MAX_GROUP_NAME:
        return Reason.NAME_TOO_LONG
    return "" if is_plain_name(name) else Reason.NAME_NOT_PLAIN


def _portions(groups: Iterable[Read]) -> Iterator[list[Read]]:
    """Some groups at a time, with about MEMBERS_AT_ONCE members."""
    portion: list[Read] = []
    held = 0
    for one in groups:
        portion.append(one)
        held += len(one.members) // KEY_BYTES
        if held >= MEMBERS_AT_ONCE:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion
