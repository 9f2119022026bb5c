"""Moving everything at rest to the newest keys, so that old ones can be thrown away.

Sealed values are opened and sealed anew; what can be opened can be digested anew too. It may be stopped and run again:
what is done is not done twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from accounts import audit, secrets
from accounts.audit import Activity, Event
from accounts.models import AuditEvent, Authenticator, ExecutorKey
from accounts.secrets import Damaged, UnknownKey
from accounts.tenants import all_opened

ROWS_AT_ONCE = 500


@dataclass
class Rotation:
    """What was moved, what can't be opened (ids of authenticators), and which old keys nothing at rest needs now."""

    moved: int = 0
    current: int = 0
    unreadable: list[int] = field(default_factory=list)
    free_sealing_keys: list[str] = field(default_factory=list)
    free_digest_keys: list[str] = field(default_factory=list)
    needed_digest_keys: list[str] = field(default_factory=list)


def total() -> int:
    """How many sealed values there are."""
    with all_opened():
        return Authenticator.objects.exclude(sealed=b"").count()


def rotate(dry_run: bool, on_rows: Callable[[int], object]) -> Rotation:
    """Move every sealed value to the newest keys, batch by batch, each in its own transaction."""
    result = Rotation()
    with all_opened():
        used: set[str] = set()
        for rows in _batches():
            with transaction.atomic():
                for row in rows:
                    _move(row, result, dry_run)
                    used.update((_key_id(bytes(row.sealed)), row.digest.partition(":")[0]))
            on_rows(len(rows))
        _name_old_keys(result, used)
        if not dry_run:
            details = {"moved": result.moved, "unreadable": len(result.unreadable)}
            audit.record(Event(Activity.KEYS_ROTATED, None, not result.unreadable, details=details))
    return result


def _batches() -> Iterator[list[Authenticator]]:
    last = 0
    rows = Authenticator.objects.exclude(sealed=b"").order_by("pk")
    while batch := list(rows.filter(pk__gt=last)[:ROWS_AT_ONCE]):
        last = batch[-1].pk
        yield batch


def _move(row: Authenticator, result: Rotation, dry_run: bool) -> None:
    """Leaves in `row` what is stored in the end. A value that changed meanwhile was made with the newest key anyway."""
    newest_digest = settings.DIGEST_KEYS[0].id
    if secrets.is_sealed_with_newest_key(bytes(row.sealed)) and row.digest.partition(":")[0] in ("", newest_digest):
        result.current += 1
        return
    try:
        plaintext = secrets.open_sealed(bytes(row.sealed), row.place)
        digest = secrets.digest(row.digest_purpose, row.secret_value) if row.digest else ""
    except (UnknownKey, Damaged):
        result.unreadable.append(row.pk)
        return
    sealed = secrets.seal(plaintext, row.place)
    if not dry_run:
        Authenticator.objects.filter(pk=row.pk, sealed=row.sealed).update(sealed=sealed, digest=digest)
    row.sealed, row.digest = sealed, digest
    result.moved += 1


def _key_id(sealed: bytes) -> str:
    return sealed.partition(b":")[0].decode("ascii", "replace")


def _name_old_keys(result: Rotation, used: set[str]) -> None:
    """Audit events and executors' public keys keep the digests they were made with; their keys check them."""
    result.free_sealing_keys = [key.id for key in settings.SEALING_KEYS[1:] if key.id not in used]
    for key in settings.DIGEST_KEYS[1:]:
        made = {"mac__startswith": f"{key.id}:"}
        is_needed = (
            key.id in used
            or ExecutorKey.objects.filter(retired_at=None, **made).exists()
            or AuditEvent.objects.filter(**made).exists()
        )
        (result.needed_digest_keys if is_needed else result.free_digest_keys).append(key.id)
