"""Whole orders in a real domain controller, also one that stops answering in the middle."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.directories import samba
from tests.directories.people import guess_wrong, opens
from tests.directories.samba import NEVER_EXPIRES, NORMAL, PASSWORD, Samba
from writeback.connectors.active_directory import ActiveDirectory
from writeback.connectors.base import Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Operation, Order, Outcome, Report, Step, StepResult
from writeback.connectors.pool import POOL

pytestmark = pytest.mark.directory
NEW = "N3w-Passw0rd!"
DONE = StepResult.DONE


@pytest.fixture
def directory(domain: Samba) -> ActiveDirectory:
    return ActiveDirectory(domain.access())


@pytest.fixture
def frail(ad_template: Path) -> Iterator[Samba]:
    """A domain controller of this test alone, which it may stop and pause."""
    with samba.samba(ad_template) as server:
        yield server
    POOL.close()


def carried_out(directory: ActiveDirectory, order: Order, meanwhile: Callable[[], None] = lambda: None) -> Report:
    """`meanwhile` happens after the mark was noted, directly before the write."""

    def note(_mark: str) -> bool:
        meanwhile()
        return True

    return carry_out(directory, order, note, lambda: True, lambda _step, _result: None)


def somebody(domain: Samba, directory: ActiveDirectory, **values: str) -> str:
    return directory.find_anchor(domain.logins[domain.add_user(**values)])


def test_a_locked_person_is_reset_unlocked_and_asked_to_change(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory)
    guess_wrong(directory, directory.find(anchor), 5)
    report = carried_out(directory, Order(Operation.RESET, anchor, NEW, unlock=True, must_change=True))
    assert report == Report(Outcome.APPLIED, {Step.PASSWORD: DONE, Step.UNLOCK: DONE, Step.MUST_CHANGE: DONE})
    alice = directory.find(anchor)
    assert (alice.is_locked, alice.must_change) == (False, True)
    assert opens(directory, alice, NEW)
    assert not opens(directory, alice, PASSWORD)


def test_a_password_that_never_expires_is_not_asked_for_again(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory, userAccountControl=str(NORMAL | NEVER_EXPIRES))
    report = carried_out(directory, Order(Operation.RESET, anchor, NEW, must_change=True))
    assert report == Report(Outcome.APPLIED, {Step.PASSWORD: DONE, Step.MUST_CHANGE: StepResult.NOT_POSSIBLE})
    assert opens(directory, directory.find(anchor), NEW)


def test_an_order_done_twice_is_done_once(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory)
    mark = directory.find(anchor).mark
    carried_out(directory, Order(Operation.CHANGE, anchor, NEW, PASSWORD))
    once = directory.find(anchor)
    again = Order(Operation.CHANGE, anchor, NEW, PASSWORD, first_mark=mark)
    assert carried_out(directory, again) == Report(Outcome.APPLIED, {Step.PASSWORD: DONE})
    assert directory.find(anchor) == once


def test_a_repeat_leaves_what_somebody_else_set(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory)
    alice = directory.find(anchor)
    directory.set_password(alice, "Th3ir-Passw0rd!")
    report = carried_out(directory, Order(Operation.RESET, anchor, NEW, first_mark=alice.mark))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.CHANGED_ELSEWHERE)
    assert opens(directory, alice, "Th3ir-Passw0rd!")


def test_a_wrong_current_password_is_tried_only_far_from_the_lock(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory)
    wrong = Order(Operation.CHANGE, anchor, NEW, "n0t-Th1s-One")
    reasons = [carried_out(directory, wrong).reason for _time in range(6)]
    assert reasons == [Reason.WRONG_PASSWORD] * 3 + [Reason.TOO_FEW_TRIES] * 3
    assert not directory.find(anchor).is_locked
    verify = Order(Operation.VERIFY, anchor, current=PASSWORD)
    assert carried_out(directory, verify).reason is Reason.TOO_FEW_TRIES


def test_a_right_password_is_verified(domain: Samba, directory: ActiveDirectory) -> None:
    anchor = somebody(domain, directory)
    assert carried_out(directory, Order(Operation.VERIFY, anchor, current=PASSWORD)) == Report(Outcome.APPLIED)


def test_a_reset_whose_answer_got_lost_is_left_open_and_then_found_to_have_worked(frail: Samba) -> None:
    directory = ActiveDirectory(frail.access(timeout=0.5))
    anchor = somebody(frail, directory)
    mark = directory.find(anchor).mark
    order = Order(Operation.RESET, anchor, NEW, must_change=True)
    report = carried_out(directory, order, meanwhile=frail.pause)
    assert (report.outcome, report.steps) == (Outcome.UNCONFIRMED, {Step.PASSWORD: StepResult.UNKNOWN})
    assert report.reason is Reason.UNREACHABLE
    frail.resume()
    directory = ActiveDirectory(frail.access())
    repeat = Order(Operation.RESET, anchor, NEW, must_change=True, first_mark=mark)
    report = carried_out(directory, repeat)
    assert report == Report(Outcome.APPLIED, {Step.PASSWORD: DONE, Step.MUST_CHANGE: DONE})
    assert opens(directory, directory.find(anchor), NEW)


def test_a_directory_that_is_gone_before_the_write_is_not_written_to(frail: Samba) -> None:
    directory = ActiveDirectory(frail.access(timeout=1))
    anchor = somebody(frail, directory)
    report = carried_out(directory, Order(Operation.RESET, anchor, NEW), meanwhile=frail.stop)
    assert report.outcome in (Outcome.UNCONFIRMED, Outcome.FAILED)
    assert report.reason is Reason.UNREACHABLE
    frail.start()
    assert opens(directory, directory.find(anchor), PASSWORD)
