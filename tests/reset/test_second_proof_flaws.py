"""The second proof at sign-in: nothing opens before it was given, and what guessing, replaying and racing come to."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Tenant, User
from policy import throttle
from policy.models import ResetPolicy, SignInRule, SpendGuard
from reset import own_account, proving, signin, unblocking
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from reset.password_proof import account_key_of
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.registering import HERE, begin_proof, held
from tests.reset.second_proofs import INFO, NAME, SETUP, VERIFY, answer, begin
from tests.reset.signing_in import (
    PASSWORD,
    code_of,
    events,
    give_app,
    is_signed_in,
    make_administrator,
    post_sign_in,
    reloaded,
)
from tests.reset.test_security_info import text_of


@pytest.fixture
def rule(acme: Tenant, open_policy: ResetPolicy) -> SignInRule:
    """Everybody at acme gives a second proof."""
    with scopes_disabled():
        return SignInRule.objects.create(tenant=acme, audience="everybody")


@pytest.fixture
def alice(alice: User) -> User:
    """Has looked at her methods, so that no sign-in is interrupted for that."""
    journeys.change(alice, methods_confirmed_at=timezone.now())
    return alice


# --- nothing opens in between -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/account/", "/account/activity/", "/account/data.json", "/account/sign-out-everywhere/", "/account/language/",
        INFO, SETUP, f"{INFO}prove/", f"{INFO}add/app_code/", "/signin/code/", "/admin/", "/admin/accounts/user/",
    ],
)  # fmt: skip
def test_s1_no_page_is_reachable_between_password_and_proof(
    client: Any, alice: User, rule: SignInRule, address: str
) -> None:
    begin(client, "sms")
    for response in (client.get(address), client.post(address, {})):
        assert response.url.startswith("/signin/?next=")
    assert "_auth_user_id" not in client.session


def test_s9_whoever_was_signed_in_is_not_any_more_once_another_password_was_right(
    client: Any, alice: User, bob: User, rule: SignInRule
) -> None:
    client.force_login(bob)
    post_sign_in(client, NAME, PASSWORD)
    assert not is_signed_in(client)


def test_without_a_right_password_there_is_no_second_page(client: Any, alice: User, rule: SignInRule) -> None:
    assert client.get(VERIFY).url == "/signin/"
    assert client.post(VERIFY, {"offer": "sms:1"}).url == "/signin/"


def test_the_mark_ends_after_ten_minutes(client: Any, alice: User, rule: SignInRule) -> None:
    place = begin(client, "sms")
    session = client.session
    kept = session["password_was_right"]
    session["password_was_right"] = [*kept[:2], (timezone.now() - timedelta(minutes=10)).isoformat(), "acme"]
    session.save()
    assert client.get(VERIFY).url == "/t/acme/signin/"
    assert answer(client, place, wizard.last_code()).url == "/t/acme/signin/"
    assert not events(Activity.SIGNED_IN)


@pytest.mark.parametrize("change", ["everywhere", "disabled", "paused tenant"])
def test_s10_an_account_that_changed_meanwhile_starts_over(
    client: Any, acme: Tenant, alice: User, rule: SignInRule, change: str
) -> None:
    place = begin(client, "sms")
    with tenants.opened(acme):
        if change == "everywhere":
            own_account.sign_out_everywhere(alice, HERE, timezone.now())
    if change == "disabled":
        journeys.change(alice, is_enabled=False)
    if change == "paused tenant":
        Tenant.objects.filter(pk=acme.pk).update(is_active=False)
    assert answer(client, place, wizard.last_code()).url == "/signin/"
    assert not events(Activity.SIGNED_IN)


def test_s4_a_proof_belongs_to_the_session_that_asked_for_it(client: Any, alice: User, rule: SignInRule) -> None:
    place = begin(client, "sms")
    other = Browser()
    assert answer(other, place, wizard.last_code()).url == "/signin/"
    post_sign_in(other, NAME, PASSWORD)
    assert answer(other, place, wizard.last_code()).url == VERIFY
    assert not events(Activity.SIGNED_IN)


def test_s5_a_proof_for_sign_in_opens_nothing_else_and_no_other_proof_opens_a_sign_in(
    client: Any, acme: Tenant, alice: User, rule: SignInRule
) -> None:
    app = give_app(alice)
    answer(client, begin(client, "app_code"), code_of(app))
    with tenants.opened(acme):
        for_a_change = begin_proof(alice, held(alice, AuthenticatorType.MOBILE_PHONE)[0])
    other = Browser()
    post_sign_in(other, NAME, PASSWORD)
    session = other.session
    session["asked_at_signin"] = [str(for_a_change.pk)]
    session.save()
    assert answer(other, f"{VERIFY}{for_a_change.pk}/", wizard.last_code()).url == VERIFY
    at_sign_in = begin(other, "sms").removeprefix(VERIFY)
    assert client.get(f"{INFO}prove/{at_sign_in}").url.startswith(f"{INFO}prove/?next=")


# --- wrong, throttled, used twice ---------------------------------------------------------------------------------


def test_a_wrong_answer_is_recorded_as_a_failed_sign_in(client: Any, alice: User, rule: SignInRule) -> None:
    app = give_app(alice)
    place = begin(client, "app_code")
    wrong = wizard.wrong_code(code_of(app))
    assert "That code isn't right" in text_of(answer(client, place, wrong))
    assert [event.actor_id for event in events(Activity.PROOF_STARTED)] == [None]
    assert [event.actor_id for event in events(Activity.SECOND_PROOF_ASKED)] == [None]
    (event,) = events(Activity.SIGN_IN_FAILED)
    assert (event.reason, event.actor_id, event.target_id) == ("wrong_answer", None, alice.pk)
    assert wrong not in str(vars(event))


def test_o1_after_five_misses_the_right_answer_does_not_help_until_a_reset(
    client: Any, alice: User, rule: SignInRule
) -> None:
    app = give_app(alice)
    place = begin(client, "app_code")
    for _ in range(5):
        answer(client, place, "000000")
    assert "try again in 24 hours" in text_of(answer(client, place, code_of(app)))
    assert events(Activity.SIGN_IN_FAILED)[-1].reason == "too_many_failures"
    assert not is_signed_in(client)
    fresh = Browser()
    assert "24 hours" in text_of(answer(fresh, begin(fresh, "app_code"), code_of(app))), "a new session is no way out"
    journeys.finish(Browser())
    after = Browser()
    assert post_sign_in(after, NAME, journeys.NEW).url == VERIFY
    place = after.post(VERIFY, {"offer": f"app_code:{app.pk}"}).url
    assert answer(after, place, code_of(app)).url == "/account/"


def test_o2_resets_give_no_endless_attempts_at_the_second_proof(alice: User, rule: SignInRule) -> None:
    """Whoever reads the mailbox sets one password after the other."""
    app, secret = give_app(alice), PASSWORD
    for number in range(4):
        client = Browser()
        assert post_sign_in(client, NAME, secret).url == VERIFY
        place = client.post(VERIFY, {"offer": f"app_code:{app.pk}"}).url
        for _ in range(5):
            answer(client, place, "000000")
        secret = f"{journeys.NEW}-{number}"
        journeys.finish(Browser(), password=secret)
    client = Browser()
    assert post_sign_in(client, NAME, secret).url == VERIFY
    place = client.post(VERIFY, {"offer": f"app_code:{app.pk}"}).url
    assert "try again in 24 hours" in text_of(answer(client, place, code_of(app)))
    assert unblocking.unblock(reloaded(alice))
    assert answer(client, place, code_of(app)).url == "/account/"


def test_misses_at_sign_in_take_no_attempts_from_the_owners_open_session(
    client: Any, acme: Tenant, alice: User, rule: SignInRule
) -> None:
    app = give_app(alice)
    place = begin(client, "app_code")
    for _ in range(6):
        answer(client, place, "000000")
    with tenants.opened(acme):
        challenge = begin_proof(alice, app)
        assert proving.answer(challenge, [code_of(app)], HERE, timezone.now()) == Checked.RIGHT


def test_a_code_that_ran_out_is_too_late(client: Any, alice: User, rule: SignInRule) -> None:
    place = begin(client, "sms")
    journeys.change(OwnChallenge._base_manager.get(), expires_at=timezone.now())
    assert "The time for that was over." in text_of(answer(client, place, wizard.last_code()))
    assert not is_signed_in(client)


def test_o4_an_app_code_used_at_sign_in_is_used_up_for_reset_and_console(
    client: Any, acme: Tenant, alice: User, rule: SignInRule
) -> None:
    app = give_app(alice)
    make_administrator(alice)
    code = code_of(app)
    answer(client, begin(client, "app_code"), code)
    assert signin.enter_console(alice, code, HERE) == signin.CodeResult.WRONG
    browser = Browser()
    journeys.begin_answering(browser, method="app_code")
    assert "That is not the right code." in text_of(wizard.answer(browser, code))
    other = Browser()
    assert "was used before" in text_of(answer(other, begin(other, "app_code"), code))


def test_an_app_code_used_for_the_console_signs_nobody_in(client: Any, alice: User, rule: SignInRule) -> None:
    app = give_app(alice)
    code = code_of(app)
    assert signin.enter_console(alice, code, HERE) == signin.CodeResult.RIGHT
    assert "was used before" in text_of(answer(client, begin(client, "app_code"), code))


def test_o4_a_right_answer_given_twice_signs_in_once(acme: Tenant, client: Any, alice: User, rule: SignInRule) -> None:
    begin(client, "sms")
    code = wizard.last_code()
    with tenants.opened(acme):
        challenge = OwnChallenge.objects.select_related("user__tenant").get()
        results = [proving.answer(challenge, [code], HERE, timezone.now()) for _ in range(2)]
    assert results == [Checked.RIGHT, Checked.WRONG]
    assert len(events(Activity.SIGNED_IN)) == 1


# --- others -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["+4915112345647", "+4915199999999"])
def test_p6_strangers_who_use_up_a_persons_texts_keep_nobody_from_signing_in(
    acme: Tenant, client: Any, alice: User, rule: SignInRule, typed: str
) -> None:
    """Whether or not they know the number."""
    with scopes_disabled():
        SpendGuard.objects.create(tenant=acme, per_user=1, per_number=1)
    for _ in range(2):
        stranger = Browser()
        journeys.begin_answering(stranger, NAME, "sms")
        journeys.type_number(stranger, typed)
    place = begin(client, "sms")
    assert answer(client, place, wizard.last_code()).url == "/account/"


# --- the console --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "onward"), [("app_code", "/admin/"), ("sms", "/signin/code/?next=%2Fadmin%2F")])
def test_what_opens_the_console_is_not_asked_for_twice(
    client: Any, alice: User, rule: SignInRule, method: str, onward: str, settings: Any
) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    app = give_app(alice)
    make_administrator(alice)
    verify = post_sign_in(client, NAME, PASSWORD, "/signin/?next=/admin/").url
    offer = next(offer for offer in client.get(verify).context["offers"] if offer.method == method)
    place = client.post(verify, {"offer": f"{method}:{offer.authenticator_id}"}).url
    code = code_of(app) if method == "app_code" else wizard.last_code()
    assert answer(client, place, code).url == onward
    assert (client.get("/admin/").status_code == 200) is (method == "app_code")


def test_an_administrators_unblocking_gives_new_attempts(acme: Tenant, client: Any, alice: User) -> None:
    throttle.count(throttle.Use(throttle.FAILURES_AT_SIGN_IN, account_key_of(alice), 5))
    assert unblocking.unblock(alice)
    assert throttle.look(throttle.Use(throttle.FAILURES_AT_SIGN_IN, account_key_of(alice)))[0].count == 0
