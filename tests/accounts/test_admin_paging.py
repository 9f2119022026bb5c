"""Long lists are counted exactly while that is cheap, and estimated beyond."""

import pytest
from django.db import connection
from django_scopes import scopes_disabled

from accounts.admin import paging
from accounts.admin.paging import EstimatedPaginator
from accounts.models import Group, Tenant


@pytest.fixture
def groups(acme: Tenant) -> None:
    with scopes_disabled():
        Group.objects.bulk_create(Group(tenant=acme, name=f"Group {number:03}") for number in range(300))


def count() -> int:
    with scopes_disabled():
        return EstimatedPaginator(Group.objects.order_by("name"), 50).count


def test_short_lists_are_counted_exactly(groups: None) -> None:
    assert count() == 300


def test_a_plain_list_is_counted_too() -> None:
    assert EstimatedPaginator([1, 2, 3], 2).count == 3


@pytest.mark.postgres
def test_long_lists_are_estimated_and_never_below_what_was_counted(
    groups: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "EXACT_UP_TO", 100)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Group._meta.db_table}")
    assert 101 <= count() <= 600
    with scopes_disabled():
        few = EstimatedPaginator(Group.objects.filter(name__lt="Group 050"), 50)
        assert few.count == 50
