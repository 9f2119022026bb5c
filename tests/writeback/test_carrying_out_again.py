"""A second attempt at an order: what it finds of the first one, and that it does no harm."""

from dataclasses import replace

import pytest

from tests.writeback.books import (
    ALICE,
    CHANGE,
    PASSWORD_DONE,
    PASSWORD_UNKNOWN,
    RESET,
    UNLOCK,
    Books,
    again,
    carried_out,
)
from writeback.connectors.base import DirectoryError, Reason, TooLate
from writeback.connectors.orders import Order, Outcome, Report, Step, StepResult


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


@pytest.mark.parametrize("reason", [Reason.IN_HISTORY, Reason.POLICY, Reason.TOO_YOUNG])
def test_a_repeat_is_not_called_in_history_where_the_mark_did_not_tell(reason: Reason) -> None:
    """Two passwords within one tick of the directory's clock have the same mark."""
    books = Books(password="new", fails={"set_password": [DirectoryError(reason, "19")]})
    assert carried_out(books, again(RESET)) == Report(Outcome.APPLIED, PASSWORD_DONE)
    assert books.writes == ["set_password", "verify"]


def test_a_repeated_change_is_not_called_wrong_where_the_mark_did_not_tell() -> None:
    assert carried_out(Books(password="new"), again(CHANGE)) == Report(Outcome.APPLIED, PASSWORD_DONE)


def test_a_repeat_that_is_refused_for_its_own_sake_says_why() -> None:
    books = Books(fails={"set_password": [DirectoryError(Reason.IN_HISTORY, "19")]})
    assert carried_out(books, again(RESET)) == Report(Outcome.REJECTED, reason=Reason.IN_HISTORY, code="19")


@pytest.mark.parametrize(("left", "reason"), [(1, Reason.IN_HISTORY), (0, Reason.POLICY)])
def test_a_refused_repeat_does_not_lock_anybody_by_looking(left: int, reason: Reason) -> None:
    books = Books(replace(ALICE, tries_left=left), fails={"set_password": [DirectoryError(reason, "19")]})
    assert carried_out(books, again(RESET)).outcome is Outcome.REJECTED
    assert books.writes == ["set_password"]


@pytest.mark.parametrize("order", [RESET, CHANGE])
def test_a_repeat_that_reaches_nobody_does_not_call_the_first_one_failed(order: Order) -> None:
    away = {"find": [DirectoryError(Reason.UNREACHABLE, "-1")]}
    expected = Report(Outcome.UNCONFIRMED, PASSWORD_UNKNOWN, Reason.UNREACHABLE, "-1")
    assert carried_out(Books(fails=away, password="new"), again(order)) == expected


def test_a_repeated_unlock_that_reaches_nobody_is_left_open() -> None:
    books = Books(fails={"find": [DirectoryError(Reason.UNREACHABLE, "-1")]})
    assert carried_out(books, again(UNLOCK)) == Report(Outcome.UNCONFIRMED, reason=Reason.UNREACHABLE, code="-1")


@pytest.mark.parametrize("setting", ["is_disabled", "cannot_change"])
@pytest.mark.parametrize(("mark", "outcome"), [("1", Outcome.FAILED), ("2", Outcome.UNCONFIRMED)])
def test_a_repeat_that_may_not_go_on_says_failed_only_where_nothing_was_written(
    setting: str, mark: str, outcome: Outcome
) -> None:
    books = Books(replace(ALICE, mark=mark, **{setting: True}))  # type: ignore[arg-type]
    assert carried_out(books, again(RESET)).outcome is outcome
    assert books.writes == []


@pytest.mark.parametrize("order", [RESET, UNLOCK, again(RESET), again(UNLOCK)])
def test_connecting_past_the_deadline_is_late_and_not_a_failure(order: Order) -> None:
    books = Books(fails={"set_password": [TooLate()], "unlock": [TooLate()]})
    assert carried_out(books, order) == Report(Outcome.LATE)


def test_a_repeated_unlock_is_done_again() -> None:
    books = Books(replace(ALICE, is_locked=True, mark="2"))
    assert carried_out(books, again(UNLOCK)).outcome is Outcome.APPLIED


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK])
def test_a_repeat_that_lost_its_lease_writes_nothing(order: Order) -> None:
    books = Books()
    assert carried_out(books, replace(order, first_mark="1"), may_note=False) == Report(Outcome.LATE)
    assert books.writes == []
