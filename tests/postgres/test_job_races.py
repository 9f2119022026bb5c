"""Jobs claimed by many executors at once, with real threads on a real PostgreSQL."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.postgres.test_races import at_once
from tests.writeback.job_life import UNTIL_LOST, JobLife, make_job_life
from writeback import execution, jobs, recovery
from writeback.connectors.orders import Operation, Outcome, Report
from writeback.models import WritebackJob

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="DATABASE_URL is not a PostgreSQL server"
    ),
]
Status = WritebackJob.Status


@pytest.fixture
def life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Any:
    with scopes_disabled():
        yield make_job_life(acme, monkeypatch)


def unscoped(work: Any) -> Any:
    """For threads, which have scopes of their own."""

    def inside(number: int) -> Any:
        with scopes_disabled():
            return work(number)

    return inside


def test_q5_one_of_many_executors_gets_a_job(life: JobLife) -> None:
    job = life.submit()
    claimed = at_once(32, unscoped(lambda _number: execution.claim(job.pk, life.clock.time)))
    assert sum(one is not None for one in claimed) == 1
    assert life.reload(job).attempts == 1


def test_jobs_of_one_user_are_claimed_one_after_the_other(life: JobLife) -> None:
    """Two sorts, so that neither takes the other's place; both unlocked at the same moment."""
    for _ in range(8):
        pair = [life.submit(operation=Operation.UNLOCK), life.submit()]
        claimed = at_once(2, unscoped(lambda number, pair=pair: execution.claim(pair[number].pk, life.clock.time)))
        assert sum(one is not None for one in claimed) == 1
        assert WritebackJob.objects.filter(status=Status.CLAIMED).count() == 1
        WritebackJob.objects.all().delete()


def test_q4_a_job_carried_out_by_many_at_once_is_written_once(life: JobLife) -> None:
    job = life.submit("once")
    at_once(16, lambda _number: execution.execute(job.pk))
    assert life.memory.writes == ["once"]
    assert life.reload(job).status == Status.APPLIED


def test_q4_of_many_that_come_in_at_once_the_newest_is_left_in_the_directory(life: JobLife) -> None:
    prepared = [life.prepare(f"password {number}") for number in range(16)]

    def submit_and_execute(number: int) -> None:
        with scopes_disabled(), transaction.atomic():
            jobs.submit(prepared[number], life.clock.time)
        execution.execute(prepared[number].pk)

    at_once(16, submit_and_execute)
    for _ in range(2):
        recovery.recover()
        for job in prepared:
            execution.execute(job.pk)
    numbers = [int(password.split()[1]) for password in life.memory.writes]
    assert numbers == sorted(set(numbers))
    assert life.account.password == "password 15"
    assert {life.reload(job).status for job in prepared} <= {Status.APPLIED, Status.SUPERSEDED}
    assert not any(life.reload(job).sealed for job in prepared)


def test_many_sweeps_free_a_lost_job_once(life: JobLife) -> None:
    job = life.submit()
    execution.claim(job.pk, life.clock.time)
    life.clock.turn(UNTIL_LOST)
    assert sum(at_once(16, lambda _number: recovery.recover())) == 1
    assert life.reload(job).status == Status.QUEUED


def test_an_attempt_and_the_sweep_that_gives_it_up_never_both_win(life: JobLife) -> None:
    for _ in range(10):
        job = life.submit(deadline=life.clock.time + UNTIL_LOST)
        taken = execution.claim(job.pk, life.clock.time)
        assert taken is not None
        life.clock.turn(UNTIL_LOST)
        finish = partial(execution.finish, taken, Report(Outcome.APPLIED), life.clock.time)
        doings: list[Callable[[], int]] = [finish, recovery.recover]
        assert sum(at_once(2, unscoped(lambda number, doings=doings: doings[number]()))) == 1
        assert life.reload(job).status in (Status.APPLIED, Status.EXPIRED)
