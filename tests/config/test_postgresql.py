"""Kept connections to PostgreSQL."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def own_process() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number: int = cursor.fetchone()[0]
        return number


def end_by_the_server(process: int) -> None:
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    other.close()
    connection.close_if_unusable_or_obsolete()  # what Django does before each request: look again


def test_looking_whether_a_kept_connection_lives_costs_no_statement() -> None:
    before = own_process()
    connection.close_if_unusable_or_obsolete()
    with CaptureQueriesContext(connection) as captured:
        assert connection.is_usable()
    assert not captured.captured_queries
    assert own_process() == before


def test_a_connection_that_the_server_ended_is_replaced_before_it_costs_a_page() -> None:
    before = own_process()
    end_by_the_server(before)
    assert not connection.is_usable()
    assert own_process() != before


def test_a_connection_inside_a_transaction_counts_as_alive() -> None:
    connection.set_autocommit(False)
    try:
        own_process()
        assert connection.is_usable()
    finally:
        connection.rollback()
        connection.set_autocommit(True)
