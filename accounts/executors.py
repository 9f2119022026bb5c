"""Sealing to executors (this installation's workers): what is sealed here only a process with a worker's private key reads.

The private key lies in EXECUTOR_KEY_FILE, which web
processes don't have; public keys are rows that carry a MAC, so that a writer to the database can't add a reader.
"""

import os
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts import boxes
from accounts.boxes import PrivateKey, Unopened
from accounts.models.executors import ExecutorKey
from accounts.secrets import Damaged, digest, digest_matches

SEEN_WITHIN = timedelta(days=7)
CACHE_KEY = "executor-keys"
CACHE_SECONDS = 60
MAC_PURPOSE = "executor-public-key"


class NoExecutor(Exception):
    """No worker has made its key known yet, so nothing can be sealed to one."""


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
    """Seal to every executor in use. Raises NoExecutor."""
    return boxes.seal_to(current_keys(), plaintext, info)


def has_box(sealed: bytes) -> bool:
    """Whether something was sealed to this process's key among others. Raises what `private_key` raises."""
    return boxes.has_box_for(private_key().key_id, sealed)


def open_sealed(sealed: bytes, info: str) -> bytes:
    """Open what was sealed to this process's key. Raises Damaged, or what `private_key` raises."""
    try:
        return private_key().open(sealed, info)
    except Unopened:
        raise Damaged(info) from None
