"""Boxes that only the holder of a private key opens, and signatures. No Django here: agents use this too.

HPKE (RFC 9180) with MLKEM768-X25519, HKDF-SHA256 and AES-256-GCM; Ed25519 (RFC 8032).
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
PADDING = 1024


class Unopened(Exception):
    """A box does not open: made for another key or another purpose, changed, or cut short."""


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
            return cls.from_text(Path(path).read_text(encoding="utf-8"))
        except ValueError:
            raise ValueError(f"{path} does not hold an executor key") from None

    @classmethod
    def from_text(cls, text: str) -> "PrivateKey":
        """Read what `as_text` wrote. Raises ValueError, which doesn't show it."""
        try:
            parts = json.loads(text)
            mlkem = MLKEM768PrivateKey.from_seed_bytes(b64decode(parts["mlkem768"], validate=True))
            x25519 = X25519PrivateKey.from_private_bytes(b64decode(parts["x25519"], validate=True))
        except (KeyError, TypeError, ValueError):
            raise ValueError("this is no executor key") from None
        return cls(mlkem, x25519)

    def as_text(self) -> str:
        """What EXECUTOR_KEY_FILE holds."""
        x25519 = self._x25519.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return json.dumps(
            {"mlkem768": b64encode(self._mlkem.private_bytes_raw()).decode(), "x25519": b64encode(x25519).decode()}
        )

    def open(self, boxes: bytes, info: str) -> bytes:
        """Open the box among these that was made for this key and this `info`. Raises Unopened."""
        try:
            padded = SUITE.decrypt(b64decode(json.loads(bytes(boxes))[self.key_id]), self._key, info.encode())
        except (InvalidTag, KeyError, TypeError, ValueError):
            raise Unopened from None
        length = int.from_bytes(padded[:4], "big")
        return padded[4 : 4 + length]


def seal_to(public_keys: Iterable[bytes], plaintext: bytes, info: str) -> bytes:
    """Boxes, one for each key; padded, so that the length tells nothing. `info` has to be the same when one is opened."""
    padded = len(plaintext).to_bytes(4, "big") + plaintext
    padded += b"\0" * (-len(padded) % PADDING)
    boxes = {
        public_key_id(public): b64encode(SUITE.encrypt(padded, _public_key(public), info.encode())).decode()
        for public in public_keys
    }
    return json.dumps(boxes).encode()


def inventory(boxes: bytes) -> str:
    """What there is for whom, with the digest of each box: whoever gets one can tell that it is one of these.

    Empty for what are no boxes.
    """
    return ",".join(f"{key}={digest_of_box(box)}" for key, box in sorted(_boxes(boxes).items()))


def digest_of_box(box: str) -> str:
    return sha256(box.encode()).hexdigest()


def box_for(boxes: bytes, key_id: str) -> str | None:
    """The one box that the holder of this key opens."""
    return _boxes(boxes).get(key_id)


def _boxes(boxes: bytes) -> dict[str, str]:
    try:
        found = json.loads(boxes)
    except ValueError:
        return {}
    return {key: box for key, box in found.items() if isinstance(box, str)} if isinstance(found, dict) else {}


def has_box_for(key_id: str, boxes: bytes) -> bool:
    """Whether one of these boxes was made for this key."""
    try:
        return key_id in json.loads(boxes)
    except (TypeError, ValueError):
        return False


def public_key_id(public: bytes) -> str:
    """A short name for a public key; no secret."""
    return sha256(public).hexdigest()[:16]


def check_public_key(public: bytes) -> None:
    """Raises ValueError for what is no public key that something can be sealed to."""
    _public_key(public)


@lru_cache(maxsize=256)
def _public_key(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    mlkem, x25519 = public[:-32], public[-32:]
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(x25519)
    )


def is_signed(public: bytes, signature: bytes, text: bytes) -> bool:
    """Whether the holder of the private key of `public` (Ed25519, raw) signed this text."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(*public_keys: bytes) -> str:
    """What two people compare to know that both see the same keys: 80 bits in groups of four."""
    digest = sha256(b"".join(len(key).to_bytes(4, "big") + key for key in public_keys)).hexdigest()[:20].upper()
    return " ".join(digest[start : start + 4] for start in range(0, 20, 4))
