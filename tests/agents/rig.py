"""An agent's insides for its tests: a server that answers what a test says, a directory in memory, jobs made for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts import boxes
from writeback.agent import protocol
from writeback.agent.carrying import Means
from writeback.agent.client import Client
from writeback.agent.limits import Cap
from writeback.agent.protocol import HandedJob
from writeback.agent.state import Enrolment, Keys, State
from writeback.connectors.base import Capabilities, Connector, DirectoryError, Entry, Probe, Reason

NEW = "Canary-Passw0rd-7#"


class Directory(Connector):
    """People by anchor with their passwords; `before` runs ahead of each password that is set."""

    capabilities = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)

    def __init__(self) -> None:
        self.passwords = {"dora": "Start-Passw0rd1"}
        self.dn = "uid=dora,ou=people,dc=example,dc=test"
        self.mark = 1
        self.set_times = 0
        self.refuses: DirectoryError | None = None
        self.before: Callable[[], None] = lambda: None

    def probe(self) -> Probe:
        if self.refuses:
            raise self.refuses
        return Probe("ldaps://dc1", "In memory", True, ("history_not_on_reset",))

    def find(self, anchor: str) -> Entry:
        if anchor not in self.passwords:
            raise DirectoryError(Reason.NOT_FOUND)
        return Entry(anchor, self.dn, str(self.mark))

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        self.before()
        if self.refuses:
            raise self.refuses
        self.passwords[entry.anchor], self.mark = new, self.mark + 1
        self.set_times += 1

    def unlock(self, entry: Entry) -> None:
        pass

    def require_change(self, entry: Entry) -> None:
        pass

    def verify(self, entry: Entry, password: str) -> None:
        if self.passwords[entry.anchor] != password:
            raise DirectoryError(Reason.WRONG_PASSWORD)


class Server(Client):
    """Answers by name; an answer that is an exception is raised, one in a list is given once."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            protocol.MARK: {"held": True, "seconds_left": 6.0},
            protocol.RESULT: {"taken": True},
            protocol.STEP: {},
        } | answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, name: str, content: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
        self.asked.append((name, json.loads(json.dumps(content))))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer
        return found

    def of(self, name: str) -> list[dict[str, Any]]:
        return [content for asked, content in self.asked if asked == name]


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Rig:
    """One agent with everything around it."""

    folder: Path
    server: Server = field(default_factory=Server)
    directory: Directory = field(default_factory=Directory)
    clock: Clock = field(default_factory=Clock)
    server_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    most: int = 60

    def __post_init__(self) -> None:
        public = self.server_key.public_key().public_bytes_raw()
        enrolment = Enrolment(7, 1, 2, "one", "Acme", "Head office", "openldap", "https://localhost", public)
        self.state = State(self.folder, enrolment, Keys.make())
        self.state.save()
        cap = Cap(self.most, self.clock)
        self.means = Means(self.server, self.state, cap, lambda: self.directory, clock=self.clock)

    def job(self, keys: Keys | None = None, key: Ed25519PrivateKey | None = None, **changes: Any) -> HandedJob:
        """A reset of dora, as the server would make it."""
        sealing = (keys or self.state.keys).sealing
        values: dict[str, Any] = {
            "id": str(uuid4()),
            "tenant": 1,
            "connector": 2,
            "anchor": "dora",
            "operation": "reset",
            "deadline": (datetime.now(UTC) + timedelta(seconds=60)).isoformat(),
            "attempt": 1,
            "seconds_left": 6.0,
            "unlock": False,
            "must_change": False,
            "by_administrator": False,
            "first_mark": None,
        } | changes
        bare = HandedJob(**values, inventory="", signature="", box="")
        sealed = boxes.seal_to([sealing.public], json.dumps({"new": NEW, "current": NEW}).encode(), bare.info)
        values |= {"inventory": boxes.inventory(sealed), "box": str(boxes.box_for(sealed, sealing.key_id))}
        signature = (key or self.server_key).sign(HandedJob(**values, signature="").signed)
        return HandedJob(**values, signature=protocol.to_text(signature))
