"""Queries that every page needs, written once per process: putting such a statement together costs more than its answer.

Only the values change between calls. Rows come out as the same model instances, related ones included.
"""

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DateTimeField, Field, IntegerField, Model, QuerySet, UUIDField
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row", bound=Model)


class _Written(SQLCompiler):
    """A compiler whose statement stands, and how its columns become values; `params` are this call's."""

    statement: str
    params: tuple[Any, ...]
    converters: dict[int, Any]

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple[Any, ...]]:
        return self.statement, self.params

    def get_converters(self, expressions: Iterable[Any]) -> dict[int, Any]:
        return self.converters


class Lookup(Generic[Row]):
    """A query by values of these fields: `Lookup(build, id=SomeModel._meta.pk)`; `build(id=…)` returns a QuerySet.

    `build` must put each value into the query as it is, and must not depend on anything else (such as an opened scope).
    """

    def __init__(self, build: Callable[..., "QuerySet[Row]"], **fields: "Field[Any, Any]") -> None:
        self._build, self._fields = build, fields
        self._made: tuple[QuerySet[Row], _Written, list[tuple[str | None, Any]]] | None = None

    def rows(self, **values: Any) -> list[Row]:
        """The rows for these values, by one statement."""
        found, compiler, places = self._made or self._make()
        given = {name: self._prepared(name, value) for name, value in values.items()}
        fresh = copy.copy(compiler)
        fresh.connection = connections[DEFAULT_DB_ALIAS]  # this thread's, not the proxy: it is asked for every column
        fresh.params = tuple(given[name] if name else constant for name, constant in places)
        queryset = found.all()
        queryset.query.get_compiler = lambda *_, **__: fresh  # type: ignore[method-assign]
        return list(queryset)

    def _make(self) -> tuple["QuerySet[Row]", _Written, list[tuple[str | None, Any]]]:
        marks = {name: _mark(field) for name, field in self._fields.items()}
        queryset = self._build(**marks)
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        statement, params = compiler.as_sql()
        names = {self._prepared(name, mark): name for name, mark in marks.items()}
        written = copy.copy(compiler)
        written.__class__ = type("Written", (_Written, type(compiler)), {})
        written.statement = statement
        written.converters = compiler.get_converters(column for column, _, _ in compiler.select)
        self._made = queryset, written, [(names.get(param), param) for param in params]
        return self._made

    def _prepared(self, name: str, value: Any) -> Any:
        return self._fields[name].get_db_prep_value(value, connections[DEFAULT_DB_ALIAS])


def _mark(field: "Field[Any, Any]") -> Any:
    """A value that stands in the statement for the one to come, and for nothing else."""
    mark = uuid4()
    if isinstance(field, DateTimeField):
        return datetime.fromtimestamp(mark.int % 10**15 / 10**6, UTC)
    if isinstance(field, UUIDField):
        return mark
    return mark.int >> 66 if isinstance(field, IntegerField) else mark.hex
