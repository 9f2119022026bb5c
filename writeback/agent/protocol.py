"""What agent and server say to each other, stated once for both. No Django here.

Every request is a POST of JSON, signed by the agent (Ed25519) over all that matters of it. A signature is good for
TIME_WINDOW and its nonce once. Answers are JSON over a verified TLS connection; a job carries the server's signature.
"""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from accounts import boxes

PREFIX = "/api/v1/agent/"
ENROL, STATUS, POLL, MARK, STEP, RESULT, HEARTBEAT, ROLL = (
    "enrol",
    "status",
    "poll",
    "mark",
    "step",
    "result",
    "heartbeat",
    "roll",
)
SYNC_BEGIN, SYNC_PAGE, SYNC_FINISH = "sync/begin", "sync/page", "sync/finish"
AGENT, TIME, NONCE, SIGNATURE = "rekey-agent", "rekey-time", "rekey-nonce", "rekey-signature"
TIME_WINDOW_SECONDS = 60
POLL_SECONDS = 25
MOST_BYTES = 65_536
MOST_PAGE_BYTES = 4_194_304  # a page of people and groups
NEWCOMER = "new"  # in place of an agent's number, at enrolment
SAYS_HELLO = "rekey-agent-1"


class Malformed(Exception):
    """What came is not what this protocol says."""


def signed_text(path: str, agent: str, time: str, nonce: str, body: bytes) -> bytes:
    """What the agent's signature covers."""
    return "\n".join((SAYS_HELLO, "POST", path, agent, time, nonce, sha256(body).hexdigest())).encode()


def rolled_text(agent: int, sealing: bytes, signing: bytes) -> bytes:
    """What new keys sign to show that they are in the same hands; the request itself is signed by the old ones."""
    return f"{SAYS_HELLO}|roll|{agent}|{sealing.hex()}|{signing.hex()}".encode()


def to_text(data: bytes) -> str:
    return b64encode(data).decode()


def from_text(text: object, most: int = 8192) -> bytes:
    """Raises Malformed."""
    if not isinstance(text, str) or len(text) > most:
        raise Malformed
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise Malformed from None


@dataclass(frozen=True)
class HandedJob:
    """A job as an agent gets it. `box` is the one for this agent's key; `inventory` names all there are.

    `seconds_left`: until when, from the answer on, an operation may begin; the agent counts by its own clock.
    """

    id: str
    tenant: int
    connector: int
    anchor: str
    operation: str
    deadline: str
    attempt: int
    seconds_left: float
    unlock: bool
    must_change: bool
    by_administrator: bool
    first_mark: str | None
    inventory: str
    signature: str
    box: str = field(repr=False)

    @property
    def info(self) -> str:
        """What the box is bound to; as `WritebackJob.info`."""
        parts = (self.tenant, self.connector, self.anchor, self.id, self.operation, self.deadline)
        return "|".join(map(str, parts))

    @property
    def signed(self) -> bytes:
        """What the server signed; as `jobs.signed_content`."""
        flags = f"{self.unlock:d}{self.must_change:d}{self.by_administrator:d}"
        return f"{self.info}|{flags}|{self.inventory}".encode()

    def is_from(self, server_key: bytes, key_id: str) -> bool:
        """Whether the server with this key made it, and made this box for this key."""
        mine = f"{key_id}={boxes.digest_of_box(self.box)}"
        return mine in self.inventory.split(",") and boxes.is_signed(server_key, from_text(self.signature), self.signed)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: object) -> "HandedJob":
        """Raises Malformed where a field is missing, or of another kind than it should be."""
        kinds = {name: _KINDS[str(one.type)] for name, one in cls.__dataclass_fields__.items()}
        if not isinstance(given, dict) or not all(isinstance(given.get(name), kind) for name, kind in kinds.items()):
            raise Malformed
        return cls(**{name: given[name] for name in kinds})


_KINDS: dict[str, tuple[type, ...]] = {
    str(str): (str,),
    str(int): (int,),
    str(bool): (bool,),
    str(float): (int, float),
    str(str | None): (str, type(None)),
}
