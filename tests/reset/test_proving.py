"""A fresh proof before a change: how long it holds, what gives it, and what its failures cost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity
from accounts.executors import NoExecutor
from accounts.methods import AuthenticatorType, Method
from accounts.models import AuditEvent, Authenticator, Directory, ExecutorKey, Tenant, User
from accounts.models.users import new_epoch
from policy import hashing, lockout, passwords
from policy.models import ResetPolicy, SignInLockout
from reset import own_challenges, proving, registration, signin
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.password_proof import Failure, account_key_of
from reset.requests import NotOffered, TooOften
from tests import wizard
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.journeys import ANSWERS, VERIFY, Browser, give_questions
from tests.reset.registering import ADDRESS, HERE, HOME, NUMBER, answer, begin_proof, held
from tests.reset.signing_in import PASSWORD, code_of, events, give_app, reloaded

MAIL, PHONE = AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


def ways(user: User, imported_counts: bool = False) -> list[tuple[Method, Authenticator]]:
    return proving.ways(user, imported_counts, timezone.now())


def answers_of(challenge: OwnChallenge) -> list[str]:
    return [ANSWERS[question] for question in challenge.questions]


def by_password(user: User, password: str, now: datetime | None = None) -> Failure | None:
    return proving.by_password(user, password, HERE, now or timezone.now()).failure


@pytest.mark.parametrize(
    ("proved_at", "is_fresh"),
    [
        (NOW.isoformat(), True),
        ((NOW - TEN + SECOND).isoformat(), True),
        ((NOW - TEN).isoformat(), False),
        ((NOW + SECOND).isoformat(), False),
        ("2026-03-01T13:00:00+01:00", True),
        ("2026-03-01T12:00:00", False),
        ("2026-03-01", False),
        ("1772366400", False),
        ("never", False),
        ("", False),
    ],
    ids=["now", "last-moment", "over", "future", "other-zone", "no-zone", "day", "number", "word", "empty"],
)
def test_a_proof_holds_for_ten_minutes(proved_at: str, is_fresh: bool) -> None:
    assert proving.is_fresh(proved_at, "epoch", User(credentials_epoch="epoch"), NOW) is is_fresh


@pytest.mark.parametrize("epoch", ["", "other", "EPOCH"])
def test_a_proof_under_other_credentials_holds_no_more(epoch: str) -> None:
    assert not proving.is_fresh(NOW.isoformat(), epoch, User(credentials_epoch="epoch"), NOW)


def test_what_is_held_gives_the_ways_in_the_order_of_registering(alice: User) -> None:
    app = give_app(alice)
    assert [method for method, _ in ways(alice)] == [Method.EMAIL, Method.SMS, Method.CALL, Method.APP_CODE]
    assert ways(alice)[-1] == (Method.APP_CODE, app)


def test_nobody_elses_methods_are_ways(alice: User, bob: User) -> None:
    assert {row.user_id for _, row in ways(bob)} == {bob.pk}


def test_who_holds_nothing_has_no_way_but_the_password(acme: Tenant) -> None:
    assert ways(make_user(acme, "carol@acme.example", PASSWORD)) == []


def test_an_address_begun_and_not_confirmed_is_no_way(alice: User) -> None:
    make_authenticator(alice, MAIL, ADDRESS, confirmed_at=None)
    assert ADDRESS not in {row.secret_value for _, row in ways(alice, imported_counts=True)}


def test_what_was_imported_is_a_way_where_the_organisation_says_so(acme: Tenant) -> None:
    carol = make_user(acme, "carol@acme.example")
    make_authenticator(carol, PHONE, NUMBER, confirmed_at=None, source=Authenticator.Source.IMPORT)
    assert ways(carol) == []
    assert [method for method, _ in ways(carol, imported_counts=True)] == [Method.SMS, Method.CALL]


@pytest.mark.parametrize(("voice_url", "methods"), [("captured://", [Method.OFFICE_CALL]), ("", [])])
def test_an_office_phone_is_a_way_where_calls_can_be_made(
    voice_url: str, methods: list[Method], acme: Tenant, settings: Any
) -> None:
    settings.VOICE_URL = voice_url
    carol = make_user(acme, "carol@acme.example")
    make_authenticator(carol, AuthenticatorType.OFFICE_PHONE, NUMBER)
    assert [method for method, _ in ways(carol)] == methods


def test_fewer_answered_questions_than_are_asked_are_no_way(acme: Tenant) -> None:
    """They could never be answered, and would keep their person from proving it with the password."""
    carol = make_user(acme, "carol@acme.example", PASSWORD)
    give_questions(carol, {"first_car": "Saab", "first_job": "Bern"})
    assert ways(carol) == []


@pytest.mark.parametrize("kind", [MAIL, PHONE])
def test_a_code_that_came_back_is_a_proof(kind: AuthenticatorType, alice: User) -> None:
    challenge = begin_proof(alice, held(alice, kind)[0])
    assert wizard.contents(wizard.last_message())["recipient"] in (HOME, "+4915112345647")
    assert answer(challenge, wizard.last_code()) == Checked.RIGHT
    (event,) = events(Activity.PROOF_GIVEN)
    assert (event.result, event.correlation_id, event.details["purpose"]) == ("success", challenge.pk, "prove")


def test_a_code_of_the_app_is_a_proof(alice: User) -> None:
    now = timezone.now()
    app = give_app(alice)
    assert answer(begin_proof(alice, app, now), code_of(app, now=now), now=now) == Checked.RIGHT


def test_three_right_answers_are_a_proof(alice: User) -> None:
    challenge = begin_proof(alice, give_questions(alice))
    assert len(challenge.questions) == 3
    assert answer(challenge, *answers_of(challenge)) == Checked.RIGHT


@pytest.mark.parametrize("given", [[], ["x", "y", "z"], ["", "", ""], ["Saab"]])
def test_wrong_answers_are_no_proof(given: list[str], alice: User) -> None:
    assert answer(begin_proof(alice, give_questions(alice)), *given) == Checked.WRONG


def test_two_right_answers_of_three_are_no_proof(alice: User) -> None:
    challenge = begin_proof(alice, give_questions(alice))
    assert answer(challenge, *answers_of(challenge)[:2], "wrong") == Checked.WRONG


def test_asking_for_a_proof_is_not_on_record_as_registering(alice: User) -> None:
    begin_proof(alice, held(alice, MAIL)[0])
    assert not events(Activity.METHOD_STARTED)


def test_a_proof_registers_and_tells_nothing(alice: User) -> None:
    before = Authenticator.objects.count()
    answer(begin_proof(alice, held(alice, MAIL)[0]), wizard.last_code())
    assert Authenticator.objects.count() == before
    assert [message.kind for message in journeys.messages()] == ["passcode"]


def test_a_code_of_five_minutes_is_too_old_for_a_proof(alice: User) -> None:
    now = timezone.now()
    challenge = begin_proof(alice, held(alice, MAIL)[0], now)
    assert answer(challenge, wizard.last_code(), now=now + timedelta(minutes=5)) == Checked.TOO_LATE
    assert answer(challenge, wizard.last_code(), now=now + timedelta(minutes=5) - SECOND) == Checked.RIGHT


def test_s4_nobody_elses_method_is_offered(alice: User, bob: User) -> None:
    with pytest.raises(NotOffered):
        begin_proof(alice, held(bob, MAIL)[0])


def test_a_method_that_this_one_does_not_serve_is_not_offered(alice: User) -> None:
    (phone,) = held(alice, PHONE)
    for method in ("email", "app_code", "", "sms "):
        with pytest.raises(NotOffered):
            proving.begin(alice, method, phone.pk, False, "en", HERE, timezone.now())


def test_nothing_is_asked_without_a_worker_to_send_the_code(alice: User) -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()
    with pytest.raises(NoExecutor):
        begin_proof(alice, held(alice, MAIL)[0])
    assert not OwnChallenge.objects.exists()


def test_o1_the_sixth_answer_of_a_day_is_not_compared(alice: User) -> None:
    now = timezone.now()
    challenge = begin_proof(alice, held(alice, MAIL)[0], now)
    code = wizard.last_code()
    for _ in range(5):
        assert answer(challenge, wizard.wrong_code(code), now=now) == Checked.WRONG
    with pytest.raises(TooOften) as wait:
        answer(challenge, code, now=now)
    assert wait.value.ends_at == now + timedelta(hours=24)
    assert [event.reason for event in events(Activity.PROOF_FAILED)] == [*["wrong_answer"] * 5, "too_many_failures"]


def test_o1_failures_add_up_over_methods(alice: User) -> None:
    for row in (held(alice, MAIL)[0], give_app(alice), give_questions(alice), held(alice, PHONE)[0], give_app(alice)):
        assert answer(begin_proof(alice, row), "wrong") == Checked.WRONG
    challenge = begin_proof(alice, held(alice, MAIL)[0])
    with pytest.raises(TooOften):
        answer(challenge, wizard.last_code())


def test_o1_right_answers_cost_nothing(alice: User) -> None:
    questions = give_questions(alice)
    for _ in range(7):
        challenge = begin_proof(alice, questions)
        assert answer(challenge, *answers_of(challenge)) == Checked.RIGHT


def test_o4_a_code_is_a_proof_once(alice: User) -> None:
    challenge = begin_proof(alice, held(alice, MAIL)[0])
    assert answer(challenge, wizard.last_code()) == Checked.RIGHT
    assert answer(challenge, wizard.last_code()) == Checked.WRONG
    assert own_challenges.find(alice, str(challenge.pk), Purpose.PROVE, timezone.now()) is None
    assert len(events(Activity.PROOF_GIVEN)) == 1


def test_o7_renewed_credentials_end_a_challenge(alice: User) -> None:
    challenge = begin_proof(alice, held(alice, MAIL)[0])
    journeys.change(alice, credentials_epoch=new_epoch())
    assert own_challenges.find(reloaded(alice), str(challenge.pk), Purpose.PROVE, timezone.now()) is None
    assert answer(challenge, wizard.last_code()) == Checked.WRONG


@pytest.mark.parametrize("kind", [MAIL, PHONE])
def test_o7_a_code_sent_to_what_was_removed_since_is_no_proof(kind: AuthenticatorType, alice: User) -> None:
    challenge = begin_proof(alice, held(alice, kind)[0])
    code = wizard.last_code()
    registration.remove(alice, held(alice, kind)[0].pk, HERE, timezone.now())
    assert answer(challenge, code) == Checked.WRONG


def test_o7_a_code_sent_to_what_was_changed_since_is_no_proof(alice: User) -> None:
    (row,) = held(alice, MAIL)
    challenge = begin_proof(alice, row)
    row.set_value(ADDRESS)
    row.save()
    assert answer(challenge, wizard.last_code()) == Checked.WRONG


def test_o10_a_code_of_the_app_is_one_proof_and_opens_no_console_after_it(alice: User) -> None:
    now = timezone.now()
    app = give_app(alice)
    code = code_of(app, now=now)
    first, second = begin_proof(alice, app, now), begin_proof(alice, app, now)
    assert (answer(first, code, now=now), answer(second, code, now=now)) == (Checked.RIGHT, Checked.WRONG)
    assert signin.enter_console(alice, code, HERE, now) == signin.CodeResult.WRONG


def test_o10_a_code_used_for_the_console_is_no_proof(alice: User) -> None:
    now = timezone.now()
    app = give_app(alice)
    code = code_of(app, now=now)
    assert signin.enter_console(alice, code, HERE, now) == signin.CodeResult.RIGHT
    assert answer(begin_proof(alice, app, now), code, now=now) == Checked.WRONG


def test_s5_a_code_of_a_reset_is_no_proof(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    of_reset = wizard.last_code()
    challenge = begin_proof(alice, held(alice, MAIL)[0])
    assert of_reset == wizard.last_code() or answer(challenge, of_reset) == Checked.WRONG
    assert wizard.answer(client, of_reset).url != VERIFY


def test_s5_a_code_of_one_proof_is_wrong_in_another(alice: User) -> None:
    (row,) = held(alice, MAIL)
    begin_proof(alice, row)
    code = wizard.last_code()
    second = begin_proof(alice, row)
    assert code == wizard.last_code() or answer(second, code) == Checked.WRONG


def test_e1_no_event_of_a_proof_carries_a_value(alice: User) -> None:
    questions = give_questions(alice)
    challenge = begin_proof(alice, questions)
    answer(challenge, *answers_of(challenge))
    answer(begin_proof(alice, held(alice, MAIL)[0]), wizard.last_code())
    by_password(alice, "Zx-CANARY-1")
    written = json.dumps([[event.details, event.reason] for event in AuditEvent.objects.all()])
    for value in (*ANSWERS.values(), *ANSWERS, HOME, wizard.last_code(), "CANARY"):
        assert value not in written


def test_the_right_password_is_a_proof(alice: User) -> None:
    assert by_password(alice, PASSWORD) is None
    (event,) = events(Activity.PROOF_GIVEN)
    assert (event.result, event.details) == ("success", {"method": "password"})


@pytest.mark.parametrize("password", ["", "wrong", f" {PASSWORD}", f"{PASSWORD}\x00", PASSWORD.upper()])
def test_a_wrong_password_is_no_proof(password: str, alice: User) -> None:
    assert by_password(alice, password) == Failure.WRONG
    (event,) = events(Activity.PROOF_FAILED)
    assert (event.result, event.reason) == ("failure", "password_wrong")


def test_passwords_are_tried_under_the_lockout_of_the_sign_in(alice: User) -> None:
    now = timezone.now()
    for number in range(10):
        assert by_password(alice, f"guess {number}", now) == Failure.WRONG
    assert by_password(alice, PASSWORD, now) == Failure.LOCKED
    assert lockout.find_lock(account_key_of(alice), now) == now + timedelta(minutes=1)
    tried = signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=HERE, now=now)
    assert tried.failure == Failure.LOCKED
    assert by_password(alice, PASSWORD, now + timedelta(minutes=1)) is None


def test_misses_at_sign_in_count_for_a_proof(alice: User) -> None:
    now = timezone.now()
    for number in range(10):
        signin.attempt("alice@acme.example", f"guess {number}", tenant=None, visitor=HERE, now=now)
    assert by_password(alice, PASSWORD, now) == Failure.LOCKED


def test_the_same_wrong_password_counts_once(alice: User) -> None:
    for _ in range(15):
        assert by_password(alice, "my old password") == Failure.WRONG


def test_the_right_password_clears_the_lockout(alice: User) -> None:
    by_password(alice, "wrong")
    by_password(alice, PASSWORD)
    assert not SignInLockout.objects.exists()


def test_a_password_kept_elsewhere_is_no_proof_here(acme: Tenant) -> None:
    carol = make_user(acme, "carol@acme.example", PASSWORD, anchor="3")
    carol.directory = Directory.objects.create(tenant=acme, name="North", kind=Directory.Kind.OPENLDAP)
    assert by_password(carol, PASSWORD) == Failure.WRONG


def test_who_has_no_password_proves_nothing_with_one(acme: Tenant) -> None:
    assert by_password(make_user(acme, "carol@acme.example"), "") == Failure.WRONG


def test_a_busy_server_decides_nothing_and_remembers_no_password(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(password: str, encoded: str) -> bool:
        raise hashing.Busy

    monkeypatch.setattr(passwords, "verify", busy)
    assert by_password(alice, PASSWORD) == Failure.BUSY
    assert [event.reason for event in events(Activity.PROOF_FAILED)] == ["password_busy"]
    assert SignInLockout.objects.get().last_wrong == []
