"""Statements as PostgreSQL's own log has them (log_statement = all), counted by the process they came from."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

PREFIX = "bench|%p|%a|"
LINE = re.compile(r"^bench\|(\d+)\|([^|]*)\|LOG:  (?:statement|execute [^:]*): (.*)$")
CAPTCHA = "captcha_captchastore"
BEGINS = ("BEGIN", "START TRANSACTION")
ENDS = ("COMMIT", "ROLLBACK", "END")
NESTED = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")
WRITES = ("INSERT", "UPDATE", "DELETE")
LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+\b")
SHOWN = 100


@dataclass
class Counted:
    """`commits` are transactions that wrote something, those of a single statement too. The captcha's are apart."""

    statements: int = 0
    control: int = 0
    commits: int = 0
    captcha_statements: int = 0
    captcha_commits: int = 0
    texts: Counter[str] = field(default_factory=Counter)


@contextmanager
def logged(database: psycopg.Connection, application: str) -> Iterator[list[list[str]]]:
    """Everything the application's connections say meanwhile, by connection; filled in at the end."""
    row = database.execute("SELECT current_setting('data_directory')").fetchone()
    assert row is not None
    path = Path(row[0]).parent / "log"
    found: list[list[str]] = []
    _configure(database, f"'{PREFIX}'", "'all'")
    start = path.stat().st_size
    try:
        yield found
    finally:
        _configure(database, "DEFAULT", "DEFAULT")
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    found += _by_connection(lines, application)


def _configure(database: psycopg.Connection, prefix: str, statements: str) -> None:
    database.execute(f"ALTER SYSTEM SET log_line_prefix = {prefix}")
    database.execute(f"ALTER SYSTEM SET log_statement = {statements}")
    database.execute("SELECT pg_reload_conf()")
    database.execute("SELECT pg_sleep(0.3)")


def _by_connection(lines: Iterable[str], application: str) -> list[list[str]]:
    held: dict[str, list[str]] = defaultdict(list)
    current: list[str] | None = None
    for line in lines:
        match = LINE.match(line)
        if match:
            current = held[match.group(1)] if match.group(2) == application else None
            if current is not None:
                current.append(match.group(3).strip())
        elif current and line.startswith("\t"):  # the next line of a long statement
            current[-1] = f"{current[-1]} {line.strip()}".strip()
        else:
            current = None
    return list(held.values())


def count(connections: Iterable[list[str]]) -> Counted:
    """Sum up what several connections said."""
    counted = Counted()
    for said in connections:
        _count_connection(said, counted)
    return counted


def _count_connection(said: list[str], counted: Counted) -> None:
    inside, wrote, of_captcha = False, False, False
    for text in said:
        upper = text.upper()
        if upper.startswith(BEGINS):
            counted.control += 1
            inside, wrote, of_captcha = True, False, False
        elif upper.startswith(NESTED):
            counted.control += 1
        elif upper.startswith(ENDS):
            counted.control += 1
            if wrote and upper.startswith("COMMIT"):
                _add_commit(counted, of_captcha)
            inside = False
        else:
            _add_statement(counted, text)
            writes, captcha = upper.startswith(WRITES), CAPTCHA in text
            wrote, of_captcha = wrote or writes, of_captcha or captcha
            if writes and not inside:
                _add_commit(counted, captcha)


def _add_commit(counted: Counted, of_captcha: bool) -> None:
    if of_captcha:
        counted.captcha_commits += 1
    else:
        counted.commits += 1


def _add_statement(counted: Counted, text: str) -> None:
    if CAPTCHA in text:
        counted.captcha_statements += 1
    else:
        counted.statements += 1
        counted.texts[LITERAL.sub("?", text)[:SHOWN]] += 1
