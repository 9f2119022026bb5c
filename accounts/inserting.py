"""Adding rows by a statement that is written once per model: the ORM takes longer than PostgreSQL.

PostgreSQL gets all rows of a model as one JSON text: the statement stays the same for any number of rows, and the driver
need not find out anew how to send each of a hundred values. SQLite, which has no such function, gets values.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model


def insert(*groups: Sequence[Model]) -> None:
    """Add new rows whose keys are set already, each group of one model: all or none."""
    filled = [rows for rows in groups if rows]
    if not filled:
        return
    if not takes_json():
        with transaction.atomic() if len(filled) > 1 else nullcontext():
            for rows in filled:
                _insert_values(rows)
    else:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(_statement(tuple(type(rows[0]) for rows in filled)), [as_json(rows) for rows in filled])
    for rows in filled:
        mark_added(rows)


@cache
def _statement(models: tuple[type[Model], ...]) -> str:
    *before, last = (from_json(model) for model in models)
    return f"WITH {', '.join(f'added{n} AS ({one})' for n, one in enumerate(before))} {last}" if before else last


def takes_json() -> bool:
    """Whether this database is PostgreSQL, which makes rows out of JSON."""
    return bool(connections[DEFAULT_DB_ALIAS].vendor == "postgresql")


@cache
def from_json(model: type[Model]) -> str:
    """The statement that adds a model's rows out of its one parameter, what `as_json` makes of them."""
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    table, columns = quote(model._meta.db_table), ", ".join(map(quote, _columns(model)))
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608


def as_json(rows: Sequence[Model]) -> str:
    """All columns of the rows of one model, in the words PostgreSQL reads."""
    fields = rows[0]._meta.concrete_fields
    return json.dumps([{field.column: field.pre_save(row, True) for field in fields} for row in rows], default=_plain)


def mark_added(rows: Sequence[Model]) -> None:
    """Tell the instances that their rows exist now."""
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return "\\x" + value.hex()
    raise TypeError(f"no JSON for a {type(value).__name__}")


def _columns(model: type[Model]) -> list[str]:
    return [field.column for field in model._meta.concrete_fields]


def _insert_values(rows: Sequence[Model]) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    model = type(rows[0])
    quote, columns = connection.ops.quote_name, _columns(model)
    row_of_marks = "(" + ", ".join(["%s"] * len(columns)) + ")"
    values = [
        field.get_db_prep_save(field.pre_save(row, True), connection)
        for row in rows
        for field in model._meta.concrete_fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"  # noqa: S608
            f" VALUES {', '.join([row_of_marks] * len(rows))}",
            values,
        )
