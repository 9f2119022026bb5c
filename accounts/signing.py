"""This server's signature: agents pin its public key when they enrol, and take jobs signed by it only."""

import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from accounts import boxes


@lru_cache(maxsize=4)
def _load(path: str, changed_at: float) -> Ed25519PrivateKey:
    key = load_pem_private_key(Path(path).read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} does not hold an Ed25519 key")
    return key


def _key() -> Ed25519PrivateKey:
    path = settings.SIGNING_KEY_FILE
    return _load(path, os.stat(path).st_mtime)


def sign(text: bytes) -> bytes:
    """Sign with SIGNING_KEY_FILE. Raises OSError or ValueError where there is no such key."""
    return _key().sign(text)


def public_key() -> bytes:
    """The public key, raw, as agents pin it."""
    return _key().public_key().public_bytes_raw()


def is_ours(signature: bytes, text: bytes) -> bool:
    """Whether this server signed the text."""
    return boxes.is_signed(public_key(), signature, text)
