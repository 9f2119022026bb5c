"""Guarded updates: a row moves only if it still is what the caller saw, in one statement that the ORM need not put together."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model
from django.db.models.expressions import RawSQL

from accounts.inserting import as_json, from_json, insert, mark_added, takes_json


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
    sql = _statement(model, tuple(changes), tuple(expected), also.sql if also else "", counted)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(sql, _values(model, changes, also, expected))
        return bool(cursor.rowcount == 1)


@cache
def _adding(update: str, models: tuple[type[Model], ...]) -> str:
    added = ", ".join(f"added{number} AS ({from_json(model)}, moved)" for number, model in enumerate(models))
    return f"WITH moved AS ({update} RETURNING 1 AS one), {added} SELECT count(*) FROM moved"  # noqa: S608


def move_and_add(
    groups: Sequence[Sequence[Model]],
    model: type[Model],
    changes: Mapping[str, Any],
    also: RawSQL | None = None,
    **expected: Any,
) -> bool:
    """`move`, and new rows (keys set, each group of one model) that come only if the row moved.

    By one statement on PostgreSQL, else in a transaction.
    """
    if not takes_json():
        with transaction.atomic():
            moved = move(model, changes, also, **expected)
            if moved:
                insert(*groups)
            return moved
    filled = [rows for rows in groups if rows]
    update = _statement(model, tuple(changes), tuple(expected), also.sql if also else "", "")
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            _adding(update, tuple(type(rows[0]) for rows in filled)),
            [*_values(model, changes, also, expected), *map(as_json, filled)],
        )
        moved = bool(cursor.fetchone() == (1,))
    for rows in filled if moved else ():
        mark_added(rows)
    return moved


def _values(
    model: type[Model], changes: Mapping[str, Any], also: RawSQL | None, expected: Mapping[str, Any]
) -> list[Any]:
    connection = connections[DEFAULT_DB_ALIAS]
    values = [_prepared(model, name, value, connection) for name, value in (*changes.items(), *expected.items())]
    return [*values, *(also.params if also else ())]


def _prepared(model: type[Model], name: str, value: Any, connection: Any) -> Any:
    field: Any = model._meta.get_field(name)
    return field.get_db_prep_save(value, connection)
