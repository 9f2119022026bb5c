"""What a decision needs to know: groups in groups, roles through groups, and which authenticators prove anything yet."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scopes_disabled

from accounts import facts
from accounts.methods import AuthenticatorType
from accounts.models import (
    Authenticator,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    SecurityAnswer,
    Tenant,
    User,
)
from accounts.roles import Role
from tests.conftest import make_authenticator, make_user

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def groups(tenant: Tenant, *names: str) -> list[Group]:
    with scopes_disabled():
        return [Group.objects.create(tenant=tenant, name=name) for name in names]


def nest(parent: Group, child: Group) -> None:
    with scopes_disabled():
        GroupNesting.objects.create(tenant=parent.tenant, parent=parent, child=child)


def join(group: Group, user: User) -> None:
    with scopes_disabled():
        GroupMembership.objects.create(tenant=group.tenant, group=group, user=user)


def load(*users: User, imported: bool = False, now: datetime = NOON) -> dict[int, facts.UserFacts]:
    with scopes_disabled():
        return facts.load(users, imported, now)


def test_groups_in_groups_are_groups_of_a_person_circles_included(acme: Tenant, alice: User, bob: User) -> None:
    inner, middle, outer, other = groups(acme, "inner", "middle", "outer", "other")
    for parent, child in ((middle, inner), (outer, middle), (inner, outer), (outer, outer)):
        nest(parent, child)
    join(inner, alice)
    join(outer, bob)
    known = load(alice, bob)
    assert known[alice.pk].group_ids == {inner.pk, middle.pk, outer.pk}
    assert known[bob.pk].group_ids == {inner.pk, middle.pk, outer.pk}
    assert other.pk not in known[alice.pk].group_ids


def test_membership_goes_upwards_only(acme: Tenant, alice: User) -> None:
    inner, outer = groups(acme, "inner", "outer")
    nest(outer, inner)
    join(outer, alice)
    assert load(alice)[alice.pk].group_ids == {outer.pk}


def test_roles_come_directly_and_through_nested_groups(acme: Tenant, alice: User, bob: User) -> None:
    inner, outer = groups(acme, "inner", "outer")
    nest(outer, inner)
    join(inner, alice)
    with scopes_disabled():
        RoleAssignment.objects.create(tenant=acme, group=outer, role=Role.HELPDESK_ADMINISTRATOR)
        RoleAssignment.objects.create(tenant=acme, user=alice, role=Role.REPORTS_READER)
    known = load(alice, bob)
    assert known[alice.pk].roles == {Role.HELPDESK_ADMINISTRATOR, Role.REPORTS_READER}
    assert (known[alice.pk].is_administrator, known[bob.pk].is_administrator) == (True, False)


def test_any_number_of_people_costs_the_same_statements(acme: Tenant, alice: User) -> None:
    many = [make_user(acme, f"p{number}@acme.example") for number in range(20)]
    costs = []
    for people in ([], [alice], many):
        with CaptureQueriesContext(connection) as captured:
            load(*people)
        costs.append(len(captured.captured_queries))
    assert len(set(costs)) == 1
    assert costs[0] <= 5


IMPORTED, STAFF, OWN = Authenticator.Source.IMPORT, Authenticator.Source.STAFF, Authenticator.Source.USER
HOURS_72 = timedelta(hours=72)
PROVES: list[tuple[dict[str, Any], bool, bool]] = [
    ({"source": OWN, "confirmed_at": NOON}, False, True),
    ({"source": OWN, "confirmed_at": None}, True, False),
    ({"source": IMPORTED, "confirmed_at": NOON}, False, True),
    ({"source": IMPORTED, "confirmed_at": None}, False, False),
    ({"source": IMPORTED, "confirmed_at": None}, True, True),
    ({"source": STAFF, "confirmed_at": None}, False, False),
    ({"source": STAFF, "confirmed_at": None}, True, True),
    ({"source": STAFF, "confirmed_at": None, "replaces_another": True, "changed_at": NOON}, True, False),
    ({"source": IMPORTED, "confirmed_at": None, "replaces_another": True, "changed_at": NOON - HOURS_72}, True, True),
    (
        {
            "source": IMPORTED,
            "confirmed_at": None,
            "replaces_another": True,
            "changed_at": NOON - HOURS_72 + timedelta(seconds=1),
        },
        True,
        False,
    ),
]


@pytest.mark.parametrize(("fields", "imported_counts", "counts"), PROVES, ids=str)
def test_what_counts_as_a_proof(fields: dict[str, Any], imported_counts: bool, counts: bool, bob: User) -> None:
    row = make_authenticator(bob, AuthenticatorType.MOBILE_PHONE, "+4915112345699", **fields)
    with scopes_disabled():
        Authenticator.objects.filter(pk=row.pk).update(**fields)
    known = {one.id: one for one in load(bob, imported=imported_counts)[bob.pk].authenticators}
    assert known[row.pk].counts is counts


def test_facts_carry_masks_and_no_values(alice: User) -> None:
    shown = str(load(alice))
    assert "alice@home.example" not in shown
    assert "12345647" not in shown
    assert {one.mask for one in load(alice)[alice.pk].authenticators} == {"a•••••@•••••", "•••••• 47"}


def test_another_organisations_groups_give_nothing(acme: Tenant, globex: Tenant, alice: User) -> None:
    (theirs,) = groups(globex, "admins")
    with scopes_disabled():
        RoleAssignment.objects.create(tenant=globex, group=theirs, role=Role.GLOBAL_ADMINISTRATOR)
    assert load(alice)[alice.pk].roles == frozenset()


@pytest.mark.parametrize("answered", [0, 2, 3, 5])
def test_questions_count_once_as_many_are_answered_as_are_asked(answered: int, bob: User) -> None:
    assert bob.tenant is not None
    row = make_authenticator(bob, AuthenticatorType.QUESTIONS, "")
    with scopes_disabled():
        for number in range(answered):
            SecurityAnswer.objects.create(
                tenant=bob.tenant, authenticator=row, question=f"question_{number}", answer_hash="x"
            )
    held = {found.type: found for found in load(bob)[bob.pk].authenticators}[AuthenticatorType.QUESTIONS]
    assert (held.answers, held.counts) == (answered, True)
    assert [asked for asked in range(1, 7) if held.proves(asked)] == list(range(1, answered + 1))
