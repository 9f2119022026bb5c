"""The search for lost jobs: when they are found, what becomes of them, and that one of them stops no other."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.conftest import make_user
from tests.directories.in_memory import Account
from tests.reset.in_directory import OLD
from tests.writeback.job_life import UNTIL_LOST, JobLife, make_job_life
from writeback import execution, recovery
from writeback.connectors.orders import Operation
from writeback.models import WritebackJob
from writeback.signals import job_finished

pytestmark = pytest.mark.django_db
Status = WritebackJob.Status
SECOND = timedelta(seconds=1)


@pytest.fixture
def life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Any:
    with scopes_disabled():
        yield make_job_life(acme, monkeypatch)


def test_a_lost_job_is_queued_again_only_after_its_lease_and_the_longest_operation(life: JobLife) -> None:
    job = life.submit()
    claimed_at = life.clock.time
    execution.claim(job.pk, claimed_at)
    assert recovery.recover(claimed_at + UNTIL_LOST - SECOND) == 0
    assert life.reload(job).status == Status.CLAIMED
    assert recovery.recover(claimed_at + UNTIL_LOST) == 1
    assert life.reload(job).status == Status.QUEUED
    assert execution.claim(job.pk, claimed_at + UNTIL_LOST) is not None


def test_a_lost_job_is_found_by_the_first_sweep_after_that_and_once(life: JobLife) -> None:
    job = life.submit()
    execution.claim(job.pk, life.clock.time)
    lost_at = life.clock.time
    sweeps = 0
    while life.reload(job).status == Status.CLAIMED:
        life.clock.turn(settings.JOB_SWEEP_SECONDS)
        sweeps += recovery.recover()
    assert sweeps == 1
    assert life.clock.time - lost_at <= UNTIL_LOST + timedelta(seconds=settings.JOB_SWEEP_SECONDS)


def test_a_lost_job_with_no_time_left_is_over(life: JobLife) -> None:
    job = life.submit(deadline=life.clock.time + UNTIL_LOST)
    execution.claim(job.pk, life.clock.time)
    recovery.recover(life.clock.time + UNTIL_LOST)
    row = life.reload(job)
    assert (row.status, row.reason, bytes(row.sealed)) == (Status.EXPIRED, "unreachable", b"")


def test_a_job_whose_hint_was_lost_is_carried_out_two_seconds_later(life: JobLife) -> None:
    job = life.submit()
    assert recovery.carry_out_waiting(job.created_at + SECOND) == 0
    assert recovery.carry_out_waiting(job.created_at + 2 * SECOND) == 1
    assert life.reload(job).status == Status.APPLIED


def test_jobs_of_agents_are_left_to_them(life: JobLife) -> None:
    life.submit()
    life.north.set(way="agents")
    assert recovery.carry_out_waiting(life.clock.time + 5 * SECOND) == 0


def test_a_lost_sign_in_is_over_with_its_time(life: JobLife) -> None:
    job = life.submit(operation=Operation.VERIFY, current=OLD, deadline=life.clock.time + 20 * SECOND)
    life.dies("binding")
    life.killed_while_executing(job)
    life.clock.turn(UNTIL_LOST)
    recovery.recover()
    assert life.reload(job).status == Status.EXPIRED


def test_one_job_that_can_t_be_ended_keeps_no_other_from_it(life: JobLife, acme: Tenant) -> None:
    others = [make_user(acme, f"n{n}@north.example", directory=life.nora.directory, anchor=str(n)) for n in range(3)]
    life.memory.accounts.update({str(number): Account(OLD) for number in range(3)})
    rows = [life.submit(user=user, anchor=user.anchor) for user in others]
    poisoned = rows[1].pk

    def refuse(job: WritebackJob, **_: Any) -> None:
        if job.pk == poisoned:
            raise RuntimeError

    job_finished.connect(refuse)
    try:
        recovery.recover(life.clock.time + timedelta(minutes=2))
    finally:
        job_finished.disconnect(refuse)
    assert [life.reload(job).status for job in rows] == [Status.EXPIRED, Status.QUEUED, Status.EXPIRED]


def test_an_executor_that_finishes_in_the_moment_it_is_given_up_wins_or_loses_whole(life: JobLife) -> None:
    job = life.submit()
    life.freezes("written", UNTIL_LOST.total_seconds(), recovery.recover)
    execution.execute(job.pk)
    row = life.reload(job)
    assert (row.status, bool(row.sealed)) == (Status.QUEUED, True)
    execution.execute(job.pk)
    assert life.reload(job).status == Status.APPLIED
    assert len(life.memory.writes) == 1
