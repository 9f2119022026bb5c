"""Registering, replacing, renaming and removing what one proves oneself with, and who hears of it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity
from accounts.executors import NoExecutor
from accounts.methods import AuthenticatorType, Kind, Method
from accounts.models import Authenticator, Domain, ExecutorKey, SecurityAnswer, Tenant, User
from policy.models import ResetPolicy
from reset import housekeeping, own_challenges, registering_at_once, registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.registration import MOST_OF, TYPE_OF, HeldAlready, OwnDomain, TooMany
from reset.requests import NotOffered, TooOften
from tests import wizard
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.journeys import ANSWERS, give_questions
from tests.reset.registering import (
    ADDRESS,
    HERE,
    HOME,
    NUMBER,
    WORK,
    begin,
    code_for,
    confirm,
    held,
    notices,
    register,
    told,
    values,
)
from tests.reset.signing_in import events, give_app, make_administrator

MAIL, PHONE, APP = AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE, AuthenticatorType.APP
REGISTERED = [(Method.EMAIL, ADDRESS), (Method.SMS, NUMBER), (Method.APP_CODE, "")]
EVERYTHING = ["email", "sms", "app_code", "questions"]


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


@pytest.fixture
def everything(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=EVERYTHING)


def some_of(user: User, kind: AuthenticatorType, count: int) -> None:
    """So many held, whatever was held before."""
    Authenticator.objects.filter(user=user, type=kind).delete()
    for number in range(count):
        make_authenticator(
            user, kind, {MAIL: f"{number}@x.example", PHONE: f"+491510000000{number}"}.get(kind, f"{number}")
        )


def test_an_address_that_was_only_typed_proves_nothing(alice: User, open_policy: ResetPolicy) -> None:
    begin(alice, Method.EMAIL, ADDRESS)
    assert values(alice, MAIL) == [HOME]
    assert len(registration.standing_of(alice).held) == 2


@pytest.mark.parametrize(("method", "value"), REGISTERED)
def test_a_method_is_registered_by_its_own_first_code(
    method: Method, value: str, alice: User, open_policy: ResetPolicy
) -> None:
    now = timezone.now()
    row = register(alice, method, value, now=now)
    assert (row.source, row.confirmed_at, row.last_used_at) == (Authenticator.Source.USER, now, now)
    assert registration.standing_of(alice, now).proves(row)
    assert value in (row.secret_value, "")


@pytest.mark.parametrize(("method", "value"), REGISTERED)
def test_a_wrong_code_registers_nothing(method: Method, value: str, alice: User, open_policy: ResetPolicy) -> None:
    challenge, before = begin(alice, method, value), Authenticator.objects.count()
    assert confirm(challenge, wizard.wrong_code(code_for(challenge))) == Checked.WRONG
    assert Authenticator.objects.count() == before
    assert not events(Activity.METHOD_REGISTERED)
    assert [event.result for event in events(Activity.METHOD_REFUSED)] == ["failure"]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "٠١٢٣٤٥", "abcdef", "\x00", "000000\n"])
def test_what_is_no_code_registers_nothing(code: str, alice: User, open_policy: ResetPolicy) -> None:
    assert confirm(begin(alice, Method.EMAIL, ADDRESS), code) == Checked.WRONG
    assert confirm(begin(alice, Method.APP_CODE), code) == Checked.WRONG


def test_the_code_goes_to_the_new_address_and_to_no_other(alice: User, open_policy: ResetPolicy) -> None:
    begin(alice, Method.EMAIL, ADDRESS)
    (message,) = journeys.messages()
    assert wizard.contents(message)["recipient"] == ADDRESS


def test_a_code_of_five_minutes_is_too_old(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    challenge = begin(alice, Method.EMAIL, ADDRESS, now=now)
    code = code_for(challenge)
    assert confirm(challenge, code, now + timedelta(minutes=5)) == Checked.TOO_LATE
    assert confirm(challenge, code, now + timedelta(minutes=5, seconds=-1)) == Checked.RIGHT


@pytest.mark.parametrize("address", [WORK, "alice@ACME.example", "alice@mail.acme.example", "a@x.y.acme.example"])
def test_an_address_of_the_organisation_is_refused(address: str, alice: User, open_policy: ResetPolicy) -> None:
    with pytest.raises(OwnDomain):
        begin(alice, Method.EMAIL, address)
    assert not OwnChallenge.objects.exists()


def test_a_domain_that_is_only_claimed_is_the_organisations_too(
    acme: Tenant, alice: User, open_policy: ResetPolicy
) -> None:
    Domain.objects.create(tenant=acme, name="claimed.example")
    with pytest.raises(OwnDomain):
        begin(alice, Method.EMAIL, "alice@claimed.example")


@pytest.mark.parametrize("address", ["alice@notacme.example", "alice@example", "alice@globex.example"])
def test_an_address_elsewhere_is_accepted(address: str, globex: Tenant, alice: User, open_policy: ResetPolicy) -> None:
    assert register(alice, Method.EMAIL, address).secret_value == address


def test_what_is_registered_already_is_not_registered_twice(alice: User, open_policy: ResetPolicy) -> None:
    for method, value in ((Method.EMAIL, HOME), (Method.SMS, "+4915112345647")):
        with pytest.raises(HeldAlready):
            begin(alice, method, value)


def test_an_imported_address_becomes_ones_own_by_its_code(alice: User, open_policy: ResetPolicy) -> None:
    make_authenticator(alice, MAIL, ADDRESS, confirmed_at=None, source=Authenticator.Source.IMPORT)
    row = register(alice, Method.EMAIL, ADDRESS)
    assert sorted(values(alice, MAIL)) == [HOME, ADDRESS]
    assert row.source == Authenticator.Source.USER
    assert ADDRESS not in told()


def test_two_people_may_register_the_same_address(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    register(alice, Method.EMAIL, "bob@home.example")
    assert values(bob, MAIL) == ["bob@home.example"]


@pytest.mark.parametrize(("method", "value"), REGISTERED)
def test_no_more_are_begun_than_may_be_held(method: Method, value: str, alice: User, open_policy: ResetPolicy) -> None:
    kind = TYPE_OF[method]
    some_of(alice, kind, MOST_OF[kind])
    with pytest.raises(TooMany):
        begin(alice, method, value)
    assert register(alice, method, value, held(alice, kind)[0].pk)
    assert len(held(alice, kind)) == MOST_OF[kind]


@pytest.mark.parametrize(
    ("method", "both"),
    [(Method.EMAIL, ["a@y.example", "b@y.example"]), (Method.SMS, ["+4915155555501", "+4915155555502"])],
)
def test_no_more_are_held_however_many_were_begun(
    method: Method, both: list[str], alice: User, open_policy: ResetPolicy
) -> None:
    kind = TYPE_OF[method]
    some_of(alice, kind, MOST_OF[kind] - 1)
    begun = []
    for value in both:
        challenge = begin(alice, method, value)
        begun.append((challenge, code_for(challenge)))
    for challenge, code in begun:
        with suppress(TooMany):
            confirm(challenge, code)
    assert len(held(alice, kind)) == MOST_OF[kind]


def test_a_replacement_takes_the_old_ones_place(alice: User, open_policy: ResetPolicy) -> None:
    (old,) = held(alice, MAIL)
    register(alice, Method.EMAIL, ADDRESS, old.pk)
    assert values(alice, MAIL) == [ADDRESS]
    assert [event.details["replaced"] for event in events(Activity.METHOD_REGISTERED)] == [True]


def test_until_its_code_came_back_the_old_one_stays(alice: User, open_policy: ResetPolicy) -> None:
    (old,) = held(alice, MAIL)
    challenge = begin(alice, Method.EMAIL, ADDRESS, old.pk)
    confirm(challenge, wizard.wrong_code(code_for(challenge)))
    assert values(alice, MAIL) == [HOME]


def test_nobody_elses_method_is_replaced(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    with pytest.raises(NotOffered):
        begin(alice, Method.EMAIL, ADDRESS, held(bob, MAIL)[0].pk)


def test_a_method_of_another_type_is_not_replaced(alice: User, open_policy: ResetPolicy) -> None:
    with pytest.raises(NotOffered):
        begin(alice, Method.EMAIL, ADDRESS, held(alice, PHONE)[0].pk)


def test_without_a_policy_nothing_is_registered(alice: User) -> None:
    for method, value in REGISTERED:
        with pytest.raises(NotOffered):
            begin(alice, method, value)
    with pytest.raises(NotOffered):
        registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())


def test_what_the_policy_does_not_allow_is_not_registered(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    with pytest.raises(NotOffered):
        begin(alice, Method.SMS, NUMBER)
    with pytest.raises(NotOffered):
        registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())


def test_questions_have_no_code_to_begin_with(alice: User, everything: ResetPolicy) -> None:
    with pytest.raises(NotOffered):
        begin(alice, Method.QUESTIONS)


def test_an_administrator_registers_without_a_policy_but_never_questions(alice: User) -> None:
    make_administrator(alice)
    assert register(alice, Method.APP_CODE)
    with pytest.raises(NotOffered):
        registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())


def test_questions_are_registered_at_once_and_earlier_ones_go(alice: User, everything: ResetPolicy) -> None:
    give_questions(alice, {"first_car": "Saab"})
    registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())
    (row,) = held(alice, AuthenticatorType.QUESTIONS)
    assert set(SecurityAnswer.objects.values_list("question", flat=True)) == set(ANSWERS)
    assert registration.standing_of(alice).proves(row)
    assert Kind.QUESTIONS in registration.standing_of(alice).registration.held


def test_answers_are_kept_as_hashes_only(alice: User, everything: ResetPolicy) -> None:
    registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())
    for row in SecurityAnswer.objects.all():
        assert ANSWERS[row.question].casefold() not in row.answer_hash.casefold()


def test_a_code_sent_again_ends_the_one_before(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    challenge = begin(alice, Method.EMAIL, ADDRESS, now=now)
    old, later = code_for(challenge), now + timedelta(seconds=30)
    registration.send_again(challenge, HERE, later)
    new = code_for(challenge)
    assert new == old or confirm(challenge, old, later) == Checked.WRONG
    assert confirm(challenge, new, later + timedelta(minutes=4)) == Checked.RIGHT


def test_a_code_is_sent_again_after_half_a_minute_only(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    challenge = begin(alice, Method.EMAIL, ADDRESS, now=now)
    with pytest.raises(TooOften) as wait:
        registration.send_again(challenge, HERE, now + timedelta(seconds=29))
    assert wait.value.ends_at == now + timedelta(seconds=30)


def test_an_app_has_no_code_to_send_again(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.APP_CODE)
    with pytest.raises(NotOffered):
        registration.send_again(challenge, HERE, timezone.now() + timedelta(minutes=1))


@pytest.mark.parametrize(("method", "most"), [(Method.EMAIL, 10), (Method.SMS, 5)])
def test_codes_for_one_account_are_limited(method: Method, most: int, alice: User, open_policy: ResetPolicy) -> None:
    value = {Method.EMAIL: ADDRESS, Method.SMS: NUMBER}[method]
    for _ in range(most):
        begin(alice, method, value)
    with pytest.raises(TooOften):
        begin(alice, method, value)
    assert OwnChallenge.objects.count() == len(journeys.messages("passcode")) == most


def test_what_was_left_alone_for_fifteen_minutes_is_over(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    key, over = str(begin(alice, Method.APP_CODE, now=now).pk), now + timedelta(minutes=15)
    assert own_challenges.find(alice, key, Purpose.REGISTER, over - timedelta(seconds=1))
    assert own_challenges.find(alice, key, Purpose.REGISTER, over) is None


def test_housekeeping_forgets_what_was_left_alone(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    begin(alice, Method.APP_CODE, now=now)
    young = begin(alice, Method.APP_CODE, now=now + timedelta(seconds=1))
    assert housekeeping.forget_abandoned(now + timedelta(minutes=15, seconds=-1)) == 0
    assert housekeeping.forget_abandoned(now + timedelta(minutes=15)) == 1
    assert list(OwnChallenge.objects.all()) == [young]


def test_nothing_is_begun_without_a_worker_to_send_the_code(alice: User, open_policy: ResetPolicy) -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()
    with pytest.raises(NoExecutor):
        begin(alice, Method.EMAIL, ADDRESS)
    assert not OwnChallenge.objects.exists()


def test_nothing_is_registered_without_a_worker_to_tell_the_owner(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.APP_CODE)
    code = code_for(challenge)
    ExecutorKey.objects.all().delete()
    cache.clear()
    with pytest.raises(NoExecutor):
        confirm(challenge, code)
    assert not held(alice, APP)
    assert own_challenges.find(alice, str(challenge.pk), Purpose.REGISTER, timezone.now())


@pytest.mark.parametrize(("method", "value"), REGISTERED)
def test_every_other_address_hears_of_an_addition(
    method: Method, value: str, alice: User, open_policy: ResetPolicy
) -> None:
    register(alice, method, value)
    assert told() == [WORK, HOME]
    assert {notice["context"]["change"] for notice in notices()} == {"added"}
    assert {notice["context"]["address"] for notice in notices()} == {HERE.address}


def test_the_address_that_is_replaced_hears_of_it_and_the_new_one_does_not(
    alice: User, open_policy: ResetPolicy
) -> None:
    register(alice, Method.EMAIL, ADDRESS, held(alice, MAIL)[0].pk)
    assert told() == [WORK, HOME]
    assert {notice["context"]["change"] for notice in notices()} == {"replaced"}


def test_every_address_hears_of_new_questions(alice: User, everything: ResetPolicy) -> None:
    registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())
    assert told() == [WORK, HOME]


def test_a_removed_address_hears_of_its_own_removal(alice: User, open_policy: ResetPolicy) -> None:
    assert registration.remove(alice, held(alice, MAIL)[0].pk, HERE, timezone.now())
    assert values(alice, MAIL) == []
    assert told() == [WORK, HOME]
    assert {notice["context"]["change"] for notice in notices()} == {"removed"}


def test_no_notice_says_what_the_new_method_is(alice: User, everything: ResetPolicy) -> None:
    for method, value in REGISTERED[:2]:
        register(alice, method, value)
    app = register(alice, Method.APP_CODE)
    registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())
    told_of = json.dumps([notice["context"] for notice in notices()])
    for value in (ADDRESS, NUMBER, app.secret_value, *ANSWERS.values()):
        assert value not in told_of


def test_what_is_removed_is_gone_and_can_be_removed_once(alice: User, open_policy: ResetPolicy) -> None:
    row = give_app(alice)
    assert registration.remove(alice, row.pk, HERE, timezone.now())
    assert not registration.remove(alice, row.pk, HERE, timezone.now())
    assert not held(alice, APP)
    assert [event.details for event in events(Activity.METHOD_REMOVED)] == [{"type": "app"}]


def test_a_method_gets_a_name_of_ones_own(alice: User) -> None:
    (row,) = held(alice, PHONE)
    assert registration.rename(alice, row.pk, "Red phone " + "x" * 80, HERE)
    assert held(alice, PHONE)[0].name == ("Red phone " + "x" * 80)[:64]
    assert [event.details for event in events(Activity.METHOD_RENAMED)] == [{}]
    assert told() == []


def test_nobody_elses_method_is_renamed_or_removed(alice: User, bob: User) -> None:
    (row,) = held(bob, MAIL)
    assert not registration.rename(alice, row.pk, "mine", HERE)
    assert not registration.remove(alice, row.pk, HERE, timezone.now())
    assert (held(bob, MAIL), held(bob, MAIL)[0].name) == ([row], "")
