"""Queries written once."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts import people
from accounts.lookups import Lookup
from accounts.models import Tenant, User
from accounts.tenants import all_opened
from tests.conftest import make_user


def by_name(name: str, tenant: int) -> "QuerySet[User]":
    with all_opened():
        return User.objects.filter(principal_key=name, tenant=tenant).select_related("tenant")


@pytest.fixture
def users() -> Lookup[User]:
    return Lookup(by_name, name=User._meta.get_field("principal_key"), tenant=Tenant._meta.get_field("id"))


def test_a_query_that_was_written_once_answers_for_other_values(
    users: Lookup[User], alice: User, bob: User, acme: Tenant, globex: Tenant
) -> None:
    assert users.rows(name="alice@acme.example", tenant=acme.pk) == [alice]
    assert users.rows(name="bob@acme.example", tenant=acme.pk) == [bob]
    assert users.rows(name="bob@acme.example", tenant=globex.pk) == []


def test_its_rows_carry_what_was_related(
    users: Lookup[User], alice: User, acme: Tenant, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        (row,) = users.rows(name="alice@acme.example", tenant=acme.pk)
        assert row.tenant == acme
        assert vars(row)["created_at"] == alice.created_at


@pytest.mark.django_db
@pytest.mark.postgres
def test_a_person_is_found_through_indexes_however_many_there_are(acme: Tenant) -> None:
    for number in range(3):
        make_user(acme, f"user{number}@acme.example", mail=f"user{number}@home.example")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user (tenant_id, password, principal_name, principal_key, mail, mail_key, given_name,"
            " family_name, display_name, language, is_enabled, is_protected, is_external, self_service_paused,"
            " created_at, must_change_password, credentials_epoch)"
            " SELECT %s, '!', n, n, n, n, '', '', '', '', true, false, false, false, now(), false, ''"
            " FROM generate_series(1, 20000) n",
            [acme.pk],
        )
        cursor.execute("ANALYZE accounts_user")
        for tenant in (None, acme):
            with CaptureQueriesContext(connection) as captured:
                assert people.find("user1@acme.example", tenant).user is not None
            cursor.execute("EXPLAIN " + captured[0]["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on accounts_user" not in plan
            assert "principal_once_per_tenant" in plan
            assert "user_by_mail" in plan
