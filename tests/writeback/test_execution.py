"""One job at work: executors that die or freeze in the middle, and what the next one makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.reset.in_directory import OLD
from tests.writeback.job_life import NEW, UNTIL_LOST, JobLife, errors, make_job_life
from writeback import execution, recovery
from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.orders import Operation, Outcome, Report, Step, StepResult
from writeback.execution import LEASE
from writeback.models import Connector, WritebackJob

pytestmark = pytest.mark.django_db
Status = WritebackJob.Status
APPLIED = Report(Outcome.APPLIED, {Step.PASSWORD: StepResult.DONE})
AWAY = DirectoryError(Reason.UNREACHABLE, "-1")


@pytest.fixture
def life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Any:
    with scopes_disabled():
        yield make_job_life(acme, monkeypatch)


def free(life: JobLife) -> None:
    """Wait until a lost job is found."""
    life.clock.turn(UNTIL_LOST)
    assert recovery.recover() == 1


def test_one_of_two_claims_gets_the_job(life: JobLife) -> None:
    job = life.submit()
    assert execution.claim(job.pk, life.clock.time) is not None
    assert execution.claim(job.pk, life.clock.time) is None


def test_two_jobs_of_one_user_are_never_claimed_together(life: JobLife) -> None:
    first, second = life.submit(), life.submit(operation=Operation.UNLOCK)
    assert execution.claim(first.pk, life.clock.time) is not None
    assert execution.claim(second.pk, life.clock.time) is None
    free(life)
    assert execution.claim(second.pk, life.clock.time) is not None


def test_jobs_of_nobody_are_claimed_side_by_side(life: JobLife) -> None:
    strangers = [life.submit(operation=Operation.VERIFY, user=None, anchor=name, current="x") for name in "abb"]
    claimed = [execution.claim(job.pk, life.clock.time) is not None for job in strangers]
    assert claimed == [True, True, False]  # the same name twice waits, as somebody's would


@pytest.mark.parametrize("operation", [Operation.RESET, Operation.CHANGE])
@pytest.mark.parametrize("place", ["finding", "found", "connecting", "sending", "written"])
def test_killed_anywhere_the_next_attempt_applies_it_once(life: JobLife, operation: Operation, place: str) -> None:
    job = life.submit(operation=operation, current=OLD if operation is Operation.CHANGE else "")
    life.dies(place)
    life.killed_while_executing(job)
    assert life.reload(job).status == Status.CLAIMED
    free(life)
    execution.execute(job.pk)
    row = life.reload(job)
    assert (row.status, row.reason, bytes(row.sealed)) == (Status.APPLIED, "", b"")
    assert life.memory.writes == [NEW]
    assert life.account.password == NEW


@pytest.mark.parametrize("place", ["finding", "connecting", "unlocked"])
def test_an_unlock_killed_anywhere_is_done_by_the_next_attempt(life: JobLife, place: str) -> None:
    life.account.is_locked = True
    job = life.submit(operation=Operation.UNLOCK)
    life.dies(place)
    life.killed_while_executing(job)
    free(life)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.account.is_locked) == (Status.APPLIED, False)


def test_killed_before_it_could_say_so_it_is_found_even_if_the_mark_did_not_move(life: JobLife) -> None:
    """A directory whose clock ticks once a second, and which remembers every password."""
    job = life.submit()
    life.dies("written")
    life.killed_while_executing(job)
    life.account.mark -= 1
    free(life)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.reload(job).reason) == (Status.APPLIED, "")


def test_an_attempt_between_claim_and_mark_leaves_no_doubt(life: JobLife) -> None:
    job = life.submit()
    life.dies("found")
    life.killed_while_executing(job)
    life.clock.turn(60)
    recovery.recover()
    assert life.reload(job).status == Status.EXPIRED


def test_an_attempt_after_the_mark_leaves_a_doubt(life: JobLife) -> None:
    job = life.submit()
    life.dies("connecting")
    life.killed_while_executing(job)
    life.clock.turn(60)
    recovery.recover()
    row = life.reload(job)
    assert (row.status, bytes(row.sealed)) == (Status.UNCONFIRMED, b"")


class TestStale:
    """An attempt whose job was given to the next one."""

    @pytest.fixture
    def both(self, life: JobLife) -> tuple[WritebackJob, WritebackJob]:
        job = life.submit()
        stale = execution.claim(job.pk, life.clock.time)
        free(life)
        fresh = execution.claim(job.pk, life.clock.time)
        assert stale is not None
        assert fresh is not None
        return stale, fresh

    def test_keeps_no_mark(self, life: JobLife, both: tuple[WritebackJob, WritebackJob]) -> None:
        stale, fresh = both
        assert not execution.note_mark(stale, "stale")
        assert execution.note_mark(fresh, "fresh")
        assert life.reload(fresh).first_mark == "fresh"

    def test_shows_no_step(self, life: JobLife, both: tuple[WritebackJob, WritebackJob]) -> None:
        execution.note_step(both[0], {"password": "done"})
        assert life.reload(both[0]).steps == {}

    def test_finishes_nothing_and_says_so_where_it_wrote(
        self, life: JobLife, both: tuple[WritebackJob, WritebackJob], caplog: pytest.LogCaptureFixture
    ) -> None:
        with errors(caplog) as said:
            assert not execution.finish(both[0], APPLIED, life.clock.time)
        row = life.reload(both[0])
        assert (row.status, bool(row.sealed)) == (Status.CLAIMED, True)
        assert len(said) == 1
        assert "had lost its lease may have set the password" in said[0]

    def test_waits_for_nothing(self, life: JobLife, both: tuple[WritebackJob, WritebackJob]) -> None:
        assert not execution.wait(both[0], life.clock.time)
        assert life.reload(both[0]).status == Status.CLAIMED

    def test_finishes_nothing_while_the_job_is_queued_again(self, life: JobLife) -> None:
        job = life.submit()
        stale = execution.claim(job.pk, life.clock.time)
        assert stale
        free(life)
        assert not execution.finish(stale, APPLIED, life.clock.time)
        assert not execution.note_mark(stale, "stale")
        assert life.reload(job).status == Status.QUEUED


@pytest.mark.parametrize("place", ["finding", "found", "connecting"])
def test_an_executor_that_wakes_after_the_deadline_writes_nothing(life: JobLife, place: str) -> None:
    job = life.submit()
    life.freezes(place, 61)
    execution.execute(job.pk)
    row = life.reload(job)
    assert (row.status, bytes(row.sealed)) == (Status.EXPIRED, b"")
    assert life.memory.writes == []


@pytest.mark.parametrize("place", ["finding", "found", "connecting"])
def test_one_that_wakes_before_it_leaves_the_job_to_another_try(life: JobLife, place: str) -> None:
    job = life.submit()
    life.freezes(place, 7)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.memory.writes) == (Status.QUEUED, [])
    assert execution.execute(job.pk) is None
    life.clock.turn(execution.PAUSE)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.memory.writes) == (Status.APPLIED, [NEW])


@pytest.mark.parametrize("place", ["finding", "found", "connecting"])
def test_one_that_wakes_after_another_did_its_job_writes_nothing(life: JobLife, place: str) -> None:
    job = life.submit()

    def meanwhile() -> None:
        assert recovery.recover() == 1
        execution.execute(job.pk)
        life.account.password = "set later by somebody else"

    life.freezes(place, UNTIL_LOST.total_seconds(), meanwhile)
    execution.execute(job.pk)
    assert life.memory.writes == [NEW]
    assert life.account.password == "set later by somebody else"
    assert life.reload(job).status == Status.APPLIED


def test_a_repeat_that_wakes_after_another_did_its_job_writes_nothing(life: JobLife) -> None:
    """It has a mark already: the lease is asked for all the same."""
    job = life.submit()
    life.dies("connecting")
    life.killed_while_executing(job)
    free(life)

    def meanwhile() -> None:
        assert recovery.recover() == 1
        execution.execute(job.pk)

    life.freezes("found", UNTIL_LOST.total_seconds(), meanwhile)
    execution.execute(job.pk)
    assert (life.memory.writes, life.reload(job).status) == ([NEW], Status.APPLIED)


def test_a_write_that_lands_late_is_found_by_the_mark(life: JobLife) -> None:
    """Frozen in its last system call: the next attempt has found the mark unchanged and stood still itself."""
    job = life.submit()

    def second_attempt() -> None:
        assert recovery.recover() == 1
        life.dies("connecting")
        life.killed_while_executing(job)

    life.freezes("sending", UNTIL_LOST.total_seconds(), second_attempt)
    execution.execute(job.pk)
    assert (life.account.password, life.reload(job).status) == (NEW, Status.CLAIMED)
    free(life)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.memory.writes) == (Status.APPLIED, [NEW])


def test_a_write_that_lands_after_the_end_is_reported(life: JobLife, caplog: pytest.LogCaptureFixture) -> None:
    job = life.submit()
    life.freezes("sending", 61, recovery.recover)
    with errors(caplog) as said:
        execution.execute(job.pk)
    assert life.account.password == NEW
    assert life.reload(job).status == Status.UNCONFIRMED
    assert any("had lost its lease" in one for one in said)


def test_an_older_lost_job_never_goes_over_a_newer_one(life: JobLife) -> None:
    older = life.submit("first")
    life.dies("found")
    life.killed_while_executing(older)
    newer = life.submit("second")
    assert execution.execute(newer.pk) is None
    free(life)
    assert life.reload(older).status == Status.SUPERSEDED
    execution.execute(newer.pk)
    assert execution.execute(older.pk) is None
    assert life.memory.writes == ["second"]


def test_an_older_job_that_is_freed_while_a_newer_one_comes_in_is_not_carried_out(life: JobLife) -> None:
    """The sweep looked for newer ones a moment too early."""
    older = life.submit("first")
    life.dies("found")
    life.killed_while_executing(older)
    free(life)
    newer = life.prepare("second")
    newer.save(force_insert=True)
    execution.execute(newer.pk)
    assert execution.execute(older.pk) is None
    assert recovery.recover() == 1
    assert life.reload(older).status == Status.SUPERSEDED
    assert life.memory.writes == ["second"]


@pytest.mark.parametrize("patience", Connector.Patience)
def test_a_directory_that_is_away_is_waited_for_only_where_the_organisation_says_so(
    life: JobLife, patience: str
) -> None:
    life.north.set(patience=patience)
    job = life.submit()
    life.memory.is_away = True
    execution.execute(job.pk)
    holds = patience == Connector.Patience.HOLD
    assert life.reload(job).status == (Status.QUEUED if holds else Status.FAILED)
    life.memory.is_away = False
    life.clock.turn(execution.PAUSE)
    recovery.carry_out_waiting()
    assert life.memory.writes == ([NEW] if holds else [])
    assert bytes(life.reload(job).sealed) == b""


def test_a_held_job_ends_with_its_time(life: JobLife) -> None:
    life.north.set(patience=Connector.Patience.HOLD)
    life.memory.is_away = True
    job = life.submit()
    tried = 0
    while life.reload(job).status == Status.QUEUED:
        tried += execution.execute(job.pk) is not None
        life.clock.turn(1)
        recovery.recover()
    assert (life.reload(job).status, bytes(life.reload(job).sealed)) == (Status.FAILED, b"")
    assert 10 <= tried <= 13
    assert life.clock.time < job.deadline + timedelta(seconds=1)


def test_what_the_database_says_leaves_the_row_to_the_sweep(life: JobLife, monkeypatch: pytest.MonkeyPatch) -> None:
    job = life.submit()

    def broken(*_args: Any) -> bool:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(execution, "note_mark", broken)
        with pytest.raises(OperationalError):
            execution.execute(job.pk)
    assert (life.reload(job).status, life.memory.writes) == (Status.CLAIMED, [])
    with monkeypatch.context() as patched:
        patched.setattr(execution, "finish", broken)
        free(life)
        with pytest.raises(OperationalError):
            execution.execute(job.pk)
    free(life)
    execution.execute(job.pk)
    assert (life.reload(job).status, life.memory.writes) == (Status.APPLIED, [NEW])


def test_a_step_that_can_t_be_shown_is_done_all_the_same(life: JobLife, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(execution, "note_step", broken)
    job = life.submit()
    life.freezes("written", 1)
    execution.execute(job.pk)
    assert life.reload(job).status == Status.APPLIED


def test_no_operation_is_begun_so_late_that_its_answer_would_come_after_the_lease(life: JobLife) -> None:
    begun: list[float] = []
    for frozen in range(int(LEASE.total_seconds()) + 1):
        job = life.submit(f"password {frozen}")
        claimed_at = life.clock.ticks
        life.freezes("found", frozen)
        execution.execute(job.pk)
        if f"password {frozen}" in life.memory.writes:
            begun.append(life.clock.ticks - claimed_at)
    assert begun
    assert max(begun) <= (LEASE / 2).total_seconds()
