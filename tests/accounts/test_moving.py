"""A row moves only if it still is what the caller saw."""

from typing import Any

import pytest
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from accounts import tenants
from accounts.models import Tenant, User
from accounts.moving import move
from policy.models import ResetPolicy


def as_stored(user: User) -> tuple[str, bool]:
    with tenants.all_opened():
        user.refresh_from_db()
    return user.given_name, user.is_enabled


def test_a_row_that_is_as_expected_moves_by_one_statement(alice: User, django_assert_num_queries: Any) -> None:
    changes = {"given_name": "Alicia", "is_enabled": False}
    with django_assert_num_queries(1):
        assert move(User, changes, id=alice.pk, given_name="Alice", is_enabled=True)
    assert as_stored(alice) == ("Alicia", False)


def test_a_row_that_has_changed_meanwhile_stays(alice: User) -> None:
    assert not move(User, {"given_name": "Eve"}, id=alice.pk, given_name="Somebody else")
    assert as_stored(alice) == ("Alice", True)


@pytest.mark.parametrize("holds", [True, False])
def test_the_further_condition_is_asked_in_the_same_statement(alice: User, holds: bool) -> None:
    also = RawSQL("(%s = %s)", [1, 1 if holds else 2], output_field=BooleanField())
    assert move(User, {"given_name": "Alicia"}, also, id=alice.pk) is holds


def test_other_rows_do_not_move(alice: User, bob: User) -> None:
    move(User, {"given_name": "Alicia"}, id=alice.pk)
    assert as_stored(bob) == ("Bob", True)


def test_a_column_that_counts_grows_by_one_with_the_move(acme: Tenant) -> None:
    with tenants.all_opened():
        limit = ResetPolicy.objects.create(tenant=acme, name="P", priority=7)
    assert move(ResetPolicy, {"name": "Q"}, counted="priority", id=limit.pk)
    with tenants.all_opened():
        assert ResetPolicy.objects.values_list("name", "priority").get(pk=limit.pk) == ("Q", 8)
