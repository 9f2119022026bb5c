"""Everything a decision needs to know of people, for any number of them, in three statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery

from accounts.lookups import Lookup
from accounts.methods import AuthenticatorType, Method
from accounts.models import (
    Authenticator,
    GroupMembership,
    GroupNesting,
    RecoveryCode,
    RoleAssignment,
    SecurityAnswer,
    User,
)
from accounts.tenants import all_opened


@dataclass(frozen=True)
class AuthenticatorFacts:
    """One registered authenticator, without its value. `counts` says whether it proves anything yet.

    `stands_alone`: a temporary access pass that needs no second proof beside it. `answers`: how many questions are answered.
    `is_lost`: it would count if it could be read.
    """

    id: int
    type: AuthenticatorType
    methods: tuple[Method, ...]
    mask: str
    destination: str
    confirmed: bool
    imported: bool
    counts: bool
    is_first: bool = False
    in_own_domain: bool = False
    stands_alone: bool = False
    answers: int = 0
    is_readable: bool = True
    is_lost: bool = False

    def proves(self, questions_asked: int) -> bool:
        """Whether it proves anything where so many questions are asked: with fewer answered they can't be."""
        return self.counts and (self.type != AuthenticatorType.QUESTIONS or self.answers >= questions_asked)


@dataclass(frozen=True)
class UserFacts:
    """One person as decisions see them."""

    user_id: int
    is_enabled: bool
    is_protected: bool
    is_external: bool
    is_paused: bool
    in_directory: bool
    roles: frozenset[str]
    group_ids: frozenset[int]
    authenticators: tuple[AuthenticatorFacts, ...]
    cannot_change: bool = False

    @property
    def is_administrator(self) -> bool:
        return bool(self.roles)


def has_answers(number: int) -> Exists:
    """Of an authenticator: whether so many questions are answered."""
    answers = SecurityAnswer.objects.filter(authenticator=OuterRef("pk")).order_by("id")
    return Exists(answers[number - 1 : number])


def has_unused_codes() -> Exists:
    """Of an authenticator: whether a recovery code is left."""
    return Exists(RecoveryCode.objects.filter(authenticator=OuterRef("pk"), used_at=None))


def _authenticators(user_ids: Sequence[int]) -> "QuerySet[Authenticator]":
    answers = SecurityAnswer.objects.filter(authenticator=OuterRef("pk")).order_by().values("authenticator")
    held = Authenticator.objects.filter(user_id__in=user_ids).annotate(
        answered=Subquery(answers.annotate(number=Count("pk")).values("number")), has_unused_codes=has_unused_codes()
    )
    return held.select_related("access_pass").order_by("registered_at", "id")


def _authenticators_of_one(user: int) -> "QuerySet[Authenticator]":
    with all_opened():
        return _authenticators([user])


AUTHENTICATORS = Lookup(_authenticators_of_one, user=User._meta.get_field("id"))


def load(users: Sequence[User], imported_counts: bool, now: datetime) -> dict[int, UserFacts]:
    """Facts by user id. For nobody the same statements run, so that a stranger costs what a person costs."""
    ids = [user.pk for user in users] or [0]
    groups, roles = groups_and_roles(ids)
    held: dict[int, list[AuthenticatorFacts]] = defaultdict(list)
    epochs = {user.pk: user.credentials_epoch for user in users}
    for row in AUTHENTICATORS.rows(user=ids[0]) if len(ids) == 1 else _authenticators(ids):
        held[row.user_id].append(_authenticator(row, epochs[row.user_id], imported_counts, now))
    return {
        user.pk: UserFacts(
            user_id=user.pk,
            is_enabled=user.is_enabled,
            is_protected=user.is_protected or user.is_protected_in_directory,
            is_external=user.is_external,
            is_paused=user.self_service_paused,
            in_directory=user.directory_id is not None,
            roles=frozenset(roles[user.pk]),
            group_ids=frozenset(groups[user.pk]),
            authenticators=tuple(held[user.pk]),
            cannot_change=user.cannot_change_password,
        )
        for user in users
    }


def _authenticator(row: Authenticator, epoch: str, imported_counts: bool, now: datetime) -> AuthenticatorFacts:
    is_pass = row.type == AuthenticatorType.ACCESS_PASS
    if not row.is_readable:
        row.note_unreadable()
    would_count = _counts(row, epoch, imported_counts, now)
    return AuthenticatorFacts(
        id=row.pk,
        type=AuthenticatorType(row.type),
        methods=row.methods(),
        mask=row.mask,
        destination=row.digest,
        confirmed=row.confirmed_at is not None,
        imported=row.source != Authenticator.Source.USER,
        counts=row.is_readable and would_count,
        is_first=row.is_first,
        in_own_domain=row.in_own_domain,
        stands_alone=is_pass and row.access_pass.stands_alone(now),
        answers=row.answered or 0,  # type: ignore[attr-defined]
        is_readable=row.is_readable,
        is_lost=would_count and not row.is_readable,
    )


def _counts(row: Authenticator, epoch: str, imported_counts: bool, now: datetime) -> bool:
    """Whether it may prove something. A pass is no contact data: staff make it on purpose, and it counts while it works."""
    if row.type == AuthenticatorType.ACCESS_PASS:
        return row.access_pass.is_live(now) and row.access_pass.epoch == epoch
    # Recovery codes prove nothing once all are used up.
    is_used_up = row.type == AuthenticatorType.RECOVERY_CODES and not row.has_unused_codes  # type: ignore[attr-defined]
    return row.proves(imported_counts, now) and not is_used_up


def groups_and_roles(user_ids: Iterable[int]) -> tuple[dict[int, set[int]], dict[int, set[str]]]:
    """Each user's groups (nested ones too; circles do no harm) and roles (own and the groups'), in one recursive query."""
    ids = list(user_ids)
    membership, nesting, role = (model._meta.db_table for model in (GroupMembership, GroupNesting, RoleAssignment))
    marks = ", ".join(["%s"] * len(ids))
    sql = f"""
        WITH RECURSIVE inside(user_id, group_id) AS (
            SELECT user_id, group_id FROM {membership} WHERE user_id IN ({marks})
            UNION
            SELECT inside.user_id, nesting.parent_id FROM inside JOIN {nesting} nesting ON nesting.child_id = inside.group_id
        )
        SELECT inside.user_id, inside.group_id, role.role FROM inside LEFT JOIN {role} role ON role.group_id = inside.group_id
        UNION ALL
        SELECT role.user_id, NULL, role.role FROM {role} role WHERE role.user_id IN ({marks})
    """  # noqa: S608 - table names and marks only
    groups: dict[int, set[int]] = defaultdict(set)
    roles: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(sql, ids + ids)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    for user_id, group_id, role_name in rows:
        if group_id is not None:
            groups[user_id].add(group_id)
        if role_name is not None:
            roles[user_id].add(role_name)
    return groups, roles
