"""One order, step by step: what is refused, what a repeat does, and what is known when an answer got lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from writeback.connectors.base import Capabilities, Connector, DirectoryError, Entry, Probe, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Operation, Order, Outcome, Report, Step, StepResult

ALICE = Entry(anchor="a1", dn="CN=Alice", mark="1", tries_left=5)
LOST = DirectoryError(Reason.UNREACHABLE, "-1", may_have_happened=True)
ALL = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)
RESET = Order(Operation.RESET, "a1", new="new")
CHANGE = Order(Operation.CHANGE, "a1", new="new", current="old")
UNLOCK = Order(Operation.UNLOCK, "a1")
VERIFY = Order(Operation.VERIFY, "a1", current="old")
PASSWORD_DONE = {Step.PASSWORD: StepResult.DONE}
PASSWORD_UNKNOWN = {Step.PASSWORD: StepResult.UNKNOWN}


@dataclass
class Books(Connector):
    """A directory kept in memory. `fails`: what the next calls of a method say; `writes_first`: they do their work before."""

    entry: Entry = ALICE
    password: str = "old"
    fails: dict[str, list[DirectoryError]] = field(default_factory=dict)
    writes_first: bool = False
    calls: list[str] = field(default_factory=list)
    capabilities: Capabilities = ALL

    def _call(self, name: str, write: Callable[[], None] = lambda: None) -> None:
        self.calls.append(name)
        errors = self.fails.get(name, [])
        if errors:
            if self.writes_first:
                write()
            raise errors.pop(0)
        write()

    def probe(self) -> Probe:
        raise NotImplementedError

    def find(self, anchor: str) -> Entry:
        self._call("find")
        return self.entry

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        def write() -> None:
            self.password = new
            self.entry = replace(self.entry, mark=self.entry.mark + "+")

        if current and current != self.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "19")
        self._call("set_password", write)

    def unlock(self, entry: Entry) -> None:
        self._call("unlock", lambda: setattr(self, "entry", replace(self.entry, is_locked=False, tries_left=5)))

    def require_change(self, entry: Entry) -> None:
        self._call("require_change", lambda: setattr(self, "entry", replace(self.entry, must_change=True)))

    def verify(self, entry: Entry, password: str) -> None:
        self._call("verify")
        if self.entry.is_locked:
            raise DirectoryError(Reason.LOCKED, "49")
        if password != self.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "49")
        if self.entry.must_change:
            raise DirectoryError(Reason.MUST_CHANGE, "49")

    def verify_nobody(self, password: str) -> None:
        self._call("verify_nobody")
        raise DirectoryError(Reason.WRONG_PASSWORD, "49")

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call not in ("find", "verify_nobody")]


def carried_out(books: Books, order: Order, *, may_note: bool = True, starts: int = 99) -> Report:
    """`starts`: how many operations begin before the deadline."""
    left = iter([True] * starts)
    told: dict[Step, StepResult] = {}
    report = carry_out(books, order, lambda _mark: may_note, lambda: next(left, False), told.__setitem__)
    assert told == report.steps
    return report


def again(order: Order) -> Order:
    return replace(order, first_mark="1")


def test_a_reset_is_applied() -> None:
    books = Books()
    assert carried_out(books, RESET) == Report(Outcome.APPLIED, PASSWORD_DONE)
    assert books.password == "new"


def test_a_change_is_applied() -> None:
    books = Books()
    assert carried_out(books, CHANGE) == Report(Outcome.APPLIED, PASSWORD_DONE)
    assert books.password == "new"


def test_an_unlock_is_applied_and_says_whether_there_was_a_lock() -> None:
    locked = Books(replace(ALICE, is_locked=True, tries_left=0))
    assert carried_out(locked, UNLOCK) == Report(Outcome.APPLIED, {Step.UNLOCK: StepResult.DONE})
    assert carried_out(Books(), UNLOCK) == Report(Outcome.APPLIED, {Step.UNLOCK: StepResult.NOT_NEEDED})


def test_a_right_password_is_verified_and_a_wrong_one_is_not() -> None:
    assert carried_out(Books(), VERIFY) == Report(Outcome.APPLIED)
    assert carried_out(Books(), replace(VERIFY, current="x")) == Report(
        Outcome.FAILED, reason=Reason.WRONG_PASSWORD, code="49"
    )


def test_a_right_password_that_must_be_changed_is_told_with_its_reason() -> None:
    report = carried_out(Books(replace(ALICE, must_change=True)), VERIFY)
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.MUST_CHANGE)


def test_nobody_to_be_found_is_a_failure() -> None:
    books = Books(fails={"find": [DirectoryError(Reason.NOT_FOUND, "32")]})
    assert carried_out(books, RESET) == Report(Outcome.FAILED, reason=Reason.NOT_FOUND, code="32")


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK])
def test_nothing_is_written_to_the_protected(order: Order) -> None:
    books = Books(replace(ALICE, protected="member of S-1-5-32-544"))
    report = carried_out(books, replace(order, by_administrator=True))
    assert report == Report(Outcome.FAILED, reason=Reason.PROTECTED, code="member of S-1-5-32-544")
    assert books.writes == []


def test_the_protected_may_sign_in() -> None:
    assert carried_out(Books(replace(ALICE, protected="x")), VERIFY).outcome is Outcome.APPLIED


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK, VERIFY])
def test_the_disabled_stay_disabled(order: Order) -> None:
    books = Books(replace(ALICE, is_disabled=True))
    assert carried_out(books, order) == Report(Outcome.FAILED, reason=Reason.DISABLED)
    assert books.writes == []


@pytest.mark.parametrize("order", [RESET, CHANGE])
def test_who_may_not_change_their_password_can_t_by_this_way_either(order: Order) -> None:
    books = Books(replace(ALICE, cannot_change=True))
    assert carried_out(books, order) == Report(Outcome.FAILED, reason=Reason.CANNOT_CHANGE)
    assert books.writes == []


def test_an_administrator_may_reset_who_may_not_change_their_password_and_anybody_is_unlocked() -> None:
    stuck = replace(ALICE, cannot_change=True)
    assert carried_out(Books(stuck), replace(RESET, by_administrator=True)).outcome is Outcome.APPLIED
    assert carried_out(Books(stuck), UNLOCK).outcome is Outcome.APPLIED
    assert carried_out(Books(stuck), VERIFY).outcome is Outcome.APPLIED


@pytest.mark.parametrize("order", [CHANGE, VERIFY])
@pytest.mark.parametrize(("left", "is_tried"), [(None, True), (3, True), (2, False), (1, False), (0, False)])
def test_a_typed_password_is_tried_only_far_from_the_lock(order: Order, left: int | None, is_tried: bool) -> None:
    books = Books(replace(ALICE, tries_left=left))
    report = carried_out(books, order)
    assert report.reason is (None if is_tried else Reason.TOO_FEW_TRIES)
    assert bool(books.writes) is is_tried


@pytest.mark.parametrize("order", [CHANGE, VERIFY])
def test_a_lock_is_said_without_trying(order: Order) -> None:
    books = Books(replace(ALICE, is_locked=True, tries_left=0))
    assert carried_out(books, order) == Report(Outcome.FAILED, reason=Reason.LOCKED)
    assert books.writes == []


def test_a_reset_asks_for_no_tries() -> None:
    assert carried_out(Books(replace(ALICE, tries_left=0)), RESET).outcome is Outcome.APPLIED


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK])
def test_nothing_is_written_when_the_mark_can_t_be_noted(order: Order) -> None:
    books = Books()
    assert carried_out(books, order, may_note=False) == Report(Outcome.LATE)
    assert books.writes == []


def test_the_mark_is_noted_once_as_it_was_before() -> None:
    noted: list[str] = []

    def note(mark: str) -> bool:
        noted.append(mark)
        return True

    books = Books()
    carry_out(books, RESET, note, lambda: True, lambda _step, _result: None)
    carry_out(books, again(RESET), note, lambda: True, lambda _step, _result: None)
    assert noted == ["1"]


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK, VERIFY, again(RESET), again(UNLOCK)])
def test_nothing_starts_after_the_deadline(order: Order) -> None:
    books = Books()
    assert carried_out(books, order, starts=0) == Report(Outcome.LATE)
    assert books.writes == []


@pytest.mark.parametrize("reason", [Reason.TOO_SHORT, Reason.IN_HISTORY, Reason.COMPLEXITY, Reason.POLICY])
def test_a_refused_password_may_be_followed_by_another(reason: Reason) -> None:
    books = Books(fails={"set_password": [DirectoryError(reason, "19 0000052D")]})
    assert carried_out(books, RESET) == Report(Outcome.REJECTED, reason=reason, code="19 0000052D")


@pytest.mark.parametrize("reason", [Reason.NO_RIGHTS, Reason.TOO_YOUNG, Reason.UNREACHABLE, Reason.NOT_SUPPORTED])
def test_other_refusals_are_failures(reason: Reason) -> None:
    books = Books(fails={"set_password": [DirectoryError(reason)]})
    assert carried_out(books, RESET) == Report(Outcome.FAILED, reason=reason)


def test_a_change_with_a_wrong_password_fails() -> None:
    report = carried_out(Books(), replace(CHANGE, current="x"))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.WRONG_PASSWORD)


def test_all_steps_are_done_in_order() -> None:
    books = Books(replace(ALICE, is_locked=True, tries_left=0))
    report = carried_out(books, replace(RESET, unlock=True, must_change=True))
    assert report.outcome is Outcome.APPLIED
    assert set(report.steps.values()) == {StepResult.DONE}
    assert books.writes == ["set_password", "unlock", "require_change"]


def test_an_unlock_that_isn_t_needed_is_not_written() -> None:
    books = Books()
    assert carried_out(books, replace(RESET, unlock=True)).steps[Step.UNLOCK] is StepResult.NOT_NEEDED
    assert books.writes == ["set_password"]


@pytest.mark.parametrize("setting", ["never_expires", "cannot_change"])
def test_must_change_is_not_asked_of_whom_it_would_not_suit(setting: str) -> None:
    books = Books(replace(ALICE, **{setting: True}))  # type: ignore[arg-type]
    report = carried_out(books, replace(RESET, must_change=True, by_administrator=True))
    assert report.outcome is Outcome.APPLIED
    assert report.steps[Step.MUST_CHANGE] is StepResult.NOT_POSSIBLE
    assert "require_change" not in books.calls


def test_what_a_directory_can_t_do_is_said() -> None:
    can_t = replace(ALL, unlocks=False, requires_change=False)
    books = Books(replace(ALICE, is_locked=True), capabilities=can_t)
    report = carried_out(books, replace(RESET, unlock=True, must_change=True))
    assert report.outcome is Outcome.APPLIED
    assert [report.steps[step] for step in (Step.UNLOCK, Step.MUST_CHANGE)] == [StepResult.NOT_POSSIBLE] * 2
    alone = carried_out(Books(capabilities=can_t), UNLOCK)
    assert (alone.outcome, alone.reason) == (Outcome.FAILED, Reason.NOT_SUPPORTED)


@pytest.mark.parametrize(("error", "result"), [(DirectoryError(Reason.NO_RIGHTS, "50"), "failed"), (LOST, "unknown")])
def test_a_failing_later_step_leaves_the_password_set(error: DirectoryError, result: str) -> None:
    books = Books(replace(ALICE, is_locked=True), fails={"unlock": [error], "require_change": [error]})
    report = carried_out(books, replace(RESET, unlock=True, must_change=True))
    assert (report.outcome, report.code) == (Outcome.APPLIED, error.code)
    assert report.steps == {
        Step.PASSWORD: StepResult.DONE,
        Step.UNLOCK: StepResult(result),
        Step.MUST_CHANGE: StepResult(result),
    }


def test_a_later_step_after_the_deadline_is_not_begun() -> None:
    books = Books()
    report = carried_out(books, replace(RESET, must_change=True), starts=1)
    assert report == Report(Outcome.APPLIED, {**PASSWORD_DONE, Step.MUST_CHANGE: StepResult.FAILED})
    assert books.writes == ["set_password"]


def test_a_lost_answer_whose_password_was_set_is_found_out() -> None:
    books = Books(fails={"set_password": [LOST]}, writes_first=True)
    assert carried_out(books, RESET) == Report(Outcome.APPLIED, PASSWORD_DONE, code="-1")


def test_a_lost_answer_with_an_unchanged_mark_is_left_open() -> None:
    books = Books(fails={"set_password": [LOST]})
    assert carried_out(books, RESET) == Report(Outcome.UNCONFIRMED, PASSWORD_UNKNOWN, Reason.UNREACHABLE, "-1")


def test_a_lost_answer_from_a_directory_that_stays_away_is_left_open() -> None:
    books = Books(fails={"set_password": [LOST]}, writes_first=True)

    def note(_mark: str) -> bool:
        books.fails["find"] = [DirectoryError(Reason.UNREACHABLE, "-1")]
        return True

    report = carry_out(books, RESET, note, lambda: True, lambda _step, _result: None)
    assert report == Report(Outcome.UNCONFIRMED, PASSWORD_UNKNOWN, Reason.UNREACHABLE, "-1")


def test_a_lost_answer_after_which_no_bind_may_start_is_left_open() -> None:
    books = Books(fails={"set_password": [LOST]}, writes_first=True)
    assert carried_out(books, RESET, starts=1).outcome is Outcome.UNCONFIRMED
    assert "verify" not in books.calls


@pytest.mark.parametrize("order", [RESET, CHANGE])
def test_a_repeat_after_an_attempt_that_never_wrote_writes(order: Order) -> None:
    books = Books()
    assert carried_out(books, again(order)) == Report(Outcome.APPLIED, PASSWORD_DONE)
    assert books.password == "new"


@pytest.mark.parametrize("order", [RESET, CHANGE])
def test_a_repeat_after_an_attempt_that_wrote_writes_nothing_twice(order: Order) -> None:
    books = Books(replace(ALICE, mark="2"), password="new")
    assert carried_out(books, again(order)) == Report(Outcome.APPLIED, PASSWORD_DONE)
    assert books.writes == ["verify"]


def test_a_repeat_goes_on_with_the_steps_that_were_left() -> None:
    books = Books(replace(ALICE, mark="2", must_change=True), password="new")
    report = carried_out(books, again(replace(RESET, must_change=True)))
    assert report.steps == {**PASSWORD_DONE, Step.MUST_CHANGE: StepResult.DONE}


def test_a_repeat_unlocks_before_it_looks_where_that_was_asked_for() -> None:
    books = Books(replace(ALICE, mark="2", is_locked=True, tries_left=0), password="new")
    report = carried_out(books, again(replace(RESET, unlock=True)))
    assert report.outcome is Outcome.APPLIED
    assert report.steps == {Step.UNLOCK: StepResult.DONE, Step.PASSWORD: StepResult.DONE}
    assert books.writes == ["unlock", "verify"]


def test_a_repeat_leaves_a_password_that_somebody_else_set() -> None:
    books = Books(replace(ALICE, mark="2"), password="theirs")
    report = carried_out(books, again(RESET))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.CHANGED_ELSEWHERE)
    assert books.password == "theirs"


@pytest.mark.parametrize(("left", "is_tried"), [(None, True), (2, True), (1, False), (0, False)])
def test_a_repeat_looks_only_where_a_wrong_guess_can_t_lock(left: int | None, is_tried: bool) -> None:
    books = Books(replace(ALICE, mark="2", tries_left=left), password="new")
    report = carried_out(books, again(RESET))
    assert report.outcome is (Outcome.APPLIED if is_tried else Outcome.UNCONFIRMED)
    assert ("verify" in books.calls) is is_tried


def test_a_repeat_behind_a_lock_stays_open() -> None:
    books = Books(replace(ALICE, mark="2", is_locked=True, tries_left=None), password="new")
    assert carried_out(books, again(RESET)) == Report(Outcome.UNCONFIRMED, PASSWORD_UNKNOWN, Reason.LOCKED)


@pytest.mark.parametrize("reason", [Reason.LOCKED, Reason.UNREACHABLE, Reason.ACCOUNT_EXPIRED])
def test_a_repeat_whose_bind_tells_nothing_stays_open(reason: Reason) -> None:
    books = Books(replace(ALICE, mark="2"), "new", {"verify": [DirectoryError(reason, "49")]})
    assert carried_out(books, again(RESET)) == Report(Outcome.UNCONFIRMED, PASSWORD_UNKNOWN, reason, "49")


def test_a_repeated_unlock_is_done_again() -> None:
    books = Books(replace(ALICE, is_locked=True, mark="2"))
    assert carried_out(books, again(UNLOCK)).outcome is Outcome.APPLIED


def test_an_unlock_whose_answer_got_lost_is_looked_for() -> None:
    locked = replace(ALICE, is_locked=True)
    done = Books(locked, fails={"unlock": [LOST]}, writes_first=True)
    assert carried_out(done, UNLOCK) == Report(Outcome.APPLIED, {Step.UNLOCK: StepResult.DONE})
    assert carried_out(Books(locked, fails={"unlock": [LOST]}), UNLOCK).outcome is Outcome.UNCONFIRMED
    refused = Books(locked, fails={"unlock": [DirectoryError(Reason.NO_RIGHTS, "50")]})
    assert carried_out(refused, UNLOCK) == Report(Outcome.FAILED, reason=Reason.NO_RIGHTS, code="50")
