"""Signing in with a password that a directory checks, and changing it there."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import executors
from accounts.audit import Activity
from accounts.models import AuditEvent, Domain, Tenant, User
from notifications.models import Message
from reset import asking
from reset.models import OwnChallenge
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.in_directory import NORA, OLD, North, jobs, make_north, work
from tests.reset.signing_in import PASSWORD, is_signed_in, post_sign_in
from writeback import recovery
from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.orders import Operation
from writeback.models import WritebackJob

WAIT, WAITING, NEW_PASSWORD = "/signin/wait/", "/signin/waiting/", "/signin/new-password/"
NEUTRAL = "That user name or password isn't right."
NEW = "three blue horses"


@pytest.fixture
def north(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> North:
    monkeypatch.setattr(asking, "STEP", timedelta(microseconds=1))  # no test waits for a step of time
    return make_north(acme, monkeypatch)


def answer(client: Client, name: str, password: str) -> Any:
    """Sign in, let the worker ask the directory, and go on."""
    assert post_sign_in(client, name, password).headers["Location"] == WAIT
    work()
    return client.get(WAIT)


def told(client: Client, response: Any) -> str:
    return html.unescape(client.get(response.headers["Location"]).content.decode())


def events(activity: str) -> list[AuditEvent]:
    with scopes_disabled():
        return list(AuditEvent.objects.filter(activity=activity))


def test_the_directorys_password_lets_in(north: North, client: Client) -> None:
    assert answer(client, NORA, OLD).headers["Location"] == "/account/"
    assert is_signed_in(client)
    assert events(Activity.SIGNED_IN)[0].target_id == north.nora.pk


def test_nobody_is_in_while_the_directory_is_asked(north: North, client: Client) -> None:
    post_sign_in(client, NORA, OLD)
    assert not is_signed_in(client)
    page = html.unescape(client.get(WAIT).content.decode())
    assert "Asking your organisation's directory" in page
    assert client.get(WAITING).json()["waits"] is True
    work()
    assert client.get(WAITING).json() == {"waits": False}
    assert not is_signed_in(client)
    client.get(WAIT)
    assert is_signed_in(client)


@pytest.mark.parametrize("name", [NORA, "nobody@north.example"])
def test_e1_a_wrong_password_and_a_name_nobody_has_read_the_same(name: str, north: North, client: Client) -> None:
    response = answer(client, name, "wrong")
    assert NEUTRAL in told(client, response)
    assert not is_signed_in(client)
    assert jobs()[-1].operation == Operation.VERIFY


def test_e2_all_names_of_a_directory_are_asked_for_by_the_same_statements(north: North, acme: Tenant) -> None:
    make_user(acme, "off@north.example", directory=north.connector.directory, anchor="7", is_enabled=False)
    make_user(acme, "kept@north.example", PASSWORD)
    executors.current_keys()  # known for a minute, whoever asks first
    seen = set()
    for name in ("nora", "nobody", "off", "kept"):
        client = Client()
        with journeys.statements() as asked:
            post_sign_in(client, f"{name}@north.example", "wrong")
        work()
        with journeys.statements() as settled:
            client.get(WAIT)
        seen.add((tuple(asked), tuple(settled)))
    assert len(seen) == 1


def test_e2_an_answer_is_held_back_to_a_step_of_time(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    make_north(acme, monkeypatch)
    client = Client()
    post_sign_in(client, NORA, OLD)
    work()
    job = jobs()[-1]
    kept = asking.Waiting(**client.session["waits_for"]["signin"])
    assert asking.answer_to(kept, job.created_at + timedelta(milliseconds=249)) is None
    assert asking.answer_to(kept, job.created_at + timedelta(milliseconds=251)) == "right"


def test_while_it_is_away_nobody_is_called_wrong(north: North, client: Client) -> None:
    post_sign_in(client, NORA, OLD)
    north.memory.is_away = True
    work()
    assert "can't be reached at the moment" in told(client, client.get(WAIT))
    north.set(answer="unreachable")
    page = html.unescape(post_sign_in(client, NORA, OLD).content.decode())
    assert "can't be reached at the moment" in page


def test_a_job_nobody_did_ends_in_the_same_words(north: North, client: Client) -> None:
    post_sign_in(client, NORA, OLD)
    with scopes_disabled():
        WritebackJob.objects.update(deadline=timezone.now())
    recovery.recover()
    assert "can't be reached at the moment" in told(client, client.get(WAIT))


def test_writeback_may_be_off_and_people_sign_in_all_the_same(north: North, client: Client) -> None:
    north.set(is_on=False)
    answer(client, NORA, OLD)
    assert is_signed_in(client)


def test_the_directory_is_not_asked_when_two_tries_are_left(north: North, client: Client) -> None:
    north.account.tries_left = 2
    response = answer(client, NORA, OLD)
    assert NEUTRAL in told(client, response)
    assert jobs()[-1].reason == Reason.TOO_FEW_TRIES


def test_wrong_passwords_count_here_before_the_directory_is_asked(north: North, client: Client) -> None:
    north.account.tries_left = None
    for number in range(10):
        answer(client, NORA, f"wrong {number}")
    page = post_sign_in(client, NORA, OLD).content.decode()
    assert "Too many tries" in page
    assert len(jobs()) == 10


def test_somebody_kept_here_under_the_domain_gets_in_even_while_the_directory_is_away(
    north: North, client: Client, acme: Tenant
) -> None:
    make_user(acme, "breakglass@north.example", PASSWORD)
    assert answer(client, "breakglass@north.example", PASSWORD).headers["Location"] == "/account/"
    north.set(answer="unreachable")
    other = Client()
    assert post_sign_in(other, "breakglass@north.example", PASSWORD).headers["Location"] == "/account/"
    page = post_sign_in(Client(), "breakglass@north.example", "wrong").content.decode()
    assert "can&#x27;t be reached at the moment" in page


def test_federated_people_are_sent_to_their_own_sign_in(north: North, client: Client) -> None:
    with scopes_disabled():
        Domain.objects.filter(pk=north.domain.pk).update(authority="federated", home_url="https://idp.north.example/")
    for name in (NORA, "nobody@north.example"):
        page = post_sign_in(client, name, OLD).content.decode()
        assert "https://idp.north.example/" in page
    assert not jobs()


def test_a_disabled_account_is_not_let_in(north: North, client: Client) -> None:
    north.account.is_disabled = True
    response = answer(client, NORA, OLD)
    assert NEUTRAL in told(client, response)


def test_an_account_that_changed_while_the_directory_was_asked_is_not_let_in(north: North, client: Client) -> None:
    post_sign_in(client, NORA, OLD)
    work()
    with scopes_disabled():
        User.objects.filter(pk=north.nora.pk).update(is_enabled=False)
    assert NEUTRAL in told(client, client.get(WAIT))


class TestChange:
    def change(self, client: Client, current: str = OLD, new: str = NEW, address: str = "/account/") -> Any:
        return client.post(address, {"current_password": current, "new_password": new, "once_more": new})

    def test_a_known_password_is_changed_in_the_directory(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        other = Client()
        answer(other, NORA, OLD)
        assert self.change(client).headers["Location"] == WAIT
        work()
        assert client.get(WAIT).headers["Location"] == "/account/"
        assert "Your password was changed." in client.get("/account/").content.decode()
        assert north.account.password == NEW
        assert not is_signed_in(other)
        with scopes_disabled():
            assert Message.objects.filter(kind="password_was_changed").exists()
        assert events(Activity.PASSWORD_CHANGED)[0].client_address == "127.0.0.1"

    def test_a_wrong_current_password_changes_nothing_and_keeps_the_session(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        self.change(client, "wrong")
        work()
        assert client.get(WAIT).headers["Location"] == "/account/"
        assert "isn&#x27;t your current password" in client.get("/account/").content.decode()
        assert north.account.password == OLD

    def test_a_wrong_current_password_is_no_fresh_proof(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        session = client.session
        session["password_proved_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
        session.save()
        self.change(client, "wrong")
        work()
        client.get(WAIT)
        assert client.session["password_proved_at"] < (timezone.now() - timedelta(minutes=30)).isoformat()
        with scopes_disabled():
            assert not OwnChallenge.objects.exists()

    def test_what_the_directory_rejects_is_told_in_words(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        north.memory.refuses = DirectoryError(Reason.IN_HISTORY)
        self.change(client)
        work()
        client.get(WAIT)
        assert "You have used this password before" in client.get("/account/").content.decode()

    def test_our_own_rules_come_first(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        assert self.change(client, new="short").status_code == 200
        assert [job.operation for job in jobs()] == [Operation.VERIFY]

    def test_a_password_that_is_due_is_changed_on_the_way_in(self, north: North, client: Client) -> None:
        north.account.must_change = True
        assert answer(client, NORA, OLD).headers["Location"] == NEW_PASSWORD
        assert not is_signed_in(client)
        assert "wants a new password" in client.get(NEW_PASSWORD).content.decode()
        assert events(Activity.PASSWORD_IS_DUE)
        assert not events(Activity.SIGNED_IN)
        assert self.change(client, address=NEW_PASSWORD).headers["Location"] == WAIT
        work()
        assert client.get(WAIT).headers["Location"] == "/account/"
        assert is_signed_in(client)
        assert north.account.password == NEW
        assert events(Activity.SIGNED_IN)

    def test_a_wrong_current_password_on_the_way_in_lets_nobody_in(self, north: North, client: Client) -> None:
        north.account.must_change = True
        answer(client, NORA, OLD)
        self.change(client, "wrong", address=NEW_PASSWORD)
        work()
        assert client.get(WAIT).headers["Location"] == NEW_PASSWORD
        assert not is_signed_in(client)
        assert "isn&#x27;t your current password" in client.get(NEW_PASSWORD).content.decode()

    def test_q1_neither_password_is_anywhere_but_in_the_box(self, north: North, client: Client) -> None:
        answer(client, NORA, OLD)
        self.change(client, OLD, "Zx-CANARY-blue")
        with scopes_disabled():
            rows = [str(row) for row in WritebackJob.objects.values()]
        assert not any("Zx-CANARY-blue" in row or OLD in row for row in rows)
        assert "CANARY" not in str(dict(client.session))
        work()
        assert north.account.password == "Zx-CANARY-blue"
