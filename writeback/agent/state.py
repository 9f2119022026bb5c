"""What an agent keeps: its keys, and what it learnt of its server when it enrolled. One file that only it can read."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts import boxes
from accounts.boxes import PrivateKey
from writeback.agent.configuration import Unusable
from writeback.agent.protocol import Malformed, from_text, to_text

NAME = "state.json"


@dataclass(frozen=True)
class Keys:
    """Both private keys. They never print."""

    sealing: PrivateKey = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def make(cls) -> "Keys":
        return cls(PrivateKey.generate(), Ed25519PrivateKey.generate())

    @classmethod
    def from_json(cls, given: dict[str, str]) -> "Keys":
        """Raises KeyError, ValueError, TypeError or Malformed."""
        return cls(
            PrivateKey.from_text(given["sealing"]), Ed25519PrivateKey.from_private_bytes(from_text(given["signing"]))
        )

    def as_json(self) -> dict[str, str]:
        return {"sealing": self.sealing.as_text(), "signing": to_text(self.signing.private_bytes_raw())}

    @property
    def public_signing(self) -> bytes:
        return self.signing.public_key().public_bytes_raw()

    def fingerprint(self, server_key: bytes) -> str:
        """What people compare: it covers the server's key as well."""
        return boxes.fingerprint(self.sealing.public, self.public_signing, server_key)


@dataclass(frozen=True)
class Enrolment:
    """Whose agent this is. `server_key` is the pinned key that jobs are signed with."""

    agent: int
    tenant: int
    connector: int
    name: str
    organisation: str
    directory: str
    kind: str
    server: str
    server_key: bytes

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Enrolment":
        """Raises Malformed."""
        numbers = {name: given.get(name) for name in ("agent", "tenant", "connector")}
        names = ("name", "organisation", "directory", "kind", "server")
        texts = {name: given.get(name) for name in names}
        if not all(isinstance(value, int) for value in numbers.values()):
            raise Malformed
        if not all(isinstance(value, str) and value.isprintable() for value in texts.values()):
            raise Malformed
        return cls(**numbers, **texts, server_key=from_text(given.get("server_key")))  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        return self.__dict__ | {"server_key": to_text(self.server_key)}


class State:
    """`keys` are in use; `earlier` open what was sealed before they came; `coming` are not known to be taken yet."""

    def __init__(
        self,
        folder: Path,
        enrolment: Enrolment,
        keys: Keys,
        earlier: tuple[Keys, ...] = (),
        coming: Keys | None = None,
    ) -> None:
        self.folder, self.enrolment = folder, enrolment
        self.keys, self.earlier, self.coming = keys, earlier, coming

    @classmethod
    def load(cls, folder: Path) -> "State":
        """Raises Unusable."""
        try:
            given = json.loads((folder / NAME).read_text(encoding="utf-8"))
            earlier = tuple(map(Keys.from_json, given["earlier"]))
            coming = Keys.from_json(given["coming"]) if given["coming"] else None
            return cls(folder, Enrolment.from_json(given["enrolment"]), Keys.from_json(given["keys"]), earlier, coming)
        except FileNotFoundError:
            raise Unusable(f"This agent has not enrolled yet: there is no {folder / NAME}. Run enrol first.") from None
        except OSError as error:
            raise Unusable(f"{folder / NAME} can't be read: {os.strerror(error.errno or 0)}.") from None
        except (ValueError, KeyError, TypeError, Malformed):
            raise Unusable(f"{folder / NAME} is damaged. Have the agent invited anew and enrol again.") from None

    def save(self) -> None:
        """All or nothing, on the disk before it returns. Raises Unusable."""
        content = {
            "enrolment": self.enrolment.as_json(),
            "keys": self.keys.as_json(),
            "earlier": [keys.as_json() for keys in self.earlier],
            "coming": self.coming.as_json() if self.coming else None,
        }
        write(self.folder, json.dumps(content))

    @property
    def all_keys(self) -> tuple[Keys, ...]:
        """Everything that a box may have been made for, the newest first."""
        coming = (self.coming,) if self.coming else ()
        return (*coming, self.keys, *self.earlier)

    def announce_new(self) -> Keys:
        """Keys to roll to, kept before the server hears of them: an answer that is lost must not lose them."""
        if self.coming is None:
            self.coming = Keys.make()
            self.save()
        return self.coming

    def take_new(self) -> None:
        """The server has the new keys."""
        if self.coming:
            self.earlier, self.keys, self.coming = (self.keys,), self.coming, None
            self.save()

    def drop_earlier(self) -> None:
        """Nothing is open any more that was sealed to them."""
        if self.earlier:
            self.earlier = ()
            self.save()


def prepare(folder: Path) -> None:
    """Make the folder, or see that nobody else can look into it. Raises Unusable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise Unusable(f"{folder} is open to other users. Run `chmod 0700 {folder}`.")
        if not os.access(folder, os.W_OK):
            raise Unusable(f"{folder} can't be written to by this user.")
    except OSError as error:
        raise Unusable(f"{folder} can't be used: {os.strerror(error.errno or 0)}.") from None


def write(folder: Path, text: str) -> None:
    """Replace the file at once, mode 0600. Raises Unusable."""
    prepare(folder)
    fresh = folder / f"{NAME}.new"
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, folder / NAME)
        _sync(folder)
    except OSError as error:
        raise Unusable(f"{folder} can't be written to: {os.strerror(error.errno or 0)}.") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
