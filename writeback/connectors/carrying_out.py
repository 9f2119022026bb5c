"""One order carried out in a directory: what may be done, step by step, and what is known afterwards. No Django here."""

from collections.abc import Callable
from contextlib import suppress

from writeback.connectors.base import (
    PASSWORD_REASONS,
    RIGHT_PASSWORD_REASONS,
    Connector,
    DirectoryError,
    Entry,
    Reason,
    TooLate,
)
from writeback.connectors.orders import (
    MayStart,
    NoteMark,
    Operation,
    Order,
    Outcome,
    Report,
    Step,
    StepResult,
    ToldStep,
)

TOO_FEW_TRIES = 2  # with so many or fewer, a wrong current password might lock the account
TRIES_TO_LOOK = 2  # what must be left to find out by a bind whether our password is set
# What a directory may say to the second try because the first one worked.
SAID_TO_A_REPEAT = PASSWORD_REASONS | {Reason.TOO_YOUNG, Reason.WRONG_PASSWORD}


def carry_out(connector: Connector, order: Order, note_mark: NoteMark, may_start: MayStart, told: ToldStep) -> Report:
    """Doing the same order twice does no harm, if the second one brings the mark that the first one noted."""
    return _Run(connector, order, note_mark, may_start, told).report()


class _Run:
    def __init__(
        self, connector: Connector, order: Order, note_mark: NoteMark, may_start: MayStart, told: ToldStep
    ) -> None:
        self.connector, self.order = connector, order
        self.note_mark, self.may_start, self.told = note_mark, may_start, told
        self.steps: dict[Step, StepResult] = {}
        self.code = ""
        connector.heed(may_start)

    def report(self) -> Report:
        try:
            entry = self.connector.find(self.order.anchor)
        except DirectoryError as error:
            if error.reason is Reason.NOT_FOUND:
                self._bind_as_nobody()
            return self._not_begun(None, error.reason, error.code)
        refusal = self._refusal(entry)
        if refusal:
            self._bind_as_nobody()
            return self._not_begun(entry, refusal, entry.protected if refusal is Reason.PROTECTED else "")
        if self.order.operation is Operation.VERIFY:
            return self._verify(entry)
        if self.order.operation is Operation.UNLOCK:
            return self._unlock_only(entry)
        if self.order.first_mark is None:
            return self._first_time(entry)
        return self._again(entry)

    def _refusal(self, entry: Entry) -> Reason | None:
        """Our own care. Whoever is protected may sign in all the same: that writes nothing."""
        operation, order = self.order.operation, self.order
        writes_password = operation in (Operation.RESET, Operation.CHANGE)
        if entry.protected and operation is not Operation.VERIFY:
            return Reason.PROTECTED
        if entry.is_disabled:
            return Reason.DISABLED
        if entry.cannot_change and writes_password and not order.by_administrator:
            return Reason.CANNOT_CHANGE
        return None

    def _guess_refusal(self, entry: Entry) -> Reason | None:
        """Why the current password, as it was typed, isn't tried."""
        if entry.is_locked:
            return Reason.LOCKED
        if entry.tries_left is not None and entry.tries_left <= TOO_FEW_TRIES:
            return Reason.TOO_FEW_TRIES
        return None

    def _verify(self, entry: Entry) -> Report:
        refusal = self._guess_refusal(entry)
        if refusal:
            self._bind_as_nobody()
            return self._ended(Outcome.FAILED, refusal)
        if not self.may_start():
            return self._ended(Outcome.LATE)
        try:
            self.connector.verify(entry, self.order.current)
        except DirectoryError as error:
            return self._ended(Outcome.FAILED, error.reason, error.code)
        return self._ended(Outcome.APPLIED)

    def _bind_as_nobody(self) -> None:
        """Where a password is only to be verified: who isn't there, or isn't tried, takes as long as who is wrong."""
        if self.order.operation is Operation.VERIFY and self.may_start():
            with suppress(DirectoryError):
                self.connector.verify_nobody(self.order.current)

    def _unlock_only(self, entry: Entry) -> Report:
        if not self.connector.capabilities.unlocks:
            self._tell(Step.UNLOCK, StepResult.NOT_POSSIBLE)
            return self._ended(Outcome.FAILED, Reason.NOT_SUPPORTED)
        first_mark = self.order.first_mark
        if not self.note_mark(entry.mark if first_mark is None else first_mark):
            return self._ended(Outcome.LATE)
        if not self.may_start():
            return self._ended(Outcome.LATE)
        try:
            self.connector.unlock(entry)
        except TooLate:
            return self._ended(Outcome.LATE)
        except DirectoryError as error:
            if not (error.may_have_happened and self._is_open_now()):
                outcome = Outcome.UNCONFIRMED if error.may_have_happened else Outcome.FAILED
                return self._ended(outcome, error.reason, error.code)
        self._tell(Step.UNLOCK, StepResult.DONE if entry.is_locked else StepResult.NOT_NEEDED)
        return self._ended(Outcome.APPLIED)

    def _is_open_now(self) -> bool:
        try:
            return not self.connector.find(self.order.anchor).is_locked
        except DirectoryError:
            return False

    def _first_time(self, entry: Entry) -> Report:
        refusal = self._guess_refusal(entry) if self.order.operation is Operation.CHANGE else None
        if refusal:
            return self._ended(Outcome.FAILED, refusal)
        if not self.note_mark(entry.mark):
            return self._ended(Outcome.LATE)
        return self._set_password(entry)

    def _again(self, entry: Entry) -> Report:
        """An earlier attempt got lost after it had noted the mark: it may have set the password, or not.

        The first mark is noted again: that asks whether the lease still is ours.
        """
        if not self.note_mark(self.order.first_mark or ""):
            return self._ended(Outcome.LATE)
        if entry.mark != self.order.first_mark:
            return self._judge_by_bind(entry)
        refusal = self._guess_refusal(entry) if self.order.operation is Operation.CHANGE else None
        if refusal:
            return self._ended(Outcome.FAILED, refusal)
        return self._set_password(entry)

    def _set_password(self, entry: Entry) -> Report:
        if not self.may_start():
            return self._ended(Outcome.LATE)
        current = self.order.current if self.order.operation is Operation.CHANGE else ""
        try:
            self.connector.set_password(entry, self.order.new, current)
        except TooLate:
            return self._ended(Outcome.LATE)
        except DirectoryError as error:
            if error.may_have_happened:
                return self._look_again(entry, error)
            if self._was_set_before(entry, error):
                return self._password_is_set(entry)
            outcome = Outcome.REJECTED if error.reason in PASSWORD_REASONS else Outcome.FAILED
            return self._ended(outcome, error.reason, error.code)
        return self._password_is_set(entry)

    def _was_set_before(self, entry: Entry, error: DirectoryError) -> bool:
        """Whether a repeat is refused since the first try worked, though the mark didn't tell: it has its own clock."""
        if self.order.first_mark is None or error.reason not in SAID_TO_A_REPEAT or entry.is_locked:
            return False
        cost = int(error.reason is Reason.WRONG_PASSWORD)
        if (entry.tries_left is not None and entry.tries_left - cost < TRIES_TO_LOOK) or not self.may_start():
            return False
        try:
            self.connector.verify(entry, self.order.new)
        except DirectoryError as refusal:
            return refusal.reason in RIGHT_PASSWORD_REASONS
        return True

    def _look_again(self, before: Entry, error: DirectoryError) -> Report:
        """The answer got lost. An unchanged mark proves nothing: the directory may still be at it."""
        self.code = error.code
        try:
            entry = self.connector.find(self.order.anchor)
        except DirectoryError:
            return self._unconfirmed(error.reason)
        return self._unconfirmed(error.reason) if entry.mark == before.mark else self._judge_by_bind(entry)

    def _judge_by_bind(self, entry: Entry) -> Report:
        """Somebody set a password since the mark was noted. Was it us? Only the new password itself can tell."""
        if entry.is_locked and self._is_to_unlock():
            self._unlock(entry)  # asked for anyway, and no bind tells anything before
            try:
                entry = self.connector.find(self.order.anchor)
            except DirectoryError as error:
                return self._unconfirmed(error.reason, error.code)
        has_tries = entry.tries_left is None or entry.tries_left >= TRIES_TO_LOOK
        if entry.is_locked or not has_tries:
            return self._unconfirmed(Reason.LOCKED if entry.is_locked else Reason.TOO_FEW_TRIES)
        if not self.may_start():
            return self._unconfirmed()
        try:
            self.connector.verify(entry, self.order.new)
        except DirectoryError as error:
            if error.reason is Reason.WRONG_PASSWORD:
                return self._ended(Outcome.FAILED, Reason.CHANGED_ELSEWHERE, error.code)
            if error.reason not in RIGHT_PASSWORD_REASONS:
                return self._unconfirmed(error.reason, error.code)
        return self._password_is_set(entry)

    def _password_is_set(self, entry: Entry) -> Report:
        """The steps after it. Whatever becomes of them, the password is set."""
        self._tell(Step.PASSWORD, StepResult.DONE)
        if self._is_to_unlock() and Step.UNLOCK not in self.steps:
            self._unlock(entry)
        if self.order.must_change:
            self._require_change(entry)
        return self._ended(Outcome.APPLIED)

    def _is_to_unlock(self) -> bool:
        return self.order.unlock and self.order.operation is Operation.RESET

    def _unlock(self, entry: Entry) -> None:
        if not entry.is_locked:
            self._tell(Step.UNLOCK, StepResult.NOT_NEEDED)
        elif not self.connector.capabilities.unlocks:
            self._tell(Step.UNLOCK, StepResult.NOT_POSSIBLE)
        else:
            self._tell(Step.UNLOCK, self._tried(self.connector.unlock, entry))

    def _require_change(self, entry: Entry) -> None:
        """Not asked of whose password never expires, nor of whoever then couldn't do it."""
        if entry.never_expires or entry.cannot_change or not self.connector.capabilities.requires_change:
            self._tell(Step.MUST_CHANGE, StepResult.NOT_POSSIBLE)
        else:
            self._tell(Step.MUST_CHANGE, self._tried(self.connector.require_change, entry))

    def _tried(self, write: Callable[[Entry], None], entry: Entry) -> StepResult:
        if not self.may_start():
            return StepResult.FAILED
        try:
            write(entry)
        except DirectoryError as error:
            self.code = error.code
            if error.reason is Reason.NOT_SUPPORTED:
                return StepResult.NOT_POSSIBLE
            return StepResult.UNKNOWN if error.may_have_happened else StepResult.FAILED
        return StepResult.DONE

    def _tell(self, step: Step, result: StepResult) -> None:
        self.steps[step] = result
        self.told(step, result)

    def _not_begun(self, entry: Entry | None, reason: Reason, code: str = "") -> Report:
        """Nothing is written now. What an earlier, lost attempt did, only a mark that stayed as it was can tell."""
        first_mark = self.order.first_mark
        if first_mark is None or (entry and entry.mark == first_mark) or self.order.operation is Operation.VERIFY:
            return self._ended(Outcome.FAILED, reason, code)
        if self.order.operation is Operation.UNLOCK:
            return self._ended(Outcome.UNCONFIRMED, reason, code)
        return self._unconfirmed(reason, code)

    def _unconfirmed(self, reason: Reason | None = None, code: str = "") -> Report:
        self._tell(Step.PASSWORD, StepResult.UNKNOWN)
        return self._ended(Outcome.UNCONFIRMED, reason, code)

    def _ended(self, outcome: Outcome, reason: Reason | None = None, code: str = "") -> Report:
        return Report(outcome, dict(self.steps), reason, code or self.code)
