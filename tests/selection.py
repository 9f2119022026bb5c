"""Which tests a part of the suite runs: loaded by tests/run.py.

`--needs-database` leaves the tests that use a database; REKEY_MISSING (mark=reason, one a line) skips what needs a
server that this machine hasn't got.
"""

import os

import pytest

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}
MISSING = "REKEY_MISSING"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--needs-database", action="store_true", help="Only tests that use the database")


def missing_servers() -> dict[str, str]:
    """Reasons by mark, from the environment."""
    lines = os.environ.get(MISSING, "").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


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
