"""Statements of directory resets, told apart: those around a job, and those that every reset makes at its end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.statements import LITERAL

SHOWN = 100
CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET ", "SELECT SET_CONFIG")
COMMIT = "COMMIT"
# What they begin with, what stands in them, what they are.
AROUND = (
    ("SELECT", ' FROM "writeback_connector"', "submit: the way to the directory"),
    ("WITH moved", '"writeback_writebackjob"', "submit: the request moves on, the job and the event are stored"),
    ("SELECT", '."operation", ', "submit: older jobs that this one takes the place of; claim: what was claimed"),
    ("UPDATE", '"claimed_at" = ', "claim"),
    ("UPDATE", '"first_mark" = ', "mark"),
    ("UPDATE", '"finished_at" = ', "finish: the job"),
)
WORKER_READS_REQUEST = "finish: the request that waits"
# A reset whose password is kept here makes these too, or its pages do.
OF_EVERY_RESET = (
    '"reset_resetrequest"',
    'UPDATE "accounts_user"',
    '"accounts_auditevent"',
    '"accounts_authenticator"',
    '"accounts_executorkey"',  # kept in the cache for a minute
    '"notifications_',
)


def is_of_a_job(said: Iterable[str]) -> bool:
    """Whether this connection carried jobs out; the sweep's and the look's don't."""
    return any(text.startswith('UPDATE "writeback_writebackjob"') for text in said)


@dataclass(frozen=True)
class Said:
    """How often for one job. A statement that nobody has named counts as around the job, and shows as it is."""

    around: dict[str, float]
    others: dict[str, float]
    commits: float

    @classmethod
    def of(cls, jobs: int, submit: Sequence[Sequence[str]], worker: Sequence[Sequence[str]]) -> "Said":
        around: Counter[str] = Counter()
        others: Counter[str] = Counter()
        commits = 0
        for is_worker, connections in ((False, submit), (True, worker)):
            for text in (text for said in connections for text in said):
                commits += text.upper().startswith(COMMIT)
                if not text.upper().startswith(CONTROL):
                    _count(text, is_worker, around, others)
        return cls(_each(around, jobs), _each(others, jobs), commits / jobs)

    @property
    def statements(self) -> float:
        return sum(self.around.values())


def _count(text: str, is_worker: bool, around: Counter[str], others: Counter[str]) -> None:
    name = next((name for start, part, name in AROUND if text.startswith(start) and part in text), "")
    if is_worker and text.startswith("SELECT") and 'FROM "reset_resetrequest"' in text:
        name = WORKER_READS_REQUEST
    if name:
        around[name] += 1
    elif any(part in text for part in OF_EVERY_RESET):
        others[_short(text)] += 1
    else:
        around[_short(text)] += 1


def _short(text: str) -> str:
    return LITERAL.sub("?", text)[:SHOWN]


def _each(counted: Counter[str], jobs: int) -> dict[str, float]:
    return {text: times / jobs for text, times in counted.most_common()}
