"""Secrets at rest and keyed digests: sealed with SEALING_KEYS, looked up and checked with DIGEST_KEYS.

Several keys may stand side by side: the newest (first) makes, all of them open and check. Each result begins with the id
of the key that made it.
"""

import hmac
import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12


class Key(Protocol):
    """What config/environment.py makes of one entry of SEALING_KEYS or DIGEST_KEYS."""

    id: str
    value: bytes


class UnknownKey(Exception):
    """Something was made with a key that this installation no longer holds. The text names the key's id only."""


class Damaged(Exception):
    """A sealed value does not open: changed, cut short, or moved to another place than it was sealed for."""


def _keys(setting: str) -> tuple[Key, ...]:
    keys: tuple[Key, ...] = getattr(settings, setting)
    if not keys:
        raise UnknownKey(f"{setting} is empty")
    return keys


def _key(setting: str, key_id: str) -> Key:
    for key in _keys(setting):
        if key.id == key_id:
            return key
    raise UnknownKey(f"{setting} holds no key named {key_id!r}")


def seal(plaintext: bytes, place: str) -> bytes:
    """Encrypt for storage. `place` (table, column, owner) is bound to the result: elsewhere it does not open."""
    key = _keys("SEALING_KEYS")[0]
    nonce = secrets.token_bytes(NONCE_BYTES)
    header = key.id.encode() + b":"
    return header + nonce + AESGCM(key.value).encrypt(nonce, plaintext, place.encode())


def open_sealed(sealed: bytes, place: str) -> bytes:
    """Decrypt what `seal` made for this place. Raises UnknownKey or Damaged."""
    key_id, separator, rest = bytes(sealed).partition(b":")
    if not separator:
        raise Damaged(place)
    key = _key("SEALING_KEYS", key_id.decode("ascii", "replace"))
    try:
        return AESGCM(key.value).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise Damaged(place) from None


def is_sealed_with_newest_key(sealed: bytes) -> bool:
    """Whether `rotate_keys` may leave this value as it is."""
    return bytes(sealed).startswith(_keys("SEALING_KEYS")[0].id.encode() + b":")


def _hmac(key: Key, purpose: str, value: str) -> bytes:
    return hmac.digest(key.value, f"{len(purpose)}:{purpose}{value}".encode(), "sha256")


def digest(purpose: str, value: str) -> str:
    """Keyed one-way digest as `key id:hex`. The same value under another purpose gives another digest."""
    key = _keys("DIGEST_KEYS")[0]
    return f"{key.id}:{_hmac(key, purpose, value).hex()}"


def digests(purpose: str, value: str) -> list[str]:
    """The digest of a value under every key still held, newest first: what a look-up has to search for."""
    return [f"{key.id}:{_hmac(key, purpose, value).hex()}" for key in _keys("DIGEST_KEYS")]


def digest_matches(stored: str, purpose: str, value: str) -> bool:
    """Compare in constant time under the key that made the stored digest. An unknown key id matches nothing."""
    key_id, _, _ = stored.partition(":")
    try:
        key = _key("DIGEST_KEYS", key_id)
    except UnknownKey:
        return False
    return hmac.compare_digest(stored, f"{key.id}:{_hmac(key, purpose, value).hex()}")


def pseudo_random(purpose: str, value: str) -> bytes:
    """32 bytes that only this installation can compute and that are always the same for this value.

    The oldest digest key makes them, so that a new key doesn't change what a decoy looks like.
    """
    return _hmac(_keys("DIGEST_KEYS")[-1], purpose, value)


def one_time_passcode(digits: int) -> str:
    """A uniformly random code of so many decimal digits, leading zeros included."""
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def random_token() -> str:
    """A URL-safe random token of 256 bits."""
    return secrets.token_urlsafe(32)
