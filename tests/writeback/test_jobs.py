"""Jobs as rows: what a newer one does to older ones, what a writer to the database can't do, what is erased when."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts import boxes, executors
from accounts.identifiers import new_id
from accounts.models import Tenant, User
from tests.reset.in_directory import OLD
from tests.writeback.job_life import NEW, JobLife, make_job_life
from writeback import execution, jobs, recovery, tasks
from writeback.connectors.orders import Operation
from writeback.models import Connector, WritebackJob

pytestmark = pytest.mark.django_db
Status = WritebackJob.Status


@pytest.fixture
def life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> Any:
    with scopes_disabled():
        yield make_job_life(acme, monkeypatch)


def ended(life: JobLife, job: WritebackJob) -> tuple[str, bytes]:
    row = life.reload(job)
    return row.status, bytes(row.sealed)


def test_q4_a_newer_job_supersedes_a_queued_one_and_erases_it(life: JobLife) -> None:
    older, newer = life.submit("first"), life.submit("second")
    assert ended(life, older) == (Status.SUPERSEDED, b"")
    assert execution.execute(older.pk) is None
    assert execution.execute(newer.pk) is not None
    assert life.memory.writes == ["second"]


def test_a_change_takes_the_place_of_a_reset_and_an_unlock_of_neither(life: JobLife) -> None:
    reset, unlock = life.submit("first"), life.submit(operation=Operation.UNLOCK)
    change = life.submit("second", Operation.CHANGE, current=OLD)
    assert [life.reload(job).status for job in (reset, unlock, change)] == ["superseded", "queued", "queued"]


def test_sign_ins_take_nobodys_place(life: JobLife) -> None:
    reset = life.submit("first")
    sign_ins = [life.submit(operation=Operation.VERIFY, current=OLD) for _ in range(2)]
    assert {life.reload(job).status for job in (reset, *sign_ins)} == {Status.QUEUED}
    for job in sign_ins:
        execution.execute(job.pk)
        assert life.reload(job).status == Status.APPLIED


def test_a_job_that_is_at_work_is_not_superseded_and_the_newer_one_waits_for_it(life: JobLife) -> None:
    older = life.submit("first")
    newer: list[WritebackJob] = []

    def submit_and_try(place: str, _anchor: str) -> None:
        if place == "found" and not newer:
            newer.append(life.submit("second"))
            assert execution.execute(newer[0].pk) is None

    life.memory.at = submit_and_try
    execution.execute(older.pk)
    assert life.reload(older).status == Status.APPLIED
    execution.execute(newer[0].pk)
    assert life.memory.writes == ["first", "second"]


def test_q4_an_older_job_that_comes_in_later_is_not_carried_out(life: JobLife) -> None:
    """Its server stood still between making it and storing it."""
    late = life.prepare("first")
    newer = life.submit("second")
    execution.execute(newer.pk)
    jobs.submit(late, life.clock.time)
    assert execution.execute(late.pk) is None
    recovery.recover(life.clock.time)
    assert ended(life, late) == (Status.SUPERSEDED, b"")
    assert life.account.password == "second"


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_a_newer_job_that_wrote_nothing_stands_in_nobodys_way(life: JobLife, status: str) -> None:
    late = life.prepare("first")
    newer = life.submit("second")
    life.tamper(newer, status=status, sealed=b"")
    jobs.submit(late, life.clock.time)
    execution.execute(late.pk)
    assert life.account.password == "first"


def test_a_superseded_job_that_may_have_written_is_not_called_undone(life: JobLife) -> None:
    older = life.submit("first")
    life.tamper(older, first_mark="1")
    life.submit("second")
    assert ended(life, older) == (Status.UNCONFIRMED, b"")


def test_q3_nothing_is_applied_after_the_deadline_and_the_box_is_erased(life: JobLife) -> None:
    job = life.submit()
    life.clock.turn(60)
    assert execution.execute(job.pk) is None
    recovery.recover(life.clock.time)
    assert ended(life, job) == (Status.EXPIRED, b"")
    assert execution.execute(job.pk) is None
    assert recovery.carry_out_waiting(life.clock.time) == 0
    assert life.memory.writes == []


@pytest.mark.parametrize("sealed_to", ["worker", "stranger"])
def test_q2_a_forged_row_writes_nothing(life: JobLife, sealed_to: str) -> None:
    """Whoever writes to the database has our public keys, and not the key that signs."""
    job = life.submit("asked for")
    public = executors.private_key().public if sealed_to == "worker" else boxes.PrivateKey.generate().public
    box = boxes.seal_to([public], json.dumps({"new": "forged", "current": ""}).encode(), job.info)
    life.tamper(job, sealed=box)
    execution.execute(job.pk)
    assert ended(life, job) == (Status.FAILED, b"")
    assert life.memory.writes == []


@pytest.mark.parametrize(
    "change",
    [
        {"anchor": "somebody-else"},
        {"operation": Operation.CHANGE},
        {"unlock": True},
        {"must_change": True},
        {"by_administrator": True},
        {"signature": b""},
        {"signature": b"x" * 64},
        {"deadline": "later"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_q2_a_changed_row_writes_nothing(life: JobLife, change: dict[str, Any]) -> None:
    life.memory.accounts["somebody-else"] = life.account
    job = life.submit()
    if "deadline" in change:
        change = {"deadline": job.deadline + timedelta(hours=1)}
    life.tamper(job, **change)
    execution.execute(job.pk)
    assert ended(life, job) == (Status.FAILED, b"")
    assert life.memory.writes == []


def test_q2_a_job_moved_to_another_row_writes_nothing(life: JobLife) -> None:
    job = life.submit()
    values = {field.attname: getattr(job, field.attname) for field in WritebackJob._meta.concrete_fields}
    copy = WritebackJob.objects.create(**{**values, "id": new_id()})
    execution.execute(copy.pk)
    assert life.reload(copy).status == Status.FAILED
    assert life.memory.writes == []


def test_q2_a_job_moved_to_another_directory_writes_nothing(life: JobLife, globex: Tenant) -> None:
    job = life.submit()
    values = {field.attname: getattr(life.north.connector, field.attname) for field in Connector._meta.concrete_fields}
    directory = life.north.connector.directory
    directory.pk, directory.name = None, "Elsewhere"
    directory.save()
    other = Connector.objects.create(**{**values, "id": None, "directory_id": directory.pk, "servers": "ldaps://evil"})
    life.tamper(job, connector=other)
    execution.execute(job.pk)
    assert life.reload(job).status == Status.FAILED
    assert life.memory.writes == []


@pytest.mark.parametrize("name", ["nonsense", "", None, 7, "01a213e6-5c44-7189-83ee-57019d6281ed"])
def test_q2_a_forged_task_does_nothing(life: JobLife, name: Any) -> None:
    tasks.execute(name)
    assert life.memory.writes == []


def test_q2_a_task_that_comes_again_does_nothing_again(life: JobLife) -> None:
    job = life.submit()
    for _ in range(3):
        tasks.execute(str(job.pk))
    assert life.memory.writes == [NEW]


@pytest.mark.parametrize("change", [{"way": Connector.Way.AGENTS}, {"is_on": False}, {"sealed_password": b"lost"}])
def test_a_directory_that_is_reached_otherwise_or_not_any_more_gets_nothing(
    life: JobLife, change: dict[str, Any]
) -> None:
    job = life.submit()
    life.north.set(**change)
    execution.execute(job.pk)
    assert ended(life, job) == (Status.FAILED, b"")
    assert life.memory.writes == []


def test_a_lost_attempt_is_not_called_failed_by_one_that_may_not_begin(life: JobLife) -> None:
    job = life.submit()
    life.tamper(job, first_mark="1")
    life.north.set(is_on=False)
    execution.execute(job.pk)
    assert ended(life, job) == (Status.UNCONFIRMED, b"")


def test_jobs_go_with_their_user(life: JobLife) -> None:
    job = life.submit()
    User.objects.filter(pk=life.nora.pk).delete()
    assert execution.execute(job.pk) is None
    assert life.memory.writes == []


def test_a_user_deleted_while_the_job_is_at_work_disturbs_nobody(life: JobLife) -> None:
    job = life.submit()
    life.freezes("found", 0, lambda: User.objects.filter(pk=life.nora.pk).delete())
    execution.execute(job.pk)
    assert not WritebackJob.objects.exists()
    assert life.memory.writes == []
    assert recovery.recover(life.clock.time) == 0


def test_what_a_job_was_sealed_with_is_in_no_field_of_its_row(life: JobLife) -> None:
    job = life.submit("Canary-4711")
    row = WritebackJob.objects.values().get(pk=job.pk)
    assert "Canary-4711" not in repr({name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()})
