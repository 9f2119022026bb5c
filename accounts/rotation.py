"""Moving everything at rest to the newest keys, so that old ones can be thrown away.

Sealed values are opened and sealed anew; what can be opened can be digested anew too. It may be stopped and run again:
what is done is not done twice. Parts above this one say with `cover` which of their models hold sealed values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model

from accounts import audit, secrets
from accounts.audit import Activity, Event
from accounts.models import AccessPass, AuditEvent, Authenticator, ExecutorKey, RecoveryCode
from accounts.secrets import Damaged, UnknownKey
from accounts.tenants import all_opened

ROWS_AT_ONCE = 500


# Models with a column `sealed`, bound to their `place`.
_covered: list[type[Model]] = [Authenticator]


def cover(model: type[Model]) -> None:
    """Let a rotation move what the rows of this model keep `sealed` for their `place`."""
    if model not in _covered:
        _covered.append(model)


@dataclass
class Rotation:
    """What was moved, what can't be opened (which rows), and which old keys nothing at rest needs now."""

    moved: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)
    free_sealing_keys: list[str] = field(default_factory=list)
    free_digest_keys: list[str] = field(default_factory=list)
    needed_digest_keys: list[str] = field(default_factory=list)


def total() -> int:
    """How many sealed values there are."""
    with all_opened():
        return sum(_sealed(model).count() for model in _covered)


def rotate(dry_run: bool, on_rows: Callable[[int], object]) -> Rotation:
    """Move every sealed value to the newest keys, batch by batch, each in its own transaction."""
    result = Rotation()
    with all_opened():
        used: set[str] = set()
        for rows in (batch for model in _covered for batch in _batches(model)):
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


def _sealed(model: Any) -> Any:
    return model.objects.exclude(sealed=b"").order_by("pk")


def _batches(model: type[Model]) -> Iterator[list[Any]]:
    rows = _sealed(model)
    while batch := list(rows[:ROWS_AT_ONCE]):
        rows = _sealed(model).filter(pk__gt=batch[-1].pk)
        yield batch


def _move(row: Any, result: Rotation, dry_run: bool) -> None:
    """Leaves in `row` what is stored in the end. A value that changed meanwhile was made with the newest key anyway."""
    if _is_current(row):
        result.current += 1
        return
    try:
        plaintext = secrets.open_sealed(bytes(row.sealed), row.place)
        digest = _digest_anew(row)
    except (UnknownKey, Damaged, ValueError, KeyError):
        result.unreadable.append(f"{row._meta.verbose_name} {row.pk}")
        return
    sealed = secrets.seal(plaintext, row.place)
    # Another's digest may have become a new one's meanwhile, for the same value: a code was sent again.
    changes = {"sealed": sealed, "digest": digest} if digest != row.digest else {"sealed": sealed}
    if not dry_run:
        type(row).objects.filter(pk=row.pk, sealed=row.sealed).update(**changes)
    row.sealed, row.digest = sealed, digest
    result.moved += 1


def _is_current(row: Any) -> bool:
    digest_keys = ("", settings.DIGEST_KEYS[0].id)
    is_digest = not isinstance(row, Authenticator) or row.digest.partition(":")[0] in digest_keys
    return secrets.is_sealed_with_newest_key(bytes(row.sealed)) and is_digest


def _digest_anew(row: Any) -> str:
    """Only an authenticator's digest is one of its sealed value; another's is checked with the key that made it."""
    is_made_anew = isinstance(row, Authenticator) and row.digest
    return secrets.digest(row.digest_purpose, row.secret_value) if is_made_anew else str(row.digest)


def _key_id(sealed: bytes) -> str:
    return sealed.partition(b":")[0].decode("ascii", "replace")


def _name_old_keys(result: Rotation, used: set[str]) -> None:
    """Audit events, executors' public keys, recovery codes and passes keep the digests they were made with; their keys
    check them.
    """
    result.free_sealing_keys = [key.id for key in settings.SEALING_KEYS[1:] if key.id not in used]
    for key in settings.DIGEST_KEYS[1:]:
        made, digested = {"mac__startswith": f"{key.id}:"}, {"digest__startswith": f"{key.id}:"}
        is_needed = (
            key.id in used
            or ExecutorKey.objects.filter(retired_at=None, **made).exists()
            or AuditEvent.objects.filter(**made).exists()
            or any(model.objects.filter(used_at=None, **digested).exists() for model in (RecoveryCode, AccessPass))
        )
        (result.needed_digest_keys if is_needed else result.free_digest_keys).append(key.id)
