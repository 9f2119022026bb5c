"""What somebody who is signed in can't shake off: counters, the need for a proof, and the end of the sessions."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tenants
from accounts.methods import AuthenticatorType, Method
from accounts.models import Tenant, User
from policy import hashing, passwords, throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import buckets, own_account, registering_at_once, registration, signin, unblocking
from reset.own_challenges import Checked
from reset.password_proof import account_key_of
from reset.requests import NotOffered, TooOften
from tests import wizard
from tests.reset import journeys
from tests.reset.registering import ADDRESS, HERE, answer, begin, begin_proof, code_for, confirm, held
from tests.reset.signing_in import PASSWORD, give_app, post_sign_in, reloaded
from tests.reset.test_security_info import INFO, prove, text_of

MAIL = AuthenticatorType.EMAIL


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


def leave_everywhere(user: User) -> User:
    own_account.sign_out_everywhere(user, HERE, timezone.now())
    return reloaded(user)


def miss_five_times(user: User) -> None:
    challenge = begin_proof(user, held(user, MAIL)[0])
    wrong = wizard.wrong_code(wizard.last_code())
    assert [answer(challenge, wrong) for _ in range(5)] == [Checked.WRONG] * 5


def test_o1_leaving_every_session_gives_no_new_attempts(alice: User) -> None:
    miss_five_times(alice)
    after = leave_everywhere(alice)
    challenge = begin_proof(after, held(after, MAIL)[0])
    with pytest.raises(TooOften):
        answer(challenge, wizard.last_code())


def test_o1_nor_new_attempts_in_the_wizard(alice: User, open_policy: ResetPolicy) -> None:
    journeys.use_up_failures(alice)
    account = account_key_of(leave_everywhere(alice))
    counter = Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account))
    assert throttle.look(counter)[0].is_used_up


def test_o1_nor_new_codes_at_the_console(alice: User) -> None:
    give_app(alice)
    for _ in range(5):
        signin.enter_console(alice, "000000", HERE)
    assert signin.enter_console(leave_everywhere(alice), "000000", HERE) == signin.CodeResult.THROTTLED


def test_p5_leaving_every_session_gives_no_new_text_messages(alice: User, open_policy: ResetPolicy) -> None:
    person = alice
    for number in range(5):
        begin(person, Method.SMS, f"+491511555{number:04d}")
        person = leave_everywhere(person)
    with pytest.raises(TooOften):
        begin(person, Method.SMS, "+4915115559999")


def test_staff_unblock_what_was_missed_while_signed_in(alice: User) -> None:
    miss_five_times(alice)
    assert unblocking.unblock(alice)
    challenge = begin_proof(alice, held(alice, MAIL)[0])
    assert answer(challenge, wizard.last_code()) == Checked.RIGHT


def test_a_completed_reset_gives_new_attempts(alice: User, open_policy: ResetPolicy) -> None:
    miss_five_times(alice)
    journeys.finish(journeys.Browser())
    after = reloaded(alice)
    assert answer(begin_proof(after, held(after, MAIL)[0]), wizard.last_code()) == Checked.RIGHT


def test_s7_a_page_that_waited_changes_nothing_after_the_sessions_ended(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "questions", "recovery_code"])
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    code = code_for(challenge)
    leave_everywhere(alice)
    now, (row,) = timezone.now(), held(alice, MAIL)
    with pytest.raises(NotOffered):
        registering_at_once.save_questions(alice, journeys.ANSWERS, HERE, now)
    with pytest.raises(NotOffered):
        registering_at_once.make_recovery_codes(alice, HERE, now)
    assert not registration.rename(alice, row.pk, "x", HERE)
    assert not registration.remove(alice, row.pk, HERE, now)
    assert confirm(challenge, code) == Checked.WRONG
    assert [other.pk for other in held(alice, MAIL)] == [row.pk]


def signed_in(user: User) -> Any:
    client: Any = Client()
    post_sign_in(client, user.principal_name, PASSWORD)
    return client


def test_s7_another_session_sees_and_confirms_nothing_that_this_one_began(
    alice: User, open_policy: ResetPolicy
) -> None:
    mine, other = signed_in(alice), signed_in(alice)
    prove(mine)
    place = mine.post(f"{INFO}add/app_code/", {"label": ""}).url
    assert mine.get(place).status_code == 200
    assert other.get(place).status_code == 302
    assert other.post(place, {"code": "000000"}).status_code == 302


def test_s7_the_passwords_proof_ends_with_the_first_method(acme: Tenant, bob: User, open_policy: ResetPolicy) -> None:
    for row in held(bob, MAIL):
        row.delete()
    client: Any = Client()
    post_sign_in(client, bob.principal_name, "old-password-2")
    session = client.session
    session["password_proved_at"] = (timezone.now() - timedelta(minutes=11)).isoformat()
    session.save()
    asked = client.get(f"{INFO}add/email/").url
    client.post(asked, {"password": "old-password-2"})
    assert client.get(f"{INFO}add/email/").status_code == 200
    give_app(bob)
    assert client.get(f"{INFO}add/email/").url.startswith(f"{INFO}prove/")


def test_an_answer_to_questions_that_were_used_meanwhile_is_a_page(
    alice: User, open_policy: ResetPolicy, monkeypatch: Any
) -> None:
    journeys.give_questions(alice)
    client = signed_in(alice)
    page = client.get(f"{INFO}prove/")
    offer = next(offer for offer in page.context["offers"] if offer.method == "questions")
    place = client.post(f"{INFO}prove/", {"offer": f"questions:{offer.authenticator_id}"}).url

    def used(challenge: Any) -> None:
        raise NotOffered

    monkeypatch.setattr("reset.own_challenges._store", used)
    assert "Please choose again." in text_of(client.post(place, {"answer_0": "x"}))


def test_a_child_of_a_process_that_hashes_has_its_own_slots() -> None:
    before = hashing._slots
    try:
        hashing._slots = threading.BoundedSemaphore(1)
        with hashing._slots:
            hashing._start_afresh()
            assert passwords.hash_password("any old password")
    finally:
        hashing._slots = before


def test_where_priorities_are_forbidden_hashes_are_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("os.setpriority", forbidden)
    hashing._threads.cache_clear()
    try:
        assert passwords.hash_password("any old password")
    finally:
        hashing._threads.cache_clear()
