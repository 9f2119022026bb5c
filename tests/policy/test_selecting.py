"""What a query finds and what the decision says of each person are the same, over many people and policies."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts import facts, tenants
from accounts.methods import AuthenticatorType
from accounts.models import (
    Authenticator,
    Group,
    GroupMembership,
    GroupNesting,
    RecoveryCode,
    RoleAssignment,
    SecurityAnswer,
    Tenant,
    User,
)
from accounts.models.authenticators import CHANGE_COUNTS_AFTER
from accounts.roles import Role
from policy import rules
from policy.models import ResetPolicy
from policy.models.policies import PolicyGroup
from policy.registration import decide_registration
from policy.selecting import groups_inside, select
from tests.conftest import make_authenticator, make_user

NOW = timezone.now()
# A temporary access pass is staff's word and nothing that anybody registers.
LASTING = [kind for kind in AuthenticatorType if kind != AuthenticatorType.ACCESS_PASS]
SOURCES = Authenticator.Source
# Groups: 0 holds 1, 1 holds 2, 2 holds 0 again (a circle); 3 carries a role and holds 4; 5 stands alone.
NESTED = ((1, 0), (2, 1), (0, 2), (4, 3))
POLICIES: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    ({"audience": "everybody", "methods": ["email", "sms"]},),
    ({"audience": "everybody", "methods_required": 2, "methods": ["email", "sms", "app_code", "questions"]},),
    ({"audience": "nobody"}, {"audience": "groups", "groups": [0], "methods": ["email", "recovery_code"]}),
    (
        {"audience": "groups", "groups": [1, 4], "methods_required": 2, "methods": ["passkey", "app_code", "email"]},
        {"audience": "groups", "groups": []},
        {"audience": "groups", "groups": [5], "methods": ["questions"]},
        {"audience": "everybody", "methods": ["recovery_code", "sms", "email"]},
    ),
    (
        {"audience": "groups", "groups": [0, 3], "methods": ["questions", "office_call"], "questions_asked": 5},
        {
            "audience": "everybody",
            "methods": ["call", "app_notification", "access_pass", "questions"],
            "questions_asked": 4,
        },
    ),
    (
        {"audience": "everybody", "methods": ["email"]},
        {"audience": "groups", "groups": [0, 5], "methods_required": 2},
    ),
)


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


@pytest.fixture
def groups(acme: Tenant) -> list[Group]:
    rows = [Group.objects.create(tenant=acme, name=f"Group {number}") for number in range(6)]
    for child, parent in NESTED:
        GroupNesting.objects.create(tenant=acme, child=rows[child], parent=rows[parent])
    RoleAssignment.objects.create(tenant=acme, group=rows[3], role=Role.REPORTS_READER)
    return rows


def give(user: User, kind: AuthenticatorType, draw: random.Random) -> None:
    """One authenticator in whatever state it may be in."""
    source = draw.choice([SOURCES.USER, SOURCES.IMPORT, SOURCES.STAFF])
    assert user.tenant is not None
    row = make_authenticator(
        user, kind, f"{user.pk} {kind} {draw.random()}", source=source,
        confirmed_at=draw.choice([None, NOW]), replaces_another=draw.random() < 0.5,
        changed_at=NOW - draw.choice([timedelta(0), CHANGE_COUNTS_AFTER, timedelta(days=9)]),
    )  # fmt: skip
    row.in_own_domain = kind == AuthenticatorType.EMAIL and draw.random() < 0.5
    row.save()
    if kind == AuthenticatorType.QUESTIONS:
        for number in range(draw.choice([0, 2, 3, 4, 5])):
            SecurityAnswer.objects.create(tenant=user.tenant, authenticator=row, question=str(number), answer_hash="-")
    if kind == AuthenticatorType.RECOVERY_CODES:
        for number in range(2):
            RecoveryCode.objects.create(
                tenant=user.tenant, authenticator=row, digest=str(number), used_at=draw.choice([None, NOW])
            )


def make_people(tenant: Tenant, groups: list[Group], count: int) -> None:
    draw = random.Random(20_26)
    flags = ("is_enabled", "is_protected", "is_external", "self_service_paused")
    for number in range(count):
        odd = draw.choice([None, None, None, *flags])
        states: dict[str, Any] = {flag: (flag == "is_enabled") != (flag == odd) for flag in flags}
        user = make_user(tenant, f"person{number}@acme.example", None, **states)
        for kind in LASTING:
            if draw.random() < 0.35:
                give(user, kind, draw)
        if draw.random() < 0.2:
            give(user, AuthenticatorType.EMAIL, draw)
        for group in draw.sample(groups, draw.choice([0, 0, 1, 2])):
            GroupMembership.objects.create(tenant=tenant, user=user, group=group)
        if draw.random() < 0.1:
            RoleAssignment.objects.create(tenant=tenant, user=user, role=Role.HELPDESK_ADMINISTRATOR)


def make_policies(tenant: Tenant, groups: list[Group], policies: tuple[dict[str, Any], ...]) -> None:
    for number, fields in enumerate(policies):
        plain = {name: value for name, value in fields.items() if name != "groups"}
        row = ResetPolicy.objects.create(tenant=tenant, name=f"Policy {number}", priority=number, **plain)
        for group in fields.get("groups", ()):
            PolicyGroup.objects.create(policy=row, group=groups[group])


@pytest.mark.slow
def test_the_query_finds_whom_the_decision_names(acme: Tenant, groups: list[Group], settings: Any) -> None:
    make_people(acme, groups, 150)
    people = list(User.objects.all())
    seen = {name: {True: 0, False: 0} for name in ("is_registered", "is_enabled", "is_capable", "hangs_on_itself")}
    for policies in POLICIES:
        ResetPolicy.objects.all().delete()
        make_policies(acme, groups, policies)
        for imported, administrators, sms in (
            (False, True, "captured://"),
            (True, False, "captured://"),
            (True, True, ""),
        ):
            acme.imported_methods_count, acme.administrators_may_reset, settings.SMS_URL = imported, administrators, sms
            known = facts.load(people, imported, NOW)
            loaded, about = rules.load(acme), rules.tenant_facts(acme)
            decisions = {key: decide_registration(row, loaded, about) for key, row in known.items()}
            selection = select(acme, NOW)
            for name, counts in seen.items():
                found = set(User.objects.filter(Q(getattr(selection, name))).values_list("pk", flat=True))
                left = set(User.objects.filter(~Q(getattr(selection, name))).values_list("pk", flat=True))
                expected = {key for key, decision in decisions.items() if getattr(decision, name)}
                assert (name, policies, found) == (name, policies, expected)
                assert left == set(known) - expected, name
                counts[True] += len(found)
                counts[False] += len(left)
    assert min(number for counts in seen.values() for number in counts.values()) > 100, seen


@pytest.mark.parametrize(
    ("groups", "inside"),
    [([0], {0, 1, 2}), ([1], {0, 1, 2}), ([3], {3, 4}), ([4], {4}), ([], set()), ([3, 5], {3, 4, 5})],
)
def test_groups_inside_groups_are_found_once_whatever_the_circles(groups: list[int], inside: set[int]) -> None:
    assert groups_inside(groups, NESTED) == inside
