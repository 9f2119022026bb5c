"""Many executors, users and clocks at once, in every order that Hypothesis thinks of: what holds for each of them.

Executors are greenlets: each stops wherever the directory says where it is, and goes on, or never does, as the test
chooses. So they run the product's own code, and stand still as long as a process can.
"""

import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django_scopes import scopes_disabled
from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.models import Tenant, User
from tests.conftest import make_user
from tests.directories.in_memory import Account
from tests.reset.in_directory import OLD
from tests.writeback.job_life import JobLife, make_job_life
from writeback import execution, jobs, recovery
from writeback.connectors.orders import Operation
from writeback.models import WritebackJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Status = WritebackJob.Status
TO_THE_END = 20
STEPS = (1, 2, 3, TO_THE_END)
HINTED = st.sampled_from([0, 1, 2, TO_THE_END, TO_THE_END])
WHO = st.sampled_from([0, 0, 0, 1])
ENDED = frozenset(Status) - {Status.QUEUED, Status.CLAIMED}
NOTHING_WRITTEN = (Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.SUPERSEDED)
SEED = int(os.environ.get("JOBS_SEED") or random.SystemRandom().randrange(2**32))


class Executor(greenlet):  # type: ignore[misc]
    """One attempt, stopped at a `place`."""

    def __init__(self, job: WritebackJob) -> None:
        super().__init__(lambda: execution.execute(job.pk))
        self.job, self.place = job, ""


