"""The audit trail: every event verifies as it was written, and an erased person takes the names away and nothing else."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scopes_disabled

from accounts import audit
from accounts.audit import Activity, Event, record
from accounts.models import AuditEvent, Tenant, User
from accounts.visitor import Visitor

WHERE = Visitor("192.0.2.7", "A browser")


@pytest.fixture
def row(acme: Tenant, alice: User) -> AuditEvent:
    return written(
        Event(
            Activity.PASSWORD_RESET,
            acme.pk,
            correlation_id=uuid4(),
            actor=alice,
            target=alice,
            visitor=WHERE,
            details={"gates": ["mail"]},
        )
    )


def written(event: Event) -> AuditEvent:
    with scopes_disabled():
        record(event)
        return AuditEvent.objects.latest("created_at", "id")


def reloaded(row: AuditEvent) -> AuditEvent:
    with scopes_disabled():
        return AuditEvent.objects.get(pk=row.pk)


def test_an_event_says_who_what_when_and_from_where(row: AuditEvent, alice: User) -> None:
    assert (row.activity, row.result, row.target_id, row.actor_name) == (
        "reset.completed",
        "success",
        alice.pk,
        "alice@acme.example",
    )
    assert (row.client_address, row.user_agent, row.details) == ("192.0.2.7", "A browser", {"gates": ["mail"]})
    assert row.created_at.tzinfo is not None
    assert audit.is_genuine(reloaded(row))


CHANGES: list[dict[str, Any]] = [
    {"activity": "signin.succeeded"},
    {"result": "failure"},
    {"reason": "x"},
    {"target_id": 99},
    {"actor_id": None},
    {"details": {}},
    {"target_name": "mallory@acme.example"},
    {"client_address": "198.51.100.9"},
    {"user_agent": ""},
    {"personal_digest": "0" * 64},
    {"salt": b"other"},
    {"mac": "x:0"},
    {"correlation_id": None},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_whatever_is_changed_shows(change: dict[str, Any], row: AuditEvent) -> None:
    with scopes_disabled():
        AuditEvent.objects.filter(pk=row.pk).update(**change)
    assert not audit.is_genuine(reloaded(row))


def test_an_erased_person_leaves_an_event_that_verifies(row: AuditEvent) -> None:
    with scopes_disabled():
        audit.erase_person([row])
    erased = reloaded(row)
    assert (erased.actor_name, erased.target_name, erased.client_address, erased.user_agent, erased.salt) == (
        "",
        "",
        "",
        "",
        None,
    )
    assert audit.is_genuine(erased)
    with scopes_disabled():
        AuditEvent.objects.filter(pk=row.pk).update(activity="signin.succeeded")
    assert not audit.is_genuine(reloaded(row))


def test_a_strangers_event_carries_the_name_that_was_typed(acme: Tenant) -> None:
    row = written(
        Event(
            Activity.USER_ID_SUBMITTED, acme.pk, False, "unknown", target_name="x" * 300, visitor=Visitor("", "y" * 500)
        )
    )
    assert (row.target_id, row.target_name, len(row.user_agent), row.result) == (None, "x" * 254, 300, "failure")
    assert audit.is_genuine(reloaded(row))


def test_many_events_are_one_statement_in_their_order(acme: Tenant) -> None:
    with scopes_disabled(), CaptureQueriesContext(connection) as captured:
        record(*(Event(f"test.{number}", acme.pk) for number in range(5)))
    inserts = [query for query in captured.captured_queries if "INSERT" in query["sql"]]
    assert len(inserts) == 1
    with scopes_disabled():
        assert [row.activity for row in AuditEvent.objects.order_by("id")] == [f"test.{number}" for number in range(5)]


def test_the_same_person_leaves_different_digests(acme: Tenant, alice: User) -> None:
    first, second = (written(Event(Activity.SIGNED_IN, acme.pk, target=alice)) for _ in range(2))
    assert first.personal_digest != second.personal_digest
