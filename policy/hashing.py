"""The few slots in which slow hashes are made: beside the pages, and never before them."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TypeVar

from django.conf import settings

WAIT_SECONDS = 2.0
NICENESS = 5

Result = TypeVar("Result")


class Busy(Exception):
    """Every hash slot stayed taken for two seconds. The page says so and asks to try again; nothing was decided."""


def run(work: Callable[[], Result]) -> Result:
    """Do work that hashes, in one of the process's slots. Raises Busy after two seconds, and what `work` raises.

    Each hash takes a core and 19 MiB; without slots a crowd (or an attacker) would make every page slow. Its thread
    yields to the others, so that a page that hashes nothing doesn't wait for those that do.
    """
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        return _threads().submit(work).result()
    finally:
        _slots.release()


def slots_for(cores: int, processes: int) -> int:
    """How many hashes one process computes at a time: all processes together keep the cores busy, and no more."""
    return max(1, cores // max(1, processes))


def _web_processes() -> int:
    """gunicorn's own variable; two processes in production where it isn't set, one in the embedded profile."""
    return int(os.environ.get("WEB_CONCURRENCY") or (1 if settings.EMBEDDED else 2))


def _yield_to_pages() -> None:
    """Linux counts priority by thread; elsewhere this call would mean another process. A sandbox may forbid it."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


_SLOTS = slots_for(len(os.sched_getaffinity(0)), _web_processes())
_slots = threading.BoundedSemaphore(_SLOTS)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_SLOTS, "hash", initializer=_yield_to_pages)


def _start_afresh() -> None:
    """A child has none of its parent's threads, and none of the slots they hold."""
    global _slots
    _slots = threading.BoundedSemaphore(_SLOTS)
    _threads.cache_clear()


os.register_at_fork(after_in_child=_start_afresh)
