"""The console's list of people tells three facts apart: registered, may reset, and can reset."""

from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts.models import Tenant, User
from policy.models import ResetPolicy
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_user
from tests.reset import journeys

USERS = "/admin/accounts/user/"


@pytest.fixture
def console(acme: Tenant) -> Any:
    return signed_in(make_administrator(acme, "grace@acme.example"))


def facts_of(console: Any, user: User) -> tuple[bool, bool, bool]:
    rows = console.get(USERS).context["cl"].result_list
    found = next(row for row in rows if row.pk == user.pk).registration
    return found.is_registered, found.is_enabled, found.is_capable


def test_somebody_with_enough_methods_under_a_policy_can_reset(
    console: Any, alice: User, open_policy: ResetPolicy
) -> None:
    assert facts_of(console, alice) == (True, True, True)


def test_enough_methods_without_a_policy_are_registered_and_open_nothing(console: Any, alice: User) -> None:
    assert facts_of(console, alice) == (True, False, False)


def test_a_policy_without_enough_methods_opens_nothing_either(
    console: Any, bob: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    assert facts_of(console, bob) == (False, True, False)


def test_the_list_shows_the_three_as_columns(console: Any, alice: User, open_policy: ResetPolicy) -> None:
    page = console.get(USERS).content.decode()
    for column in ("is_registered", "is_enabled_to_reset", "is_capable"):
        assert f"field-{column}" in page


def test_more_people_on_the_page_cost_no_more_statements(
    console: Any, acme: Tenant, alice: User, open_policy: ResetPolicy, django_assert_max_num_queries: Any
) -> None:
    with journeys.statements() as few:
        console.get(USERS)
    with scopes_disabled():
        for number in range(12):
            make_user(acme, f"person{number}@acme.example")
    with journeys.statements() as many:
        console.get(USERS)
    assert len(many) == len(few)
