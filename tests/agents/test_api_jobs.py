"""What an agent can do with jobs: its own, once, as long as the lease lasts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import boxes, signing
from accounts.boxes import Unopened
from accounts.models import Tenant, User
from tests.agents.conftest import make_connector
from tests.agents.far_side import PASSWORD, FarSide, again, submit
from tests.conftest import make_user
from writeback import agents, recovery
from writeback.agent import protocol
from writeback.agent_api import endpoints
from writeback.agent_api.refusals import NotFound
from writeback.agent_api.waiting import queued
from writeback.connectors.orders import Operation
from writeback.models import Connector, WritebackJob

Status = WritebackJob.Status
DONE = {"outcome": "applied", "steps": {"password": "done"}}


def about(job: WritebackJob, **more: Any) -> dict[str, Any]:
    return {"job": str(job.pk), "attempt": again(job).attempts, **more}


def test_a_job_goes_to_the_agent_and_its_outcome_comes_back(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    handed = far.takes(job)
    assert handed
    assert far.opens(handed)["new"] == PASSWORD
    held = far.says(protocol.MARK, **about(job, mark="133"))
    assert held["held"]
    assert 0 < held["seconds_left"] <= 6
    assert far.says(protocol.RESULT, **about(job, **DONE)) == {"taken": True}
    ended = again(job)
    assert (ended.status, ended.steps, bytes(ended.sealed)) == (Status.APPLIED, {"password": "done"}, b"")
    assert ended.agent_id == int(far.agent)
    assert ended.first_mark == "133"


def test_the_agent_can_tell_that_the_server_made_the_job(far: FarSide, dora: User, office: Connector) -> None:
    handed = far.takes(submit(dora, office))
    assert handed
    job = protocol.HandedJob.from_json(handed.answer)
    key = signing.public_key()
    assert job.is_from(key, far.sealing.key_id)
    assert not job.is_from(FarSide().keys.signing, far.sealing.key_id)
    for name, value in (("anchor", "another"), ("unlock", True), ("deadline", "2030-01-01T00:00:00+00:00")):
        assert not protocol.HandedJob.from_json(handed.answer | {name: value}).is_from(key, far.sealing.key_id)


def test_a_box_that_somebody_else_made_is_not_taken_for_the_servers(
    far: FarSide, dora: User, office: Connector
) -> None:
    handed = far.takes(submit(dora, office))
    assert handed
    job = protocol.HandedJob.from_json(handed.answer)
    forged = json.loads(boxes.seal_to([far.sealing.public], b'{"new": "x", "current": ""}', job.info))
    other = protocol.HandedJob.from_json(handed.answer | {"box": forged[far.sealing.key_id]})
    assert not other.is_from(signing.public_key(), far.sealing.key_id)


def test_a_password_that_was_never_set_has_an_empty_mark(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    far.takes(job)
    assert far.says(protocol.MARK, **about(job, mark=""))["held"]
    assert again(job).first_mark == ""


def test_asked_twice_the_same_outcome_is_taken_once(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    far.takes(job)
    assert far.says(protocol.RESULT, **about(job, **DONE)) == {"taken": True}
    finished_at = again(job).finished_at
    assert far.says(protocol.RESULT, **about(job, outcome="failed", steps={})) == {"taken": True}
    assert (again(job).status, again(job).finished_at) == (Status.APPLIED, finished_at)


def test_a_rejection_carries_its_reason_and_the_directorys_words_without_control_characters(
    far: FarSide, dora: User, office: Connector
) -> None:
    job = submit(dora, office)
    far.takes(job)
    far.says(
        protocol.RESULT,
        **about(job, outcome="rejected", steps={}, reason="in_history", code="0000052D\0\n" + "x" * 900),
    )
    ended = again(job)
    assert (ended.status, ended.reason) == (Status.REJECTED, "in_history")
    assert ended.code.startswith("0000052Dxxx")
    assert len(ended.code) == 300


def test_q5_two_agents_race_for_one_job(far: FarSide, dora: User, office: Connector) -> None:
    second = FarSide.approved(office, "two")
    job = submit(dora, office)
    assert [bool(one.takes(job)) for one in (far, second)] == [True, False]
    with pytest.raises(NotFound):
        second.says(protocol.RESULT, **about(job, **DONE))
    assert again(job).status == Status.CLAIMED


@pytest.mark.parametrize("path", [protocol.MARK, protocol.STEP, protocol.RESULT])
@pytest.mark.parametrize("whose", ["other tenant", "other directory"])
def test_q5_jobs_of_others_are_as_if_they_were_not(
    path: str, whose: str, far: FarSide, dora: User, acme: Tenant, globex: Tenant
) -> None:
    """Also E5."""
    tenant = globex if whose == "other tenant" else acme
    there = make_connector(tenant, "Elsewhere")
    gina = make_user(tenant, "gina@elsewhere.example", directory=there.directory, anchor="gina")
    other = FarSide.approved(there)
    job = submit(gina, there)
    assert other.takes(job)
    before = again(job).__dict__ | {"_state": None}
    with pytest.raises(NotFound):
        far.says(path, **about(job, mark="1", **DONE))
    assert again(job).__dict__ | {"_state": None} == before


def test_q5_a_job_of_another_directory_is_not_handed_over_even_by_mistake(far: FarSide, globex: Tenant) -> None:
    there = make_connector(globex, "Elsewhere")
    gina = make_user(globex, "gina@globex.example", directory=there.directory, anchor="gina")
    FarSide.approved(there)
    job = submit(gina, there)
    assert far.takes(job) is None
    assert again(job).status == Status.QUEUED
    assert (job.pk, there.pk) not in queued([far.asking.connector])


def test_q4_an_attempt_that_was_lost_has_no_say_any_more(far: FarSide, dora: User, office: Connector) -> None:
    second = FarSide.approved(office, "two")
    job = submit(dora, office)
    far.takes(job)
    lost = about(job, mark="1", **DONE)
    with scopes_disabled():
        WritebackJob.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=30))
    assert not far.says(protocol.MARK, **lost)["held"]
    recovery.recover()
    assert again(job).status == Status.QUEUED
    assert far.says(protocol.RESULT, **lost) == {"taken": False}
    assert second.takes(job)
    with pytest.raises(NotFound):
        far.says(protocol.RESULT, **lost)
    assert again(job).status == Status.CLAIMED


def test_q3_a_late_job_is_not_handed_over(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office, seconds=0.001)
    assert far.takes(job) is None
    assert queued([office.pk]) == []
    recovery.recover(timezone.now() + timedelta(seconds=5))
    assert (again(job).status, bytes(again(job).sealed)) == (Status.EXPIRED, b"")


def test_q4_the_older_of_two_passwords_is_not_handed_over(far: FarSide, dora: User, office: Connector) -> None:
    older, newer = submit(dora, office, "Older-Passw0rd-1"), submit(dora, office, "Newer-Passw0rd-1")
    assert far.takes(older) is None
    handed = far.takes(newer)
    assert handed
    assert far.opens(handed)["new"] == "Newer-Passw0rd-1"
    assert again(older).status == Status.SUPERSEDED


def test_a_directory_that_is_switched_off_gets_nothing(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    with scopes_disabled():
        Connector.objects.filter(pk=office.pk).update(is_on=False)
    assert far.takes(job) is None
    assert (again(job).status, again(job).code) == (Status.FAILED, "switched off")


def test_a_job_that_is_not_sealed_to_an_agent_stays_for_one_it_is_sealed_to(
    far: FarSide, dora: User, office: Connector
) -> None:
    job = submit(dora, office)
    newcomer = FarSide.approved(office, "two")
    assert newcomer.takes(job) is None
    assert again(job).status == Status.QUEUED
    assert far.takes(job)


def test_q6_an_agent_with_new_keys_still_opens_what_was_sealed_to_the_old_ones(
    far: FarSide, dora: User, office: Connector
) -> None:
    job = submit(dora, office)
    old, fresh = far.sealing, FarSide()
    agents.roll(far.row, fresh.keys, timezone.now())
    handed = endpoints.hand_over(
        endpoints.Asking(int(far.agent), office.pk, (fresh.sealing.key_id, old.key_id)), job.pk
    )
    assert handed
    assert far.opens(handed)["new"] == PASSWORD


def test_q6_a_stolen_new_key_opens_nothing_from_before_and_the_old_one_nothing_from_after(
    far: FarSide, dora: User, office: Connector
) -> None:
    before = bytes(submit(dora, office).sealed)
    fresh = FarSide(agent=far.agent)
    agents.roll(far.row, fresh.keys, timezone.now())
    job = submit(dora, office)
    for thief, sealed in ((fresh.sealing, before), (far.sealing, bytes(job.sealed))):
        with pytest.raises(Unopened):
            thief.open(sealed, job.info)


def test_what_was_claimed_for_an_agent_that_hung_up_is_free_again(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    handed = far.takes(job)
    assert handed
    endpoints.hand_back(handed.job)
    assert again(job).status == Status.QUEUED
    assert far.takes(job)


def test_a_step_is_shown_while_the_next_is_still_to_come(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    far.takes(job)
    far.says(protocol.STEP, **about(job, steps={"password": "done"}))
    assert (again(job).status, again(job).steps) == (Status.CLAIMED, {"password": "done"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "splendid", "steps": {}},
        {"outcome": "applied", "steps": {"password": "maybe"}},
        {"outcome": "applied", "steps": ["password"]},
        {"outcome": "applied", "steps": {}, "reason": "because"},
        {"outcome": "applied"},
    ],
)
def test_an_outcome_that_is_none_changes_nothing(
    wrong: dict[str, Any], far: FarSide, dora: User, office: Connector
) -> None:
    job = submit(dora, office)
    far.takes(job)
    with pytest.raises(protocol.Malformed):
        far.says(protocol.RESULT, **about(job, **wrong))
    assert again(job).status == Status.CLAIMED


def test_q1_the_password_stands_nowhere_in_the_database_or_the_answer(
    far: FarSide, dora: User, office: Connector
) -> None:
    """Also Q6."""
    job = submit(dora, office)
    handed = far.takes(job)
    assert handed
    everything = repr(again(job).__dict__) + json.dumps(handed.answer) + bytes(job.sealed).decode()
    for form in (PASSWORD, PASSWORD.encode("utf-16-le").hex(), protocol.to_text(PASSWORD.encode())):
        assert form not in everything


def test_only_what_is_queued_and_timely_and_free_wakes_anybody(far: FarSide, dora: User, office: Connector) -> None:
    first = submit(dora, office)
    assert queued([office.pk]) == [(first.pk, office.pk)]
    far.takes(first)
    second = submit(dora, office, "Second-Passw0rd")
    assert queued([office.pk]) == []  # nobody is at work on one account twice
    far.says(protocol.RESULT, **about(first, **DONE))
    assert queued([office.pk]) == [(second.pk, office.pk)]
    assert second.operation == Operation.RESET
