"""Which of Active Directory's password rules a password breaks: it says only that one of them is broken (0000052D)."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from writeback.connectors.base import Reason

# 100-nanosecond steps since 1601 (MS-DTYP section 2.3.3), intervals negative.
TICKS = 10_000_000
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
NEVER = -(2**63)
SEPARATORS = re.compile(r"[,.\-_ #\t]+")
CLASSES_NEEDED = 3
SHORTEST_NAME = 3  # shorter names, and parts of names, may occur


@dataclass(frozen=True)
class Rules:
    """Those that apply to one person. `is_known` is False where a policy of their own applies and can't be read."""

    min_length: int
    min_age: timedelta
    is_complex: bool
    lock_threshold: int
    lock_window: timedelta
    is_known: bool = True


def moment(ticks: int) -> datetime | None:
    """None for 0 and for never."""
    if ticks <= 0 or ticks == 2**63 - 1:
        return None
    return EPOCH + timedelta(microseconds=ticks // 10)


def interval(ticks: int) -> timedelta:
    if ticks in (0, NEVER):
        return timedelta()
    return timedelta(seconds=abs(ticks) / TICKS)


def broken_rule(
    new: str, rules: Rules, names: tuple[str, str], password_set_at: datetime | None, keeps_history: bool, now: datetime
) -> Reason:
    """Why a refused password was refused, as far as the numbers tell.

    `names`: account name and display name. `password_set_at`: for a change only, to which the minimum age applies.
    `keeps_history`: the directory compared it with earlier passwords.
    """
    if not rules.is_known:
        return Reason.POLICY
    if len(new) < rules.min_length:
        return Reason.TOO_SHORT
    if password_set_at is not None and now < password_set_at + rules.min_age:
        return Reason.TOO_YOUNG
    if rules.is_complex and not is_complex(new, *names):
        return Reason.COMPLEXITY
    return Reason.IN_HISTORY if keeps_history else Reason.POLICY


def is_complex(password: str, account_name: str, display_name: str) -> bool:
    """Microsoft's *Password must meet complexity requirements*."""
    lowered = password.casefold()
    parts = [account_name, *SEPARATORS.split(display_name)]
    if any(len(part) >= SHORTEST_NAME and part.casefold() in lowered for part in parts):
        return False
    return len({_kind(letter) for letter in password}) >= CLASSES_NEEDED


def _kind(letter: str) -> str:
    """One of five: capital, small, digit, other letter, anything else."""
    category = unicodedata.category(letter)
    if category in ("Lu", "Lt"):
        return "capital"
    if category == "Ll":
        return "small"
    if letter in "0123456789":
        return "digit"
    return "letter" if category.startswith("L") else "other"
