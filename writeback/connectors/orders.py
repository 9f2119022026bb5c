"""One job carried out in a directory, step by step, so that doing it twice does no harm. No Django here.

Used alike by the worker (a directory this server reaches) and by the agent (one it doesn't).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from writeback.connectors.base import Reason


class Operation(StrEnum):
    RESET = "reset"
    CHANGE = "change"
    UNLOCK = "unlock"
    VERIFY = "verify"


class Step(StrEnum):
    PASSWORD = "password"  # noqa: S105 - a step
    UNLOCK = "unlock"
    MUST_CHANGE = "must_change"


class StepResult(StrEnum):
    DONE = "done"
    NOT_NEEDED = "not_needed"
    NOT_POSSIBLE = "not_possible"  # this directory can't, or this account's settings say otherwise
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    APPLIED = "applied"  # for VERIFY: the password is right
    REJECTED = "rejected"  # nothing was written; another password may be accepted
    FAILED = "failed"  # nothing was written
    UNCONFIRMED = "unconfirmed"  # nobody knows whether the password was written
    LATE = "late"  # the deadline came first; nothing was written


@dataclass(frozen=True)
class Order:
    """What to do to whom. `first_mark` is the version mark that an earlier, lost attempt saw; None at the first attempt.

    `by_administrator`: a reset that the directory's *user cannot change password* does not stop.
    """

    operation: Operation
    anchor: str
    new: str = field(default="", repr=False)
    current: str = field(default="", repr=False)
    unlock: bool = False
    must_change: bool = False
    by_administrator: bool = False
    first_mark: str | None = None


@dataclass(frozen=True)
class Report:
    """What came of an order. `code` is the directory's raw answer, for the operator. A step that worked stays worked."""

    outcome: Outcome
    steps: dict[Step, StepResult] = field(default_factory=dict)
    reason: Reason | None = None
    code: str = ""


NoteMark = Callable[[str], bool]
"""Keeps the version mark durably before anything is written; False: the lease is lost, write nothing."""

MayStart = Callable[[], bool]
"""Asked directly before each operation that writes or binds: whether the deadline is still ahead."""

ToldStep = Callable[[Step, StepResult], None]
"""Hears of each step as it is done."""
