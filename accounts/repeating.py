"""Work that a process repeats in a thread of its own until it is told to stop. Errors are logged and outlived."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from django.db import close_old_connections, connections

logger = logging.getLogger(__name__)


def repeat(name: str, seconds: float, work: Callable[[], object], stop: Event) -> Thread:
    """Do `work` every so many seconds, the first time after as many. Returns the thread, which dies with the process."""
    thread = Thread(target=_until, args=(name, seconds, work, stop), name=name, daemon=True)
    thread.start()
    return thread


def _until(name: str, seconds: float, work: Callable[[], object], stop: Event) -> None:
    while not stop.wait(seconds):
        close_old_connections()
        try:
            work()
        except Exception as error:  # the next round may find the database again
            logger.error("The %s failed: %s", name, type(error).__name__)
    connections.close_all()
