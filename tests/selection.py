"""Which tests a part of the suite runs: loaded by tests/run.py.

`--needs-database` leaves the tests that use a database; REKEY_MISSING (mark=reason, one a line) skips what needs a
server that this machine hasn't got.
"""

import os
import sys
from types import ModuleType

import pytest

from tests import servers

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}
MISSING = "REKEY_MISSING"


class _Absent(ModuleType):
    """Stands where python-ldap can't be built, so that the tests that need it can be read and skipped by their names."""

    def __getattr__(self, name: str) -> type[Exception]:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {"controlType": ""})


if not servers.has_python_ldap():
    for part in ("ldap", "ldap.controls", "ldap.controls.ppolicy", "ldap.dn", "ldap.extop", "ldap.filter"):
        sys.modules[part] = _Absent(part)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--needs-database", action="store_true", help="Only tests that use the database")


def missing_servers() -> dict[str, str]:
    """Why tests with these marks can't run: from the environment, or else from what this machine has."""
    given = os.environ.get(MISSING)
    reasons = servers.missing() if given is None else dict(line.split("=", 1) for line in given.splitlines())
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        reasons.setdefault("postgres", "needs DATABASE_URL to name a PostgreSQL server; `make test` starts one")
    return reasons


def uses_database(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    return bool(names & DATABASE_FIXTURES) or any(item.get_closest_marker(mark) for mark in ("django_db", "postgres"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for mark, reason in missing_servers().items():
        for item in items:
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))
    if config.getoption("--needs-database"):
        config.hook.pytest_deselected(items=[item for item in items if not uses_database(item)])
        items[:] = [item for item in items if uses_database(item)]
