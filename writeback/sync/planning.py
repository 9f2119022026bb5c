"""What a batch of people would change: who has which name, what differs from what is here, and which phones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from accounts.importing.planning import HeldProof, Plan, any_of, load_proofs, plan_proofs
from accounts.methods import AuthenticatorType, Kind, kind_of
from accounts.models import User
from accounts.names import key_of
from writeback.models import SyncConflict, SyncedEntry
from writeback.sync.checking import Wanted
from writeback.sync.storing import ChangedUser, Entry, Fields
from writeback.sync.work import Work

NEW = Fields("", "", "", "", "", "", True, False, False)
Reason = SyncConflict.Reason


@dataclass
class HeldPerson:
    """Somebody of this directory who is here. `entry` None: nothing is known of the entry yet."""

    id: int
    key: str
    fields: Fields
    entry: Entry | None
    proofs: dict[str, list[HeldProof]] = field(default_factory=dict)

    @property
    def mail(self) -> str:
        return self.fields.mail


class Taker(NamedTuple):
    """Who has a name now. `anchor` is that of this directory, or nothing for people of elsewhere."""

    id: int
    name: str
    anchor: str
    is_gone: bool


class Naming(Enum):
    FREE = "free"
    LATER = "later"  # somebody of this directory has it, who may be renamed in this very run
    TAKEN = "taken"


@dataclass
class Contact(Plan):
    """An import's plan, of which phones are used here; and what the directory takes away."""

    removed: list[int] = field(default_factory=list)
    # By user id: what is taken away, or comes after something was. People hear of it as of a replaced value.
    told: dict[int, list[Kind]] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)


@dataclass
class PeoplePlan:
    """All changes of one batch, by anchor."""

    new_users: dict[str, Fields] = field(default_factory=dict)
    changed_users: list[ChangedUser] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    new_entries: list[Entry] = field(default_factory=list)
    contact: Contact = field(default_factory=Contact)
    conflicts: list[tuple[Wanted, str]] = field(default_factory=list)
    later: list[Wanted] = field(default_factory=list)
    aside: list[Taker] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    unchanged: int = 0
    changed: int = 0
    disabled: int = 0
    enabled: int = 0


class Planner:
    """Plans one batch. `is_final`: nobody will be renamed any more, so a name that is taken is a conflict."""

    def __init__(self, work: Work, people: Sequence[Wanted], is_final: bool) -> None:
        self.work, self.is_final = work, is_final
        self.people = {one.anchor: one for one in people}
        self.held = held_people(work, list(self.people))
        self.takers = _takers(work, self.people.values(), self.held)
        self.claimed: set[str] = set()
        self.plan = PeoplePlan()

    def run(self) -> PeoplePlan:
        for one in self.people.values():
            known = self.held.get(one.anchor)
            naming = Naming.TAKEN if one.problem else self._naming(one, known)
            if naming == Naming.LATER and not self.is_final:
                self.plan.later.append(one)
                continue
            if naming == Naming.FREE:
                self.claimed.add(one.key)
                self.plan.settled.append(one.anchor)
            else:
                self.plan.conflicts.append((one, one.problem or Reason.NAME_TAKEN))
                if known is None:
                    continue
            self._add(one, known, one.name if naming == Naming.FREE or known is None else known.fields.principal_name)
        return self.plan

    def _naming(self, one: Wanted, known: HeldPerson | None) -> Naming:
        if one.key in self.claimed:
            return Naming.LATER
        taker = self.takers.get(one.key)
        if taker is None or (known is not None and taker.id == known.id):
            return Naming.FREE
        if not taker.anchor:
            return Naming.TAKEN
        # The name of somebody who is gone is free for whoever comes after them.
        if taker.is_gone and taker.anchor not in self.people:
            self.plan.aside.append(taker)
            return Naming.FREE
        return Naming.LATER

    def _add(self, one: Wanted, known: HeldPerson | None, name: str) -> None:
        before = known.fields if known else NEW
        after = _merged(one, before, name, _may_be_on(known))
        phones = plan_proofs(self.plan.contact, one.anchor, one.proofs, known, self.work.rules.purposes)
        if known is None:
            self.plan.new_users[one.anchor] = after
            self.plan.new_entries.append(_entry(one, None))
            self.plan.lines.append(("add", name, ""))
            return
        self.plan.contact.ids[one.anchor] = known.id
        entry = self._contact(one, known, phones)
        if entry != known.entry:
            self.plan.entries.append(entry)
        self._compare(one, known, after, [*(["phones"] if phones or entry.lost_a_phone != _lost(known) else [])])

    def _contact(self, one: Wanted, known: HeldPerson, phones: int) -> Entry:
        """Plan what the directory takes away, and that what comes after it is told like a replacement."""
        contact, lost = self.plan.contact, _lost(known)
        brought = {
            AuthenticatorType.MOBILE_PHONE: known.entry is not None and known.entry.brings_mobile,
            AuthenticatorType.OFFICE_PHONE: known.entry is not None and known.entry.brings_office,
        }
        told: list[Kind] = []
        if lost and phones:
            fresh = {new.proof.type for new in contact.new_proofs if new.owner == one.anchor and new.held is None}
            told += [kind_of(kind) for kind in fresh]
            contact.again += [known.id] if fresh else []
        for kind in one.absent:
            free = [proof.id for proof in known.proofs.get(kind, []) if proof.is_free] if brought[kind] else []
            if free:
                contact.removed += free
                told.append(kind_of(kind))
                lost = True
        if told:
            contact.told[known.id] = told
            contact.mails_before.setdefault(known.id, known.mail)
        return _entry(one, known, lost)

    def _compare(self, one: Wanted, known: HeldPerson, after: Fields, more: list[str]) -> None:
        before = known.fields
        differing = [field for field, old, new in zip(Fields._fields, before, after, strict=True) if old != new]
        returns = known.entry is not None and known.entry.gone_at is not None
        if not (differing or more or returns):
            self.plan.unchanged += 1
            return
        self.plan.changed += 1
        disabled = before.is_enabled and not after.is_enabled
        self.plan.disabled += disabled
        self.plan.enabled += after.is_enabled and not before.is_enabled
        if differing:
            protected = after.is_protected_in_directory and not before.is_protected_in_directory
            self.plan.changed_users.append(ChangedUser(known.id, after, disabled or protected))
        what = "disable" if disabled else "enable" if after.is_enabled and not before.is_enabled else "change"
        self.plan.lines.append((what, after.principal_name, ", ".join([*differing, *more])))


