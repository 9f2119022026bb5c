"""Tables that grow for ever are split by month on PostgreSQL (range of `created_at`); on SQLite they are plain tables."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation

MONTHS_AHEAD = 3


class CreatePartitionedModel(CreateModel):
    """CreateModel whose table is range-partitioned by `created_at`; its key is (id, created_at)."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        sql, params = schema_editor.table_sql(model)
        pk = model._meta.pk.column
        sql = sql.replace(f'"{pk}" uuid NOT NULL PRIMARY KEY', f'"{pk}" uuid NOT NULL', 1).rstrip()
        assert "PRIMARY KEY" not in sql, "the key of a partitioned table is set here"
        closed = sql[: sql.rindex(")")]
        schema_editor.execute(
            f'{closed}, PRIMARY KEY ("{pk}", "created_at")) PARTITION BY RANGE ("created_at")', params or None
        )
        schema_editor.execute(
            f'CREATE TABLE "{model._meta.db_table}_default" PARTITION OF "{model._meta.db_table}" DEFAULT', None
        )


class EnsurePartitions(Operation):
    """Migration step: the partitions of this month and the next ones."""

    reversible = True
    reduces_to_sql = False

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: Any) -> None:
        return None

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        ensure(self.table, datetime.now(UTC).date())

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        return None

    def describe(self) -> str:
        return f"Monthly partitions of {self.table}"


def _month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return _month(_month(day) + timedelta(days=32))


def ensure(table: str, today: date) -> list[str]:
    """Make the partitions of this month and the next three where they lack. Returns the names of the new ones.

    A month whose rows already lie in the default partition is left there: nothing is lost, and it is only slower.
    """
    if connection.vendor != "postgresql":
        return []
    made = []
    with connection.cursor() as cursor:
        month = _month(today)
        for _ in range(MONTHS_AHEAD + 1):
            following = _next_month(month)
            name = f"{table}_{month:%Y_%m}"
            cursor.execute("SELECT to_regclass(%s) IS NULL", [name])
            missing = cursor.fetchone()[0]
            cursor.execute(
                f'SELECT EXISTS (SELECT 1 FROM "{table}_default" WHERE created_at >= %s AND created_at < %s)',  # noqa: S608
                [month, following],
            )
            if missing and not cursor.fetchone()[0]:
                cursor.execute(
                    f'CREATE TABLE "{name}" PARTITION OF "{table}" '
                    f"FOR VALUES FROM ('{month:%Y-%m-%d} 00:00:00+00') TO ('{following:%Y-%m-%d} 00:00:00+00')"
                )
                made.append(name)
            month = following
    return made
