"""Sealing to executors (workers, later agents): what is sealed here only a process with an executor's private key reads.

HPKE (RFC 9180) with MLKEM768-X25519, HKDF-SHA256 and AES-256-GCM. The private key lies in EXECUTOR_KEY_FILE, which web
processes don't have; public keys are rows that carry a MAC, so that a writer to the database can't add a reader.
"""

import json
import os
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.models.executors import ExecutorKey
from accounts.secrets import Damaged, digest, digest_matches

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
PADDING = 1024
SEEN_WITHIN = timedelta(days=7)
CACHE_KEY = "executor-keys"
CACHE_SECONDS = 60
MAC_PURPOSE = "executor-public-key"


class NoExecutor(Exception):
    """No worker has made its key known yet, so nothing can be sealed to one."""


class PrivateKey:
    """An executor's private key. It has no representation that shows it."""

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self._mlkem, self._x25519 = mlkem, x25519
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public = self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes(
            Encoding.Raw, PublicFormat.Raw
        )
        self.key_id = public_key_id(self.public)

    @classmethod
    def generate(cls) -> "PrivateKey":
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def load(cls, path: str) -> "PrivateKey":
        """Read EXECUTOR_KEY_FILE. Raises OSError, or ValueError when it is not such a file (its content is not shown)."""
        try:
            parts = json.loads(Path(path).read_text(encoding="utf-8"))
            mlkem = MLKEM768PrivateKey.from_seed_bytes(b64decode(parts["mlkem768"], validate=True))
            x25519 = X25519PrivateKey.from_private_bytes(b64decode(parts["x25519"], validate=True))
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path} does not hold an executor key") from None
        return cls(mlkem, x25519)

    def as_text(self) -> str:
        """What EXECUTOR_KEY_FILE holds."""
        x25519 = self._x25519.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return json.dumps(
            {"mlkem768": b64encode(self._mlkem.private_bytes_raw()).decode(), "x25519": b64encode(x25519).decode()}
        )

    def decrypt(self, ciphertext: bytes, info: str) -> bytes:
        try:
            return SUITE.decrypt(ciphertext, self._key, info.encode())
        except (InvalidTag, ValueError):
            raise Damaged(info) from None


def public_key_id(public: bytes) -> str:
    """A short name for a public key; no secret."""
    return sha256(public).hexdigest()[:16]


@lru_cache(maxsize=32)
def _public_key(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    mlkem, x25519 = public[:-32], public[-32:]
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(x25519)
    )


@lru_cache(maxsize=4)
def _load_private_key(path: str, changed_at: float) -> PrivateKey:
    return PrivateKey.load(path)


def private_key() -> PrivateKey:
    """This process's executor key. Raises OSError or ValueError where the process has none."""
    path = settings.EXECUTOR_KEY_FILE
    return _load_private_key(path, os.stat(path).st_mtime)


def announce(now: datetime | None = None) -> ExecutorKey:
    """Make this worker's public key known, or confirm that it is still in use. Runs when a worker starts, then daily."""
    key = private_key()
    row, _ = ExecutorKey.objects.update_or_create(
        key_id=key.key_id,
        defaults={
            "public_key": key.public,
            "mac": digest(MAC_PURPOSE, key.public.hex()),
            "last_seen_at": now or timezone.now(),
            "retired_at": None,
        },
    )
    cache.delete(CACHE_KEY)
    return row


def current_keys(now: datetime | None = None) -> list[bytes]:
    """Public keys of the executors in use, each checked by its MAC. Raises NoExecutor when there is none."""
    known: list[bytes] | None = cache.get(CACHE_KEY)
    if known is None:
        since = (now or timezone.now()) - SEEN_WITHIN
        rows = ExecutorKey.objects.filter(retired_at=None, last_seen_at__gte=since)
        known = [
            bytes(row.public_key) for row in rows if digest_matches(row.mac, MAC_PURPOSE, bytes(row.public_key).hex())
        ]
        if known:
            cache.set(CACHE_KEY, known, CACHE_SECONDS)
    if not known:
        raise NoExecutor
    return known


def seal(plaintext: bytes, info: str) -> bytes:
    """Seal to every executor in use; padded, so that the length tells nothing. Raises NoExecutor."""
    padded = len(plaintext).to_bytes(4, "big") + plaintext
    padded += b"\0" * (-len(padded) % PADDING)
    boxes = {
        public_key_id(public): b64encode(SUITE.encrypt(padded, _public_key(public), info.encode())).decode()
        for public in current_keys()
    }
    return json.dumps(boxes).encode()


def open_sealed(sealed: bytes, info: str) -> bytes:
    """Open what was sealed to this process's key. Raises Damaged, or what `private_key` raises."""
    key = private_key()
    try:
        box = json.loads(bytes(sealed))[key.key_id]
    except (KeyError, TypeError, ValueError):
        raise Damaged(info) from None
    padded = key.decrypt(b64decode(box), info)
    length = int.from_bytes(padded[:4], "big")
    return padded[4 : 4 + length]
