"""A reset of somebody whose password a directory keeps: handed over, seen on its way, and told as it turned out."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import executors
from accounts.audit import Activity
from accounts.models import AuditEvent, Tenant, User
from notifications.models import Message
from policy.models import ResetPolicy
from reset import decoys
from reset.models import ResetRequest, State
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.in_directory import ANCHOR, NORA, OLD, North, jobs, make_north, work
from tests.reset.journeys import NEW, PASSWORD, STATUS, VERIFY, Browser, begin, newest, prove
from writeback import recovery
from writeback.connectors.base import DirectoryError, Reason
from writeback.models import Connector, WritebackJob

Status = WritebackJob.Status


@pytest.fixture
def north(acme: Tenant, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch) -> North:
    return make_north(acme, monkeypatch)


def submit(client: Browser, password: str = NEW) -> Any:
    return client.post(PASSWORD, {"password": password, "again": password})


def events(activity: str) -> list[AuditEvent]:
    with scopes_disabled():
        return list(AuditEvent.objects.filter(activity=activity))


def fresh(user: User) -> User:
    with scopes_disabled():
        return User.objects.get(pk=user.pk)


def test_a_new_password_lands_in_the_directory(north: North) -> None:
    client, before = Browser(), north.nora.credentials_epoch
    prove(client, NORA)
    assert submit(client).url == STATUS
    assert newest().state == State.WRITING
    assert work() is not None
    assert north.account.password == NEW
    assert newest().state == State.COMPLETED
    page = client.get(STATUS).content.decode()
    assert "Your password was changed" in page
    assert "Password set" in page
    assert fresh(north.nora).credentials_epoch != before
    assert not fresh(north.nora).has_usable_password()


def test_q8_nothing_is_called_done_before_the_directory_said_so(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    submit(client)
    page = client.get(STATUS).content.decode()
    assert "Setting your password" in page
    assert "Your password was changed" not in page
    assert not events(Activity.PASSWORD_RESET)
    with scopes_disabled():
        assert not Message.objects.filter(kind="password_was_reset").exists()
    work()
    with scopes_disabled():
        assert Message.objects.filter(kind="password_was_reset").exists()
    assert events(Activity.PASSWORD_RESET)[0].details["steps"] == {"password": "done", "unlock": "not_needed"}


def test_the_stages_are_seen_as_they_are_reached(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    submit(client)
    waiting = client.get("/reset/verify/waiting/").json()
    assert waiting["waits"] is True
    assert "Waiting to be picked up" in waiting["stages"]
    work()
    assert client.get("/reset/verify/waiting/").json() == {"waits": False}


def test_a_rejected_password_leads_back_without_a_new_proof(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    north.memory.refuses = DirectoryError(Reason.IN_HISTORY, "19 0000052D")
    submit(client)
    work()
    assert newest().state == State.VERIFIED
    assert client.get(STATUS).url == PASSWORD
    assert "You have used this password before" in client.get(PASSWORD).content.decode()
    assert north.account.password == OLD
    north.memory.refuses = None
    submit(client, "four green horses")
    work()
    assert newest().state == State.COMPLETED
    assert north.account.password == "four green horses"


def test_after_ten_rejections_it_is_over(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    north.memory.refuses = DirectoryError(Reason.POLICY)
    for number in range(10):
        assert submit(client, f"{number} blue horses run").url == STATUS
        work()
    assert newest().state == State.FAILED
    assert "took none of these passwords" in client.get(STATUS).content.decode()


def test_who_changed_it_a_moment_ago_hears_why_it_is_too_soon(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    north.memory.refuses = DirectoryError(Reason.TOO_YOUNG)
    submit(client)
    work()
    page = client.get(STATUS).content.decode()
    assert "Your password was not changed" in page
    assert "wants it kept for longer" in page


def test_a_locked_account_is_unlocked_with_its_reset(north: North) -> None:
    north.account.is_locked = True
    client = Browser()
    prove(client, NORA)
    submit(client)
    work()
    assert not north.account.is_locked
    assert "Account unlocked" in client.get(STATUS).content.decode()


def test_while_the_directory_is_away_everybody_under_its_domain_hears_so_first(north: North) -> None:
    north.set(answer="unreachable")
    for name in (NORA, "nobody@north.example"):
        client = Browser()
        assert wizard.start(client, name).url == STATUS
        assert "can&#x27;t be reached at the moment" in client.get(STATUS).content.decode()
        assert newest().state == State.FAILED


def test_a_look_long_ago_is_no_look(north: North) -> None:
    north.set(reached_at=timezone.now() - timedelta(minutes=5))
    assert wizard.start(Browser(), NORA).url == STATUS


def test_switched_off_writeback_stops_at_once_and_keeps_what_is_set_up(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    north.set(is_on=False)
    submit(client)
    assert newest().state == State.FAILED
    assert wizard.start(Browser(), NORA).url == STATUS
    assert north.account.password == OLD


def test_a_job_that_was_queued_when_writeback_was_switched_off_writes_nothing(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    submit(client)
    north.set(is_on=False)
    work()
    assert north.account.password == OLD
    assert newest().state == State.FAILED


def test_an_organisation_may_have_passwords_held_until_the_directory_is_back(north: North) -> None:
    north.set(patience=Connector.Patience.HOLD, answer="unreachable")
    client = Browser()
    prove(client, NORA)
    submit(client)
    assert jobs()[-1].deadline >= newest().expires_at - timedelta(seconds=1)


def test_a_password_that_is_held_is_set_once_the_directory_is_back(north: North) -> None:
    north.set(patience=Connector.Patience.HOLD, answer="unreachable")
    client = Browser()
    prove(client, NORA)
    submit(client)
    north.memory.is_away = True
    work()
    assert (jobs()[-1].status, newest().state) == (Status.QUEUED, State.WRITING)
    assert "Waiting to be picked up" in client.get(STATUS).content.decode()
    north.memory.is_away = False
    later = timezone.now() + timedelta(seconds=6)
    assert recovery.carry_out_waiting(later) == 0
    north.set(answer="")
    recovery.carry_out_waiting(later)
    assert newest().state == State.COMPLETED
    assert len(north.memory.writes) == 1


def test_a_password_that_is_held_is_erased_when_the_request_is_over(north: North) -> None:
    north.set(patience=Connector.Patience.HOLD, answer="unreachable")
    client = Browser()
    prove(client, NORA)
    submit(client)
    north.memory.is_away = True
    work()
    recovery.recover(timezone.now() + timedelta(minutes=20))
    assert (jobs()[-1].status, bytes(jobs()[-1].sealed)) == (Status.EXPIRED, b"")
    assert newest().state == State.FAILED


def test_q3_a_job_nobody_picked_up_in_time_is_erased_and_the_user_told(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    submit(client)
    recovery.recover(timezone.now() + timedelta(minutes=2))
    job = jobs()[-1]
    assert (job.status, bytes(job.sealed)) == (Status.EXPIRED, b"")
    assert newest().state == State.FAILED
    assert "could not be reached in time" in client.get(STATUS).content.decode()
    assert work() is None
    assert north.account.password == OLD


def test_q4_a_newer_reset_takes_the_place_of_a_queued_one(north: North) -> None:
    first, second = Browser(), Browser()
    prove(first, NORA)
    submit(first, "first blue horses")
    with scopes_disabled():
        older = ResetRequest.objects.get(state=State.WRITING)
    prove(second, NORA)
    submit(second, "second blue horses")
    assert [job.status for job in jobs()] == [Status.SUPERSEDED, Status.QUEUED]
    assert bytes(jobs()[0].sealed) == b""
    with scopes_disabled():
        assert ResetRequest.objects.get(pk=older.pk).state == State.FAILED
    work()
    assert north.memory.writes == ["second blue horses"]


def test_what_nobody_knows_is_called_so(north: North) -> None:
    client = Browser()
    prove(client, NORA)
    north.memory.refuses = DirectoryError(Reason.UNREACHABLE, "-1", may_have_happened=True)
    submit(client)
    work()
    assert newest().state == State.UNCONFIRMED
    page = client.get(STATUS).content.decode()
    assert "We don&#x27;t know yet" in page
    assert "new password first, then with the old one" in page


def test_who_may_not_change_their_password_is_no_worse_off_than_a_stranger(north: North, acme: Tenant) -> None:
    with scopes_disabled():
        User.objects.filter(pk=north.nora.pk).update(cannot_change_password=True)
    assert begin(Browser(), NORA).user_id is None
    acme.disclosure = Tenant.Disclosure.HELPFUL
    acme.save()
    client = Browser()
    assert wizard.start(client, NORA).url == STATUS
    assert "only an administrator" in client.get(STATUS).content.decode()


def test_e2_all_names_of_a_directory_take_the_same_pages_by_the_same_statements(
    north: North, acme: Tenant, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One decoy in eight looks like an administrator, and which one hangs on the tenant's number: they have other methods.
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 1 << 60)
    open_policy.methods = ["email"]
    open_policy.save()
    flags: dict[str, dict[str, Any]] = {
        "off": {"is_enabled": False},
        "guarded": {"is_protected_in_directory": True},
        "bound": {"cannot_change_password": True},
    }
    for number, (name, values) in enumerate(flags.items()):
        make_user(acme, f"{name}@north.example", directory=north.connector.directory, anchor=str(number), **values)
    executors.current_keys()  # known for a minute, whoever asks first
    seen = set()
    for name in ("nora", "nobody", *flags):
        client = Browser()
        with journeys.statements() as begun:
            assert wizard.start(client, f"{name}@north.example").url == VERIFY
        with journeys.statements() as chosen:
            wizard.choose(client, client.get(VERIFY).context["offers"][0].method)
        with journeys.statements() as answered:
            wizard.answer(client, "000000")
        seen.add((tuple(begun), tuple(chosen), tuple(answered)))
    assert len(seen) == 1


def test_the_page_says_where_the_password_holds_later(north: North) -> None:
    with scopes_disabled():
        north.domain.copies_minutes = 2
        north.domain.save()
    client = Browser()
    prove(client, NORA)
    submit(client)
    work()
    page = client.get(STATUS).content.decode()
    assert "up to 2 minutes" in page
    assert "away from the office" in page


class TestUnlock:
    @pytest.fixture(autouse=True)
    def _allowed(self, open_policy: ResetPolicy) -> None:
        open_policy.unlock_without_reset = True
        open_policy.save()

    def unlock(self, client: Browser) -> ResetRequest:
        wizard.start(client, NORA, "locked")
        wizard.choose(client, "email")
        assert wizard.answer(client, wizard.last_code()).url == STATUS
        return newest()

    def test_the_directorys_lock_is_taken_off_and_the_password_kept(self, north: North) -> None:
        north.account.is_locked = True
        client = Browser()
        assert self.unlock(client).state == State.WRITING
        work()
        assert not north.account.is_locked
        assert north.account.password == OLD
        page = client.get(STATUS).content.decode()
        assert "Your account is unlocked" in page
        assert "Account unlocked" in page

    def test_whether_it_was_locked_is_told_only_after_the_proof(self, north: North) -> None:
        client = Browser()
        self.unlock(client)
        work()
        assert "The account was not locked" in client.get(STATUS).content.decode()

    def test_the_fourth_in_a_day_is_one_too_many(self, north: North) -> None:
        for _number in range(3):
            assert self.unlock(Browser()).state == State.WRITING
            work()
        client = Browser()
        assert self.unlock(client).state == State.FAILED
        assert "unlocked three times" in client.get(STATUS).content.decode()


def test_q1_the_password_is_nowhere_but_in_its_sealed_box(north: North) -> None:
    client, canary = Browser(), "Zx-CANARY-blue-horses"
    prove(client, NORA)
    submit(client, canary)
    job = jobs()[-1]
    assert canary.encode() not in bytes(job.sealed)
    assert job.anchor == ANCHOR
    work()
    assert north.account.password == canary
    with scopes_disabled():
        rows = [str(row) for row in WritebackJob.objects.values()] + [str(row) for row in ResetRequest.objects.values()]
        rows += [str(row) for row in AuditEvent.objects.values()]
    assert not any(canary in row for row in rows)
    assert bytes(jobs()[-1].sealed) == b""
