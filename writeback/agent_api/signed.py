"""Who sends a request: an agent, by a signature that is fresh and was not seen before. Refusals say nothing but no.

Nonces are remembered by each process for itself. That is enough: where the same request reaches two processes, the guarded
updates behind it do what they do once (a job is claimed once, a result is taken once, a code is used once).
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts import boxes
from accounts.tenants import all_opened
from writeback import agents
from writeback.agent import protocol
from writeback.models import Agent

MOST_NONCES = 200_000
NONCE_LENGTH = (16, 64)
LONGEST_NUMBER = 15


class NotKnown(Exception):
    """Nobody whom this server talks to."""


@dataclass(frozen=True)
class Signed:
    """A request with what was said about its sender, nothing of it believed yet."""

    path: str
    agent: str
    time: str
    nonce: str
    signature: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def read(cls, path: str, headers: Mapping[str, str], body: bytes) -> "Signed":
        """Raises NotKnown where a header is missing or of a wrong shape."""
        given = [headers.get(name, "") for name in (protocol.AGENT, protocol.TIME, protocol.NONCE)]
        agent, moment, nonce = given
        shortest, longest = NONCE_LENGTH
        if not (moment.isascii() and moment.isdigit() and len(moment) <= LONGEST_NUMBER):
            raise NotKnown
        if not (nonce.isascii() and nonce.isalnum() and shortest <= len(nonce) <= longest):
            raise NotKnown
        try:
            signature = protocol.from_text(headers.get(protocol.SIGNATURE, ""))
        except protocol.Malformed:
            raise NotKnown from None
        return cls(path, agent, moment, nonce, signature, body)

    def is_by(self, key: bytes, now: float) -> bool:
        """Whether the holder of this key sent it just now."""
        if abs(now - int(self.time)) > protocol.TIME_WINDOW_SECONDS:
            return False
        text = protocol.signed_text(self.path, self.agent, self.time, self.nonce, self.body)
        return boxes.is_signed(key, self.signature, text)


class Nonces:
    """Those seen within the time that a signature is good for. May be shared between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_new(self, agent: str, nonce: str, now: float) -> bool:
        """Remember it. False where it was seen before, or there are more than can be remembered."""
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now:
                self._seen.popitem(last=False)
            if (agent, nonce) in self._seen or len(self._seen) >= MOST_NONCES:
                return False
            # A clock that is ahead by the window makes a signature good for twice as long.
            self._seen[agent, nonce] = now + 2 * protocol.TIME_WINDOW_SECONDS
            return True


NONCES = Nonces()


def sender(request: Signed, pending: bool = False, now: float | None = None) -> Agent:
    """The approved agent that sent a request, with tenant, connector and directory. Raises NotKnown.

    `pending`: one that still waits for approval will do.
    """
    now = time.time() if now is None else now
    if not (request.agent.isascii() and request.agent.isdigit() and len(request.agent) <= LONGEST_NUMBER):
        raise NotKnown
    agent = standing(int(request.agent), pending)
    if not request.is_by(bytes(agent.signing_key), now) or not NONCES.is_new(request.agent, request.nonce, now):
        raise NotKnown
    return agent


def standing(agent_id: int, pending: bool = False) -> Agent:
    """An agent that is as this server wrote it, approved, and of an active tenant. Raises NotKnown."""
    allowed = (Agent.Status.APPROVED, Agent.Status.PENDING) if pending else (Agent.Status.APPROVED,)
    with all_opened():
        found = Agent.objects.filter(pk=agent_id, status__in=allowed, tenant__is_active=True)
        agent = found.select_related("tenant", "connector__directory").first()
    if agent is None or not agents.is_genuine(agent):
        raise NotKnown
    return agent