class Jobs(RuleBasedStateMachine):
    """`life` and `people` are set by the test. `may_freeze_in_call`: also between the last look at the clock and the write."""

    life: JobLife
    people: list[User]
    may_freeze_in_call = False

    def __init__(self) -> None:
        super().__init__()
        WritebackJob.objects.all().delete()
        memory = self.life.memory
        memory.accounts.clear()
        memory.had.clear()
        memory.is_away = False
        memory.at = self.arrived
        for user in self.people:
            memory.accounts[str(user.anchor)] = Account(OLD)
        self.jobs: list[WritebackJob] = []
        self.unstored: list[WritebackJob] = []
        self.running: list[Executor] = []
        self.written: dict[str, list[str]] = {str(user.anchor): [] for user in self.people}
        self.late: set[str] = set()
        self.main = getcurrent()

    # --- what may happen ------------------------------------------------------------------------------------------

    @rule(who=WHO, operation=st.sampled_from([Operation.RESET, Operation.CHANGE]), is_slow=st.booleans(), steps=HINTED)
    def submit(self, who: int, operation: Operation, is_slow: bool, steps: int) -> None:
        """`is_slow`: the web server stands still before the row is stored. `steps`: how far the hinted worker comes."""
        user = self.people[who]
        current = self.life.memory.accounts[str(user.anchor)].password if operation is Operation.CHANGE else ""
        wanted = {"user": user, "anchor": user.anchor, "current": current}
        job = self.life.prepare(f"password {len(self.jobs)}", operation, **wanted)
        self.jobs.append(job)
        self.unstored.append(job)
        if not is_slow:
            self.store(-1, steps)

    @precondition(lambda self: self.unstored)
    @rule(steps=HINTED)
    def store_what_was_slow(self, steps: int) -> None:
        self.store(0, steps)

    def store(self, which: int, steps: int) -> None:
        job = self.unstored.pop(which)
        with transaction.atomic():
            jobs.submit(job, self.life.clock.time)
        if steps:
            self.execute(job, steps)

    def execute(self, job: WritebackJob, steps: int) -> None:
        executor = Executor(job)
        self.running.append(executor)
        self.go_on(executor, steps)

    @precondition(lambda self: self.jobs)
    @rule(newest=st.sampled_from([0, 0, 1, 1, 2, 3]), steps=st.sampled_from(STEPS))
    def start(self, newest: int, steps: int) -> None:
        """A hint comes to a worker, perhaps again, perhaps late."""
        self.execute(self.jobs[-1 - newest % len(self.jobs)], steps)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 5), steps=st.sampled_from(STEPS), is_away=st.sampled_from([False, False, True]))
    def step(self, which: int, steps: int, is_away: bool) -> None:
        self.life.memory.is_away = is_away
        self.go_on(self.running[which % len(self.running)], steps)
        self.life.memory.is_away = False

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 5))
    def kill(self, which: int) -> None:
        executor = self.running.pop(which % len(self.running))
        executor.throw(GreenletExit)

    @rule(seconds=st.sampled_from([0.5, 0.5, 2, 7, 21, 61]), is_swept=st.booleans())
    def wait(self, seconds: float, is_swept: bool) -> None:
        self.life.clock.turn(seconds)
        if is_swept:
            recovery.recover()

    # --- how it happens -------------------------------------------------------------------------------------------

    def go_on(self, executor: Executor, steps: int = TO_THE_END) -> None:
        for _ in range(steps):
            executor.switch()
            if executor.dead:
                self.running.remove(executor)
                return

    def arrived(self, place: str, anchor: str) -> None:
        executor: Any = getcurrent()
        if place == "written":
            self.written[anchor].append(self.life.memory.accounts[anchor].password)
        if not isinstance(executor, Executor) or (place == "sending" and not self.may_freeze_in_call):
            return
        before = self.life.clock.ticks
        executor.place = place
        self.main.switch()
        if place == "sending" and self.life.clock.ticks > before:
            self.late.add(anchor)
        if place == "sending" and not self.may_freeze_in_call:
            assert self.life.clock.time < executor.job.deadline

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def all_holds(self) -> None:
        rows = self.rows()
        self.what_has_ended_is_erased_and_what_has_not_is_kept(rows)
        self.an_older_one_never_goes_over_a_newer_one()
        self.nothing_is_written_twice()
        self.what_is_called_applied_was_written_and_what_is_called_undone_was_not(rows)
        self.nobody_is_worked_on_twice_at_once(rows)
        self.the_newest_confirmed_password_opens_the_account(rows)

    def rows(self) -> list[WritebackJob]:
        found = WritebackJob.objects.in_bulk([job.pk for job in self.jobs])
        return [found.get(job.pk, job) for job in self.jobs]

    def what_has_ended_is_erased_and_what_has_not_is_kept(self, rows: list[WritebackJob]) -> None:
        for row in rows:
            assert bool(row.sealed) is (row.status not in ENDED), row.status

    def an_older_one_never_goes_over_a_newer_one(self) -> None:
        for anchor, passwords in self.written.items():
            numbers = [int(password.split()[1]) for password in passwords]
            assert anchor in self.late or numbers == sorted(numbers)

    def nothing_is_written_twice(self) -> None:
        for passwords in self.written.values():
            assert len(passwords) == len(set(passwords))

    def what_is_called_applied_was_written_and_what_is_called_undone_was_not(self, rows: list[WritebackJob]) -> None:
        for number, row in enumerate(rows):
            was_written = f"password {number}" in self.written[row.anchor]
            if row.status == Status.APPLIED:
                assert was_written
            if row.status in NOTHING_WRITTEN and row.anchor not in self.late:
                assert not was_written, (row.status, row.reason)

    def nobody_is_worked_on_twice_at_once(self, rows: list[WritebackJob]) -> None:
        claimed = [row.user_id for row in rows if row.status == Status.CLAIMED]
        assert len(claimed) == len(set(claimed))

    def the_newest_confirmed_password_opens_the_account(self, rows: list[WritebackJob]) -> None:
        for anchor, account in self.life.memory.accounts.items():
            theirs = [(number, row) for number, row in enumerate(rows) if row.anchor == anchor]
            confirmed = [number for number, row in theirs if row.status == Status.APPLIED]
            allowed = {f"password {number}" for number, row in theirs if number >= max(confirmed, default=0)}
            assert anchor in self.late or account.password in allowed | (set() if confirmed else {OLD})

    def teardown(self) -> None:
        """Everybody wakes up, or time goes by: every job ends."""
        while self.unstored:
            self.store(0, TO_THE_END)
        while self.running:
            self.go_on(self.running[0])
        for _ in range(4):
            self.life.clock.turn(21)
            recovery.recover()
        assert {row.status for row in self.rows()} <= ENDED
        self.all_holds()


@pytest.fixture
def life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobLife]:
    with scopes_disabled():
        yield make_job_life(acme, monkeypatch)


@pytest.mark.parametrize("may_freeze", [False, True], ids=["killed", "frozen_in_a_call"])
def test_whatever_happens_in_whatever_order(life: JobLife, acme: Tenant, may_freeze: bool) -> None:
    sys.stdout.write(f"JOBS_SEED={SEED}\n")
    noor = make_user(acme, "noor@north.example", directory=life.nora.directory, anchor="noor")
    holder = type("Jobs", (Jobs,), {"life": life, "people": [life.nora, noor], "may_freeze_in_call": may_freeze})
    options = settings(
        max_examples=int(os.environ.get("JOBS_EXAMPLES", "40" if connection.vendor == "sqlite" else "8")),
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(holder), settings=options)
