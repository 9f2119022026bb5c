"""Flaws of sign-in, change and reset through a directory; names as in the list of flaws that hit products like this one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.executors import NoExecutor
from accounts.models import AuditEvent, Tenant, User
from accounts.models.users import new_epoch
from accounts.visitor import Visitor
from policy import throttle
from policy.throttle import Use
from reset import asking, directory_change, housekeeping, signin
from reset.asking import Waiting
from tests.conftest import make_user
from tests.reset.in_directory import ANCHOR, NORA, OLD, North, jobs, make_north, work
from tests.reset.signing_in import is_signed_in, post_sign_in
from writeback import execution, recovery
from writeback import jobs as front_door
from writeback.connectors.orders import Operation
from writeback.jobs import Wanted
from writeback.models import WritebackJob

WAIT = "/signin/wait/"
NEW = "three blue horses"


@pytest.fixture
def north(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> North:
    monkeypatch.setattr(asking, "STEP", timedelta(microseconds=1))
    return make_north(acme, monkeypatch)


def sign_in(client: Client, password: str = OLD) -> None:
    post_sign_in(client, NORA, password)
    work()
    client.get(WAIT)


def change(client: Client) -> Any:
    return client.post("/account/", {"current_password": OLD, "new_password": NEW, "once_more": NEW})


def set_nora(north: North, **values: Any) -> None:
    with scopes_disabled():
        User.objects.filter(pk=north.nora.pk).update(**values)


def test_s9_a_waiting_page_left_alone_opens_nothing_once_the_account_changed_again(
    north: North, client: Client
) -> None:
    """Else whoever changed a password could come back hours later, past the owner's reset and past the second proof."""
    sign_in(client)
    change(client)
    work()
    set_nora(north, credentials_epoch=new_epoch())
    assert client.get(WAIT).headers["Location"] == "/signin/"
    assert not is_signed_in(client)


def test_s10_a_change_does_not_end_what_a_session_may_only_do(north: North, client: Client) -> None:
    """Let in to register a method, and to change the password first: afterwards a method is still due."""
    sign_in(client)
    set_nora(north, must_change_password=True)
    session = client.session
    session["sign_in_method_due"] = True
    session.save()
    change(client)
    work()
    client.get(WAIT)
    assert client.session.get("sign_in_method_due") is True


@pytest.mark.parametrize("names", [(NORA, "NORA@north.example"), ("nobody@north.example", "Nobody@north.example")])
def test_e2_two_sign_ins_at_once_wait_for_each_other_whoever_has_the_name(names: tuple[str, str], north: North) -> None:
    """Else the second one's time tells: only people who exist would wait."""
    for name in names:
        post_sign_in(Client(), name, "wrong")
    first, second = jobs()
    assert execution.claim(first.pk, timezone.now()) is not None
    assert execution.claim(second.pk, timezone.now()) is None


def wanted(north: North, password: str) -> WritebackJob:
    """A reset that is on its way, as if no other was seen when it was handed over."""
    connector = front_door.find_connector(north.connector.directory_id)
    assert connector is not None
    now = timezone.now()
    order = Wanted(
        connector, Operation.RESET, ANCHOR, now + front_door.FAIL_FAST_SECONDS, user=north.nora, new=password
    )
    job = front_door.prepare(order, now)
    with scopes_disabled():
        job.save()
    return job


def test_q4_an_older_job_that_was_not_seen_never_follows_a_newer_one(north: North) -> None:
    older, newer = wanted(north, "older blue horses"), wanted(north, "newer blue horses")
    with scopes_disabled():
        WritebackJob.objects.filter(pk=older.pk).update(created_at=newer.created_at - timedelta(seconds=1))
    execution.execute(newer.pk)
    assert execution.execute(older.pk) is None
    assert north.memory.writes == ["newer blue horses"]


def test_q8_switched_off_after_an_attempt_was_lost_is_not_called_nothing_changed(north: North) -> None:
    job = wanted(north, NEW)
    with scopes_disabled():
        WritebackJob.objects.filter(pk=job.pk).update(first_mark="1")
    north.set(is_on=False)
    done = execution.execute(job.pk)
    assert done is not None
    assert done.status == WritebackJob.Status.UNCONFIRMED


def test_a_directory_that_is_away_holds_up_no_other_ones_jobs(north: North) -> None:
    """Each try waits for a timeout: one is enough for a round, and what has run out is ended by another thread."""
    north.memory.is_away = True
    for number in range(3):
        post_sign_in(Client(), f"somebody{number}@north.example", "wrong")
    later = timezone.now() + timedelta(seconds=5)
    assert recovery.carry_out_waiting(later) == 1
    assert [job.status for job in jobs()] == ["failed", "queued", "queued"]
    assert recovery.recover(later + timedelta(minutes=1)) == 2


def test_sign_ins_leave_no_jobs_behind_for_months(north: North) -> None:
    post_sign_in(Client(), "somebody@north.example", "wrong")
    reset = wanted(north, NEW)
    assert housekeeping.prune(timezone.now() + timedelta(hours=23))["jobs"] == 0
    assert housekeeping.prune(timezone.now() + timedelta(hours=25))["jobs"] == 1
    assert [job.pk for job in jobs()] == [reset.pk]


def test_o5_one_right_password_gives_its_address_one_sign_in_back(north: North, client: Client) -> None:
    """Else the waiting page, opened many times at once, makes room for any number of wrong ones."""
    for number in range(3):
        post_sign_in(Client(), f"somebody{number}@north.example", "wrong")
    post_sign_in(client, NORA, OLD)
    work()
    waiting = Waiting(**client.session["waits_for"]["signin"])
    visitor = Visitor("127.0.0.1", "")
    for _ in range(3):
        outcome = signin.settle(waiting, visitor)
        assert outcome is not None
        assert outcome.user is not None
    assert throttle.look(Use(throttle.SIGN_INS_FROM_ADDRESS, visitor.network))[0].count == 3


def test_a_change_that_worked_is_not_lost_because_nobody_can_be_told(
    north: North, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any) -> None:
        raise NoExecutor

    sign_in(client)
    change(client)
    monkeypatch.setattr(directory_change, "enqueue", nobody)
    job = work()
    assert job is not None
    assert job.status == WritebackJob.Status.APPLIED
    assert client.get(WAIT).headers["Location"] == "/account/"
    assert is_signed_in(client)


def test_the_trail_says_why_a_sign_in_failed(north: North, acme: Tenant) -> None:
    make_user(acme, "off@north.example", directory=north.connector.directory, anchor="7", is_enabled=False)
    for name in ("nora", "nobody", "off"):
        client = Client()
        post_sign_in(client, f"{name}@north.example", "wrong")
        work()
        client.get(WAIT)
    with scopes_disabled():
        failed = AuditEvent.objects.filter(activity=Activity.SIGN_IN_FAILED).order_by("created_at")
        assert [event.reason for event in failed] == ["wrong_password", "unknown", "disabled"]
