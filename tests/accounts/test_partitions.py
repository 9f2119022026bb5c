"""Audit and message tables lie in monthly partitions on PostgreSQL, from their first migration on."""

from datetime import date
from typing import Any

import pytest
from django.db import connection

from accounts import audit, partitions, tenants
from accounts.audit import Activity, Event
from accounts.models import AuditEvent, Tenant

TABLES = ("accounts_auditevent", "notifications_message", "notifications_delivery")


def partitions_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.postgres
@pytest.mark.parametrize("table", TABLES)
def test_a_new_installation_has_this_month_and_the_next_three(db: Any, table: str) -> None:
    assert len(partitions_of(table)) >= 5
    assert f"{table}_default" in partitions_of(table)


@pytest.mark.postgres
def test_later_months_are_made_once(db: Any) -> None:
    made = partitions.ensure("accounts_auditevent", date(2091, 11, 30))
    assert made == [f"accounts_auditevent_{month}" for month in ("2091_11", "2091_12", "2092_01", "2092_02")]
    assert partitions.ensure("accounts_auditevent", date(2091, 11, 1)) == []


@pytest.mark.postgres
def test_an_event_lies_in_its_month_and_is_found_by_its_id(acme: Tenant) -> None:
    audit.record(Event(Activity.SIGNED_IN, acme.pk))
    with tenants.opened(acme):
        row = AuditEvent.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM accounts_auditevent WHERE id = %s", [row.pk])
        assert cursor.fetchone() == (f"accounts_auditevent_{row.created_at:%Y_%m}",)


def test_only_postgresql_has_partitions_to_make(db: Any) -> None:
    made = partitions.ensure("accounts_auditevent", date(2093, 11, 30))
    assert bool(made) == (connection.vendor == "postgresql")
