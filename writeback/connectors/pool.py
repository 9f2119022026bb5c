"""Bound connections that wait for the next job, so that not every one pays for a handshake and a bind."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from writeback.connectors.base import Access
from writeback.connectors.connection import Connection, open_connection
from writeback.connectors.failures import LdapError

IDLE_SECONDS = 60.0  # well below the idle limit of Active Directory (900 s) and of most firewalls
IDLE_CONNECTIONS = 4

T = TypeVar("T")


class Pool:
    """Idle connections by the access they were opened with. May be shared between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Access, list[tuple[float, Connection]]] = {}
        self._of_the_parent: list[object] = []

    def take(self, access: Access) -> Connection | None:
        """One that is bound already, if there is one."""
        stale: list[Connection] = []
        found = None
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            waiting = self._idle.pop(access, [])
            while waiting and found is None:
                since, connection = waiting.pop()
                if since >= oldest:
                    found = connection
                else:
                    stale.append(connection)
            if waiting:
                self._idle[access] = waiting
        for connection in stale:
            connection.close()
        return found

    def give_back(self, connection: Connection) -> None:
        if not connection.is_lost:
            with self._lock:
                waiting = self._idle.setdefault(connection.access, [])
                if len(waiting) < IDLE_CONNECTIONS:
                    waiting.append((time.monotonic(), connection))
                    return
        connection.close()

    def close(self) -> None:
        """End all that wait."""
        with self._lock:
            waiting = [connection for each in self._idle.values() for _since, connection in each]
            self._idle.clear()
        for connection in waiting:
            connection.close()

    def leave_to_parent(self) -> None:
        """After a fork: these sockets are the parent's. Kept, since even letting go of one would say good-bye on it."""
        self._lock = threading.Lock()
        self._of_the_parent.append(self._idle)
        self._idle = {}


POOL = Pool()
os.register_at_fork(after_in_child=POOL.leave_to_parent)


@contextmanager
def bound(access: Access) -> Iterator[Connection]:
    """A connection bound as the account. Raises DirectoryError.

    For writes, after a read on the same access has shown that it lives: a write is never sent twice.
    """
    connection = POOL.take(access) or open_connection(access)
    try:
        yield connection
    finally:
        POOL.give_back(connection)


def reading(access: Access, ask: Callable[[Connection], T]) -> T:
    """What `ask` finds out. Where a waiting connection turns out to be dead, it is asked once more on a new one."""
    connection = POOL.take(access)
    if connection is not None:
        try:
            return ask(connection)
        except LdapError as error:
            if not error.is_connection_lost:
                raise
        finally:
            POOL.give_back(connection)
    connection = open_connection(access)
    try:
        return ask(connection)
    finally:
        POOL.give_back(connection)
