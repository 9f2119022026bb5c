"""Comparing a typed password with the stored one, with the sign-in lockout around it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import User
from policy import hashing, lockout, passwords
from reset import buckets


class Failure(StrEnum):
    """Why a password was not accepted, as far as a page may tell."""

    WRONG = "wrong"
    LOCKED = "locked"
    BUSY = "busy"
    ADDRESS = "address"
    DIRECTORY = "directory"


@dataclass(frozen=True)
class Proof:
    """One comparison. `failure` None: the password was right."""

    counted: lockout.Try
    failure: Failure | None = None


def account_key_of(user: User) -> str:
    """What throttles and the lockout count a known account by."""
    return buckets.account_key(user.tenant_id or 0, user.principal_name, user)


def compare(account_key: str, password: str, encoded: str, now: datetime) -> Proof:
    """Count durably, then compare. One hash for everybody, also where `encoded` is empty because nobody is there."""
    counted = lockout.count_try(account_key, password, now)
    if counted.is_locked:
        return Proof(counted, Failure.LOCKED)
    try:
        right = passwords.verify(password, encoded)
    except hashing.Busy:
        return Proof(counted, Failure.BUSY)
    return Proof(counted, None if right else Failure.WRONG)
