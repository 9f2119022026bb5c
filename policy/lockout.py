"""The sign-in lockout: after ten wrong passwords an account is closed to further tries for a while, then for longer.

Misses 10, 11, 12 … close it for 60, 120, 240 … seconds, one hour at most. The last three wrong passwords don't count
twice: a phone that keeps sending the old password locks nobody out. Without a further miss all is forgotten in
a day. Names that belong to nobody are treated alike. Never shared with the throttles of resets.
Source: Entra's smart lockout.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import secrets
from policy.models import SignInLockout

MISSES_ALLOWED = 10
FIRST_LOCK = timedelta(seconds=60)
LONGEST_LOCK = timedelta(hours=1)
REMEMBERED = 3
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Try:
    """Leave to compare one password, already counted; or none, until `locked_until`."""

    account_key: str
    locked_until: datetime | None = None

    @property
    def is_locked(self) -> bool:
        return self.locked_until is not None


def count_try(account_key: str, password: str, now: datetime | None = None) -> Try:
    """Count a try before its password is compared, durably: nothing that happens afterwards gives it back.

    During a lock nothing is counted and nothing may be compared.
    """
    now = now or timezone.now()
    with transaction.atomic(durable=True):
        row = _locked_row(account_key, now)
        if row.locked_until and row.locked_until > now:
            return Try(account_key, row.locked_until)
        if not _is_remembered(row, password):
            row.misses += 1
            row.locked_until = _lock_after(row.misses, now)
            row.expires_at = now + FORGOTTEN_AFTER
            row.save()
    return Try(account_key)


def remember_wrong(counted: Try, password: str) -> None:
    """Note a password that proved wrong, so that typing it again doesn't count. Call inside the caller's transaction.

    Only wrong ones are noted, and only as keyed digests bound to the account.
    """
    row = SignInLockout.objects.select_for_update().filter(key=counted.account_key).first()
    if row is None or _is_remembered(row, password):
        return
    row.last_wrong = [secrets.digest(_purpose(counted.account_key), password), *row.last_wrong][:REMEMBERED]
    row.save(update_fields=["last_wrong"])


def clear(account_key: str) -> bool:
    """Forget all misses of an account: after the right password, an unlock, an unblocking. Says whether any were."""
    return SignInLockout.objects.filter(key=account_key).delete()[0] > 0


def find_lock(account_key: str, now: datetime | None = None) -> datetime | None:
    """Until when an account is closed to sign-ins; None when it is open. Reads only."""
    row = SignInLockout.objects.filter(key=account_key, locked_until__gt=now or timezone.now()).first()
    return row.locked_until if row else None


def prune(now: datetime | None = None) -> int:
    """Delete rows without a miss for a day."""
    return SignInLockout.objects.filter(expires_at__lte=now or timezone.now()).delete()[0]


def _locked_row(account_key: str, now: datetime) -> SignInLockout:
    """The account's row, held until the transaction ends; started anew when its day is over."""
    # Inserting or touching in one statement takes the row's lock, even when somebody clears the account meanwhile.
    fresh = SignInLockout(key=account_key, tried_at=now, expires_at=now + FORGOTTEN_AFTER)
    SignInLockout.objects.bulk_create([fresh], update_conflicts=True, unique_fields=["key"], update_fields=["tried_at"])
    row = SignInLockout.objects.get(key=account_key)
    if row.expires_at <= now:
        row.misses, row.locked_until, row.last_wrong = 0, None, []
    return row


def _lock_after(misses: int, now: datetime) -> datetime | None:
    if misses < MISSES_ALLOWED:
        return None
    doublings = min(misses - MISSES_ALLOWED, 10)
    return now + min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def _is_remembered(row: SignInLockout, password: str) -> bool:
    purpose = _purpose(row.key)
    return any(secrets.digest_matches(held, purpose, password) for held in row.last_wrong)


def _purpose(account_key: str) -> str:
    return f"wrong-password|{account_key}"
