"""Checking rows on the other processors: phone numbers are slow to read, and a big file has many."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from django.conf import settings

from accounts.importing.checking import Person, RefusedRow, Rules, check
from accounts.importing.reading import RawLine, read_line

# Starting another process takes as long as checking this many bytes.
WORTHWHILE_BYTES = 2_000_000
MOST_PROCESSES = 4

Batch = Sequence[RawLine]


class Checked(NamedTuple):
    """What became of a batch: people, and the reasons of refused lines by their number."""

    people: list[Person]
    refused: dict[int, str]


class Checkers:
    """Processes that check batches of lines; none of them for a small file or where there is one processor only."""

    def __init__(self, rules: Rules, file_bytes: int) -> None:
        self._rules = rules
        processes = min(MOST_PROCESSES, (os.cpu_count() or 1) - 1)
        self._ahead = processes + 1
        self._pool: ProcessPoolExecutor | None = None
        if file_bytes >= WORTHWHILE_BYTES and processes > 0:
            # A fresh process, not a fork: this one has an open database connection, and threads.
            self._pool = ProcessPoolExecutor(
                processes, mp_context=get_context("spawn"), initializer=_without_translations
            )
            self._pool.submit(check_batch, (), rules)

    def __enter__(self) -> "Checkers":
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def check_all(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Checked]]:
        """Each batch with what became of it, in order; a few batches are in memory, never the file."""
        if self._pool is None:
            yield from ((batch, check_batch(batch, self._rules)) for batch in batches)
            return
        waiting: deque[tuple[Batch, Future[Checked]]] = deque()
        for batch in batches:
            waiting.append((batch, self._pool.submit(check_batch, batch, self._rules)))
            if len(waiting) > self._ahead:
                yield _first_of(waiting)
        while waiting:
            yield _first_of(waiting)


def _without_translations() -> None:
    """Models and translations are not loaded in these processes: their reasons are in English, as commands are."""
    settings.USE_I18N = False


def check_batch(batch: Batch, rules: Rules) -> Checked:
    checked = Checked([], {})
    for raw in batch:
        line = read_line(raw)
        try:
            checked.people.append(check(line, rules))
        except RefusedRow as reason:
            checked.refused[line.number] = str(reason)
    return checked


def _first_of(waiting: deque[tuple[Batch, Future[Checked]]]) -> tuple[Batch, Checked]:
    batch, checked = waiting.popleft()
    return batch, checked.result()
