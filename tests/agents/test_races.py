"""Agents that do the same thing at the same moment, on a real PostgreSQL: it happens once."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from tests.agents.far_side import FarSide, again, submit
from tests.postgres import test_races
from tests.postgres.test_races import at_once
from writeback import agents
from writeback.agent import protocol
from writeback.agent.protocol import Malformed
from writeback.agent_api.refusals import NotFound
from writeback.models import Connector, WritebackJob

pytestmark = test_races.pytestmark
MANY = 8


def test_q5_many_agents_race_for_one_job(office: Connector, dora: User) -> None:
    sides = [FarSide.approved(office, f"agent {number}") for number in range(MANY)]
    job = submit(dora, office)
    handed = at_once(MANY, lambda number: sides[number].takes(job))
    assert sum(one is not None for one in handed) == 1
    assert again(job).attempts == 1


def test_q4_an_outcome_that_arrives_many_times_at_once_is_written_once(
    far: FarSide, office: Connector, dora: User
) -> None:
    job = submit(dora, office)
    far.takes(job)
    outcomes = ["applied", "failed"]

    def tells(number: int) -> Any:
        about = {"job": str(job.pk), "attempt": 1, "outcome": outcomes[number % 2], "steps": {}}
        try:
            return far.says(protocol.RESULT, **about)["taken"]
        except (NotFound, Malformed) as error:
            return error

    at_once(MANY, tells)
    ended = again(job)
    assert ended.status in (WritebackJob.Status.APPLIED, WritebackJob.Status.FAILED)
    first = (ended.status, ended.finished_at)
    at_once(2, tells)
    assert (again(job).status, again(job).finished_at) == first


def test_a_code_is_used_once_by_whoever_is_first(office: Connector) -> None:
    now = timezone.now()
    _, code = agents.invite(office, "one", None, now)
    sides = [FarSide() for _ in range(MANY)]

    def enrols(number: int) -> bool:
        try:
            agents.enrol(code, sides[number].keys, "1", now)
        except agents.WrongCode:
            return False
        return True

    assert sum(at_once(MANY, enrols)) == 1
