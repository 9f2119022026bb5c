"""Adding rows by a statement that is written once per model and number of rows: the ORM takes longer than PostgreSQL."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model


@cache
def _statement(model: type[Model], rows: int) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    fields = model._meta.concrete_fields
    columns = ", ".join(quote(field.column) for field in fields)
    row = "(" + ", ".join(["%s"] * len(fields)) + ")"
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES {', '.join([row] * rows)}"  # noqa: S608


def insert(rows: Sequence[Model]) -> None:
    """Add new rows of one model, whose keys are set already."""
    if rows:
        _execute(_statement(type(rows[0]), len(rows)), rows)


def insert_with(first: Sequence[Model], second: Sequence[Model]) -> None:
    """Add rows of two models (at least one each), all or none: by one statement on PostgreSQL, else in a transaction."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        with transaction.atomic():
            insert(first)
            insert(second)
        return
    statements = [_statement(type(rows[0]), len(rows)) for rows in (first, second)]
    _execute(f"WITH first AS ({statements[0]}) {statements[1]}", [*first, *second])


def _execute(statement: str, rows: Sequence[Model]) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    values: list[Any] = [
        field.get_db_prep_save(field.pre_save(row, True), connection)
        for row in rows
        for field in row._meta.concrete_fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
