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


# Models, and their column that is sealed for their `place`.
_covered: dict[type[Model], str] = {Authenticator: "sealed"}
# Models whose column `mac` is checked with the key that made it, for as long as the row is there.
_checked: list[type[Model]] = [AuditEvent]


def cover(model: type[Model], column: str = "sealed") -> None:
    """Let a rotation move what the rows of this model keep sealed for their `place`."""
    _covered[model] = column


def keep_checking(model: type[Model]) -> None:
    """Let no key be called free that the `mac` of a row of this model was made with."""
    if model not in _checked:
        _checked.append(model)


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
        return sum(_sealed(model, column).count() for model, column in _covered.items())


def rotate(dry_run: bool, on_rows: Callable[[int], object]) -> Rotation:
    """Move every sealed value to the newest keys, batch by batch, each in its own transaction."""
    result = Rotation()
    with all_opened():
        used: set[str] = set()
        for model, column in _covered.items():
            for rows in _batches(model, column):
                with transaction.atomic():
                    for row in rows:
                        _move(row, result, dry_run, column)
                        used.update((_key_id(bytes(getattr(row, column))), _digest_of(row).partition(":")[0]))
                on_rows(len(rows))
        _name_old_keys(result, used)
        if not dry_run:
            details = {"moved": result.moved, "unreadable": len(result.unreadable)}
            audit.record(Event(Activity.KEYS_ROTATED, None, not result.unreadable, details=details))
    return result


def _sealed(model: Any, column: str) -> Any:
    return model.objects.exclude(**{column: b""}).order_by("pk")


def _batches(model: type[Model], column: str) -> Iterator[list[Any]]:
    rows = _sealed(model, column)
    while batch := list(rows[:ROWS_AT_ONCE]):
        rows = _sealed(model, column).filter(pk__gt=batch[-1].pk)
        yield batch


def _move(row: Any, result: Rotation, dry_run: bool, column: str = "sealed") -> None:
    """Leaves in `row` what is stored in the end. A value that changed meanwhile was made with the newest key anyway."""
    held = bytes(getattr(row, column))
    if _is_current(row, held):
        result.current += 1
        return
    try:
        plaintext = secrets.open_sealed(held, row.place)
        digest = _digest_anew(row)
    except (UnknownKey, Damaged, ValueError, KeyError):
        result.unreadable.append(f"{row._meta.verbose_name} {row.pk}")
        return
    sealed = secrets.seal(plaintext, row.place)
    # Another's digest may have become a new one's meanwhile, for the same value: a code was sent again.
    changes = {column: sealed, "digest": digest} if digest != _digest_of(row) else {column: sealed}
    if not dry_run:
        type(row).objects.filter(pk=row.pk, **{column: held}).update(**changes)
    for name, value in changes.items():
        setattr(row, name, value)
    result.moved += 1


def _is_current(row: Any, sealed: bytes) -> bool:
    digest_keys = ("", settings.DIGEST_KEYS[0].id)
    is_digest = not isinstance(row, Authenticator) or row.digest.partition(":")[0] in digest_keys
    return secrets.is_sealed_with_newest_key(sealed) and is_digest


def _digest_anew(row: Any) -> str:
    """Only an authenticator's digest is one of its sealed value; another's is checked with the key that made it."""
    is_made_anew = isinstance(row, Authenticator) and row.digest
    return secrets.digest(row.digest_purpose, row.secret_value) if is_made_anew else _digest_of(row)


def _digest_of(row: Any) -> str:
    """Empty where the row keeps none."""
    return str(getattr(row, "digest", ""))


def _key_id(sealed: bytes) -> str:
    return sealed.partition(b":")[0].decode("ascii", "replace")


def _name_old_keys(result: Rotation, used: set[str]) -> None:
    """Audit events, agents, executors' public keys, recovery codes and passes keep the digests they were made with; their keys
    check them.
    """
    result.free_sealing_keys = [key.id for key in settings.SEALING_KEYS[1:] if key.id not in used]
    for key in settings.DIGEST_KEYS[1:]:
        made, digested = {"mac__startswith": f"{key.id}:"}, {"digest__startswith": f"{key.id}:"}
        is_needed = (
            key.id in used
            or ExecutorKey.objects.filter(retired_at=None, **made).exists()
            or any(model._default_manager.filter(**made).exists() for model in _checked)
            or any(model.objects.filter(used_at=None, **digested).exists() for model in (RecoveryCode, AccessPass))
        )
        (result.needed_digest_keys if is_needed else result.free_digest_keys).append(key.id)
