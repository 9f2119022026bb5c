"""One job, from the box to its outcome at the server. Killed anywhere, another agent finds the job again."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from accounts.boxes import Unopened
from writeback.agent import protocol
from writeback.agent.client import Client, NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.limits import Cap
from writeback.agent.protocol import HandedJob
from writeback.agent.state import Keys, State
from writeback.connectors.base import Connector, DirectoryError, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Operation, Order, Outcome, Report, Step, StepResult

TOLD_AFTER_SECONDS = 0.3
# By then the server has given the job to somebody else, or has ended it.
TELLS_FOR_SECONDS = 600.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
MARK_SECONDS = 3.0

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The server gave the job to somebody else, or may do so any moment: nothing is written, nothing is said."""


@dataclass
class Means:
    """What an agent works with. `connect` gives the directory as it is limited here; `bring_in` reads it for the server."""

    client: Client
    state: State
    cap: Cap
    connect: Callable[[], Connector]
    bring_in: Callable[[object], bool] = lambda _wanted: False
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = monotonic


def carry(means: Means, job: HandedJob) -> Report | None:
    """Do it and tell the server. None where it was left to others. Raises nothing."""
    work = _Work(means, job)
    started = means.clock()
    try:
        report = work.report()
    except LeaseLost:
        logger.warning("Job %s (%s) is left to others: its lease is over", job.id, job.operation)
        return None
    taken = _tell(means, job, report)
    logger.info(
        "Job %s (%s): %s%s in %.2f s%s",
        job.id,
        job.operation,
        report.outcome,
        f", {report.reason}" if report.reason else "",
        means.clock() - started,
        "" if taken else "; the server has moved on and didn't take it",
    )
    return report


class _Work:
    def __init__(self, means: Means, job: HandedJob) -> None:
        self.means, self.job = means, job
        self.started = means.clock()
        self.until = self.started + job.seconds_left
        self.steps: dict[str, str] = {}

    def report(self) -> Report:
        """Raises LeaseLost."""
        job, enrolled = self.job, self.means.state.enrolment
        keys = self._keys()
        if keys is None or (job.tenant, job.connector) != (enrolled.tenant, enrolled.connector):
            return self._not_begun(Reason.NOT_SUPPORTED, "not a job of this server for this agent")
        if job.operation != Operation.VERIFY and not self.means.cap.take():
            code = f"the agent's own limit of {self.means.cap.most} a minute is reached"
            return self._not_begun(Reason.UNREACHABLE, code)
        try:
            return self._carried_out(self._order(keys))
        except DirectoryError as error:
            return self._not_begun(error.reason, error.code)
        except (Unopened, ValueError, KeyError, TypeError) as error:
            return self._not_begun(Reason.NOT_SUPPORTED, type(error).__name__)

    def _not_begun(self, reason: Reason, code: str) -> Report:
        """This attempt wrote nothing; of one before it that is known only if it never got to the mark."""
        is_known = self.job.first_mark is None or self.job.operation == Operation.VERIFY
        return Report(Outcome.FAILED if is_known else Outcome.UNCONFIRMED, reason=reason, code=code)

    def _keys(self) -> Keys | None:
        """Those that the server made this box for; none where it didn't make this job."""
        known = self.means.state.enrolment.server_key
        try:
            return next((k for k in self.means.state.all_keys if self.job.is_from(known, k.sealing.key_id)), None)
        except protocol.Malformed:
            return None

    def _order(self, keys: Keys) -> Order:
        box = json.dumps({keys.sealing.key_id: self.job.box}).encode()
        typed = json.loads(keys.sealing.open(box, self.job.info))
        return Order(
            operation=Operation(self.job.operation),
            anchor=self.job.anchor,
            new=typed["new"],
            current=typed["current"],
            unlock=self.job.unlock,
            must_change=self.job.must_change,
            by_administrator=self.job.by_administrator,
            first_mark=self.job.first_mark,
        )

    def _carried_out(self, order: Order) -> Report:
        try:
            return carry_out(self.means.connect(), order, self._note_mark, self._may_start, self._told)
        except (DirectoryError, LeaseLost):
            raise
        except Exception as error:  # nobody knows how far it came; another attempt would not know more
            logger.error("Job %s was not carried out: %s", self.job.id, type(error).__name__)
            known = Outcome.FAILED if order.operation is Operation.VERIFY else Outcome.UNCONFIRMED
            return Report(known, reason=Reason.UNKNOWN, code=type(error).__name__)

    def _note_mark(self, mark: str) -> bool:
        """Have the server keep it. From the question on, it says how long operations may begin: an answer that comes late
        or an agent that stood still meanwhile makes that shorter, never longer. Raises LeaseLost."""
        about = {"job": self.job.id, "attempt": self.job.attempt, "mark": mark}
        while self._may_start():
            asked_at = self.means.clock()
            try:
                answer = self.means.client.ask(protocol.MARK, about, MARK_SECONDS)
            except NotReached:
                self.means.stopping.wait(FIRST_PAUSE)
                continue
            except (NotThere, NotKnown, NotTaken):
                raise LeaseLost from None
            if answer.get("held") is not True:
                raise LeaseLost
            self.until = asked_at + float(answer.get("seconds_left", 0.0))
            return True
        raise LeaseLost

    def _may_start(self) -> bool:
        return self.means.clock() < self.until

    def _told(self, step: Step, result: StepResult) -> None:
        """Somebody may be watching, where the whole takes long enough to be seen."""
        self.steps[str(step)] = str(result)
        if self.means.clock() < self.started + TOLD_AFTER_SECONDS:
            return
        about = {"job": self.job.id, "attempt": self.job.attempt, "steps": self.steps}
        try:
            self.means.client.ask(protocol.STEP, about, 2.0)
        except (NotReached, NotThere, NotKnown, NotTaken):
            logger.debug("A step was not shown")


def _tell(means: Means, job: HandedJob, report: Report) -> bool:
    """Until the server took it. False: the job is not this agent's any more."""
    about = {
        "job": job.id,
        "attempt": job.attempt,
        "outcome": str(report.outcome),
        "steps": {str(step): str(result) for step, result in report.steps.items()},
        "reason": str(report.reason) if report.reason else None,
        "code": report.code,
    }
    until, pause = means.clock() + TELLS_FOR_SECONDS, FIRST_PAUSE
    while means.clock() < until:
        try:
            return means.client.ask(protocol.RESULT, about).get("taken") is True
        except NotReached as error:
            logger.warning("The outcome of job %s waits for the server: %s", job.id, error)
        except (NotThere, NotKnown, NotTaken):
            return False
        if means.stopping.wait(pause) and pause >= LONGEST_PAUSE:
            return False
        pause = min(2 * pause, LONGEST_PAUSE)
    return False