def _lost(known: HeldPerson) -> bool:
    return known.entry is not None and known.entry.lost_a_phone


def _may_be_on(known: HeldPerson | None) -> bool:
    """Whom the directory switched off it may switch on; whom an administrator disabled here stays disabled."""
    return known is None or known.entry is None or known.fields.is_enabled or known.entry.is_off


def _merged(one: Wanted, before: Fields, name: str, may_be_on: bool) -> Fields:
    given = {field: text for field, text in one.texts._asdict().items() if text is not None}
    return before._replace(
        principal_name=name,
        is_enabled=one.is_enabled and may_be_on,
        is_protected_in_directory=one.is_protected,
        cannot_change_password=one.cannot_change,
        **given,
    )


def _entry(one: Wanted, known: HeldPerson | None, lost: bool = False) -> Entry:
    """What is known of the entry from now on. A phone that can't be read says nothing about the one before."""
    given = {proof.type for proof in one.proofs}
    old = known.entry if known else None

    def brings(kind: AuthenticatorType, before: bool) -> bool:
        return kind in given or (before and kind not in one.absent)

    return Entry(
        anchor=one.anchor,
        dn_key=one.dn_key,
        user_id=known.id if known else None,
        brings_mobile=brings(AuthenticatorType.MOBILE_PHONE, old is not None and old.brings_mobile),
        brings_office=brings(AuthenticatorType.OFFICE_PHONE, old is not None and old.brings_office),
        lost_a_phone=lost,
        is_off=not one.is_enabled and _may_be_on(known),
    )


def held_people(work: Work, anchors: Sequence[str]) -> dict[str, HeldPerson]:
    """Those of the directory with these anchors who are here: the only way anybody is matched."""
    entries = {
        row[0]: Entry(*row)
        for row in SyncedEntry.objects.filter(any_of("anchor", anchors), connector=work.connector).values_list(
            *Entry._fields
        )
    }
    theirs = User.objects.filter(any_of("anchor", anchors), tenant=work.tenant, directory=work.connector.directory_id)
    found = {
        anchor: HeldPerson(pk, key, Fields(*fields), entries.get(anchor))
        for pk, anchor, key, *fields in theirs.values_list("id", "anchor", "principal_key", *Fields._fields)
    }
    if found:
        load_proofs({one.id: one for one in found.values()})
    return found


def _takers(work: Work, people: Iterable[Wanted], held: Mapping[str, HeldPerson]) -> dict[str, Taker]:
    """Who has the names that somebody is to get, by key."""
    keys = [
        one.key for one in people if not one.problem and (one.anchor not in held or held[one.anchor].key != one.key)
    ]
    if not keys:
        return {}
    rows = User.objects.filter(any_of("principal_key", keys), tenant=work.tenant)
    directory = work.connector.directory_id
    found = {
        key: Taker(pk, name, (anchor or "") if kept_in == directory else "", False)
        for pk, key, name, anchor, kept_in in rows.values_list(
            "id", "principal_key", "principal_name", "anchor", "directory_id"
        )
    }
    anchors = [taker.anchor for taker in found.values() if taker.anchor]
    entries = SyncedEntry.objects.filter(any_of("anchor", anchors), connector=work.connector, gone_at__isnull=False)
    gone = set(entries.values_list("anchor", flat=True)) if anchors else set()
    return {key: taker._replace(is_gone=taker.anchor in gone) for key, taker in found.items()}


def name_aside(taker: Taker) -> str:
    """The name of somebody who is gone, when another one needs it: still to be recognised, and nobody else's."""
    local, separator, domain = taker.name.rpartition("@")
    mark = f".gone{taker.id}"
    return f"{(local if separator else domain)[: 240 - len(domain) - len(mark)]}{mark}{separator}{domain if separator else ''}"


def key_aside(taker: Taker) -> str:
    return key_of(name_aside(taker))
