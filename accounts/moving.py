"""Guarded updates: a row moves only if it still is what the caller saw, in one statement that the ORM need not put together."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.models.expressions import RawSQL


@cache
def _statement(model: type[Model], changed: tuple[str, ...], expected: tuple[str, ...], also: str, counted: str) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    fields: dict[str, Any] = {
        name: model._meta.get_field(name) for name in (*changed, *expected, *([counted] if counted else []))
    }
    columns = {name: quote(field.column) for name, field in fields.items()}
    grown = [f"{columns[counted]} = {columns[counted]} + 1"] if counted else []
    changes = ", ".join([*(f"{columns[name]} = %s" for name in changed), *grown])
    conditions = " AND ".join([*(f"{columns[name]} = %s" for name in expected), *([also] if also else [])])
    return f"UPDATE {quote(model._meta.db_table)} SET {changes} WHERE {conditions}"  # noqa: S608 - names of columns only


def move(
    model: type[Model], changes: Mapping[str, Any], also: RawSQL | None = None, counted: str = "", **expected: Any
) -> bool:
    """Write `changes` to the row whose fields still have the `expected` values. Returns whether exactly one row moved.

    Foreign keys are given as keys; an expected value is never None. `also` is a further condition, asked by the database
    in the same statement. `counted` names a field that grows by one.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    sql = _statement(model, tuple(changes), tuple(expected), also.sql if also else "", counted)
    values = [_prepared(model, name, value, connection) for name, value in (*changes.items(), *expected.items())]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, *(also.params if also else ())])
        return bool(cursor.rowcount == 1)


def _prepared(model: type[Model], name: str, value: Any, connection: Any) -> Any:
    field: Any = model._meta.get_field(name)
    return field.get_db_prep_save(value, connection)
