"""The agent's own limits, which no server can lift: who is within its reach, and how many writes a minute."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

from writeback.connectors import protected
from writeback.connectors.base import Connector, DirectoryError, Entry, Probe, Reason
from writeback.connectors.reading import GroupEntry, Person, Reader

MINUTE = 60.0


class Limited(Connector):
    """A directory of which only what is at or below one DN can be found."""

    def __init__(self, inner: Connector, limit_dn: str) -> None:
        self._inner, self._limit_dn = inner, limit_dn
        self.capabilities = inner.capabilities

    def heed(self, may_start: Callable[[], bool]) -> None:
        self._inner.heed(may_start)

    def probe(self) -> Probe:
        return self._inner.probe()

    def find(self, anchor: str) -> Entry:
        entry = self._inner.find(anchor)
        if not protected.is_within(entry.dn, self._limit_dn):
            raise DirectoryError(Reason.PROTECTED, "outside of the agent's limit")
        return entry

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        self._inner.set_password(entry, new, current)

    def unlock(self, entry: Entry) -> None:
        self._inner.unlock(entry)

    def require_change(self, entry: Entry) -> None:
        self._inner.require_change(entry)

    def verify(self, entry: Entry, password: str) -> None:
        self._inner.verify(entry, password)

    def verify_nobody(self, password: str) -> None:
        self._inner.verify_nobody(password)


class LimitedReader(Reader):
    """Of the people only those at or below one DN; groups may lie elsewhere."""

    def __init__(self, inner: Reader, limit_dn: str) -> None:
        self._inner, self._limit_dn = inner, limit_dn
        self.anchors_are_cheap = False  # they would be everybody's, the others' too

    def mark(self) -> str:
        return self._inner.mark()

    def people(self, since: str | None) -> Iterator[Person]:
        return (person for person in self._inner.people(since) if protected.is_within(person.dn, self._limit_dn))

    def groups(self, since: str | None) -> Iterator[GroupEntry]:
        return self._inner.groups(since)

    def anchors(self) -> Iterator[str]:
        return (person.anchor for person in self.people(None))


class Cap:
    """So many in any minute, and not one more. May be shared between threads."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self.most, self._clock = most, clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Whether one more is within the limit; it counts if so."""
        now = self._clock()
        with self._lock:
            while self._taken and self._taken[0] <= now - MINUTE:
                self._taken.popleft()
            if len(self._taken) >= self.most:
                return False
            self._taken.append(now)
            return True
