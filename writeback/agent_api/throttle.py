"""How often a network may try codes that are none: 20 in 10 minutes, counted by each process for itself.

A code has 100 bits; this keeps the log and the database quiet, not the codes secret.
"""

from collections import deque
from time import monotonic

MOST, SECONDS = 20, 600.0
MOST_NETWORKS = 10_000


class Failures:
    """Failed tries by network."""

    def __init__(self) -> None:
        self._by_network: dict[str, deque[float]] = {}

    def are_too_many(self, network: str) -> bool:
        tries = self._by_network.get(network)
        if tries is None:
            return False
        while tries and tries[0] < monotonic() - SECONDS:
            tries.popleft()
        return len(tries) >= MOST

    def count(self, network: str) -> None:
        if len(self._by_network) >= MOST_NETWORKS:
            self._by_network.pop(next(iter(self._by_network)))
        self._by_network.setdefault(network, deque()).append(monotonic())
