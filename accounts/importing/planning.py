"""What a batch of rows would change: compared with what is there, in plain Python, the same for every database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from accounts import secrets
from accounts.importing.checking import Person, Proof, RefusedRow
from accounts.importing.reading import NAME_COLUMN, Survey
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Group, GroupMembership, GroupNesting, RoleAssignment, Tenant, User
from accounts.names import is_same_name, key_of

IMPORTED_TYPES = (AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE)


class UserFields(NamedTuple):
    """What an import may change of a person."""

    principal_name: str
    mail: str
    given_name: str
    family_name: str
    display_name: str
    language: str
    is_enabled: bool


NEW_USER = UserFields("", "", "", "", "", "", True)


class HeldProof(NamedTuple):
    """An authenticator that is there. `is_free`: imported, never confirmed, so an import may replace its value."""

    id: int
    digest: str
    is_free: bool


class HeldGroup(NamedTuple):
    id: int
    name: str
    problem: str


@dataclass
class HeldUser:
    """A person who is there, with everything an import compares."""

    id: int
    fields: UserFields
    in_directory: bool
    proofs: dict[str, list[HeldProof]] = field(default_factory=dict)
    group_ids: set[int] = field(default_factory=set)

    @property
    def mail(self) -> str:
        return self.fields.mail


class Holder(Protocol):
    """Somebody whose proofs are known. `mail` is `User.mail` as it is."""

    id: int
    proofs: dict[str, list[HeldProof]]

    @property
    def mail(self) -> str: ...


class NewProof(NamedTuple):
    """A value to register: `held` is the authenticator whose imported value it replaces."""

    owner: str
    proof: Proof
    held: HeldProof | None = None
    owner_is_new: bool = False


class ChangedUser(NamedTuple):
    id: int
    fields: UserFields
    was_disabled: bool


@dataclass
class Plan:
    """All changes of one batch. People are named by their key: the new ones have no id yet."""

    ids: dict[str, int] = field(default_factory=dict)
    new_groups: dict[str, str] = field(default_factory=dict)
    new_users: dict[str, UserFields] = field(default_factory=dict)
    changed_users: list[ChangedUser] = field(default_factory=list)
    new_proofs: list[NewProof] = field(default_factory=list)
    changed_proofs: list[NewProof] = field(default_factory=list)
    memberships: list[tuple[str, str]] = field(default_factory=list)
    group_ids: dict[str, int] = field(default_factory=dict)
    # By id, of the people whose imported phone or address gives way to another one: `User.mail` as it was.
    mails_before: dict[int, str] = field(default_factory=dict)
    kept: int = 0
    unchanged: int = 0
    changed: int = 0


def digest_purposes(tenant: Tenant) -> dict[AuthenticatorType, str]:
    """What the digests of imported values are made for, by type."""
    return {kind: Authenticator(tenant=tenant, type=kind).digest_purpose for kind in IMPORTED_TYPES}


class Planner:
    """Plans batch after batch of one import. A dry run plans the very same."""

    def __init__(self, tenant: Tenant, survey: Survey) -> None:
        self.tenant, self.survey = tenant, survey
        # Groups that a dry run would have made by now count as there.
        self._promised: dict[str, str] = {}
        self.purposes = digest_purposes(tenant)

    def plan(self, people: Sequence[Person]) -> tuple[Plan, dict[int, str]]:
        """The changes for these people, and the reasons of the refused ones by line."""
        held = _held_users(self.tenant, people)
        groups = _held_groups(self.tenant) if any(person.groups for person in people) else {}
        plan, refused = Plan(), {}
        for person in people:
            try:
                known = held.get(person.key)
                self._refuse(person, known, groups)
            except RefusedRow as reason:
                refused[person.line] = str(reason)
                continue
            self._add(plan, person, known, groups)
        plan.group_ids.update({key: group.id for key, group in groups.items()})
        return plan, refused

    def _refuse(self, person: Person, known: HeldUser | None, groups: dict[str, HeldGroup]) -> None:
        if twins := self.survey.other_lines(person.key, person.line):
            lines = {"column": NAME_COLUMN, "lines": ", ".join(str(line) for line in twins[:10])}
            raise RefusedRow(_("the same %(column)s as in line %(lines)s, or one that looks like it") % lines)
        if known and not is_same_name(person.name, known.fields.principal_name):
            raise RefusedRow(_("%(column)s looks like the name of another person here") % {"column": NAME_COLUMN})
        if known and known.in_directory:
            raise RefusedRow(_("this person is kept in a directory and changed there"))
        for name in person.groups:
            group = groups.get(key_of(name))
            if group is not None and group.problem:
                raise RefusedRow(_("groups: “%(group)s” %(problem)s") % {"group": group.name, "problem": group.problem})
            if not is_same_name(name, group.name if group else self._promised.get(key_of(name), name)):
                raise RefusedRow(_("groups: “%(group)s” looks like the name of another group here") % {"group": name})

    def _add(self, plan: Plan, person: Person, known: HeldUser | None, groups: dict[str, HeldGroup]) -> None:
        before = known.fields if known else NEW_USER
        after = _merged(person, before)
        if known is None:
            plan.new_users[person.key] = after
        else:
            plan.ids[person.key] = known.id
            if after != before:
                plan.changed_users.append(ChangedUser(known.id, after, before.is_enabled and not after.is_enabled))
        changes = self._add_memberships(plan, person, known, groups) + plan_proofs(
            plan, person.key, person.proofs, known, self.purposes
        )
        if known is not None:
            is_changed = bool(changes) or after != before
            plan.changed += is_changed
            plan.unchanged += not is_changed

    def _add_memberships(self, plan: Plan, person: Person, known: HeldUser | None, groups: dict[str, HeldGroup]) -> int:
        """Memberships are added, none is taken away. Returns how many."""
        added = 0
        for key, name in {key_of(name): name for name in person.groups}.items():
            group = groups.get(key)
            if group is None and key not in self._promised:
                self._promised[key] = plan.new_groups[key] = name
            if group is None or known is None or group.id not in known.group_ids:
                plan.memberships.append((person.key, key))
                added += 1
        return added


def plan_proofs(
    plan: Plan, owner: str, proofs: Iterable[Proof], known: Holder | None, purposes: Mapping[AuthenticatorType, str]
) -> int:
    """Plan what becomes of these values; `known` None: the owner is new. What the person registered is kept.

    Returns how many are written.
    """
    if known is None:
        fresh = [NewProof(owner, proof, None, True) for proof in proofs]
        plan.new_proofs += fresh
        return len(fresh)
    added = 0
    for proof in proofs:
        held = known.proofs.get(proof.type, [])
        if any(_is_same(old, proof, purposes[proof.type]) for old in held):
            continue
        if any(not old.is_free for old in held):
            plan.kept += 1
            continue
        if held:
            plan.changed_proofs.append(NewProof(owner, proof, held[0]))
            plan.mails_before[known.id] = known.mail
        else:
            plan.new_proofs.append(NewProof(owner, proof))
        added += 1
    return added


def _is_same(held: HeldProof, proof: Proof, purpose: str) -> bool:
    """Whether a value is the one that is there, which an older key may have digested."""
    return held.digest == proof.digest or secrets.digest_matches(held.digest, purpose, proof.value)


def _merged(person: Person, before: UserFields) -> UserFields:
    """The fields after the import: what the row leaves out stays as it is."""
    values = (
        person.name, person.mail, person.given_name, person.family_name, person.display_name, person.language,
        person.enabled,
    )  # fmt: skip
    merged = [old if new is None else new for new, old in zip(values, before, strict=True)]
    return UserFields(*merged)  # type: ignore[arg-type]


def _held_users(tenant: Tenant, people: Sequence[Person]) -> dict[str, HeldUser]:
    columns = ("id", "principal_key", "directory_id", *UserFields._fields)
    keys = any_of("principal_key", [person.key for person in people])
    rows = User.objects.filter(keys, tenant=tenant).values_list(*columns)
    found = {key: HeldUser(pk, UserFields(*fields), directory is not None) for pk, key, directory, *fields in rows}
    if found:
        by_id = {user.id: user for user in found.values()}
        load_proofs(by_id)
        for owner, group in GroupMembership.objects.filter(any_of("user_id", list(by_id))).values_list(
            "user_id", "group_id"
        ):
            by_id[owner].group_ids.add(group)
    return found


def any_of(column: str, values: Sequence[str | int]) -> Q | RawSQL:
    """The rows with one of these values. PostgreSQL takes them as one array, and goes through the index with it."""
    if connection.vendor != "postgresql":
        return Q(**{f"{column}__in": values})
    return RawSQL(f"{column} = ANY(%s)", [list(values)], output_field=BooleanField())  # noqa: S611 - names of ours


def load_proofs(users: Mapping[int, Holder]) -> None:
    """Fill in the proofs of these people, by id."""
    proofs = Authenticator.objects.filter(any_of("user_id", list(users)), type__in=IMPORTED_TYPES).order_by("id")
    columns = ("id", "user_id", "type", "digest", "source", "confirmed_at")
    for pk, owner, kind, digest, source, confirmed in proofs.values_list(*columns):
        is_free = source == Authenticator.Source.IMPORT and confirmed is None
        users[owner].proofs.setdefault(kind, []).append(HeldProof(pk, digest, is_free))


def _held_groups(tenant: Tenant) -> dict[str, HeldGroup]:
    """The tenant's groups by the key of their name, each with why nobody may be imported into it."""
    carrying = _groups_with_roles()
    found: dict[str, HeldGroup] = {}
    for pk, name, directory in Group.objects.filter(tenant=tenant).values_list("id", "name", "directory_id"):
        problem = _("is kept in a directory and changed there") if directory is not None else ""
        if pk in carrying:
            problem = _("carries a role: roles are given in the console, never by import")
        key = key_of(name)
        if key in found:
            problem = _("has a name that two groups share but for its letters' form")
        found[key] = HeldGroup(pk, name, problem)
    return found


def _groups_with_roles() -> set[int]:
    """Groups whose members get a role: their own, or one of a group around them."""
    carrying = set(RoleAssignment.objects.filter(group__isnull=False).values_list("group_id", flat=True))
    nestings: Iterable[tuple[int, int]] = list(GroupNesting.objects.values_list("parent_id", "child_id"))
    while more := {child for parent, child in nestings if parent in carrying} - carrying:
        carrying |= more
    return {pk for pk in carrying if pk is not None}
