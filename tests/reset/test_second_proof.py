"""The second proof at sign-in: who is asked, which methods count, and that nothing opens before it was given."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Group, GroupMembership, GroupNesting, RecoveryCode, Tenant, User
from policy import throttle
from policy.models import ResetPolicy, SignInRule, SpendGuard
from policy.models.signin import SignInRuleGroup
from reset import own_account, passkeys, proving, recovery_codes, registration, signin, unblocking
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from reset.password_proof import account_key_of
from tests import wizard
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.calling import press
from tests.reset.journeys import Browser
from tests.reset.phones import give_phone, other_number
from tests.reset.registering import HERE, begin_proof, held
from tests.reset.signing_in import (
    NEUTRAL,
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
from tests.security_key import SecurityKey

VERIFY, INFO, SETUP = "/signin/verify/", "/security-info/", "/security-info/setup/"
NAME = "alice@acme.example"


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


def begin(client: Any, method: str) -> str:
    """Up to the page that asks for the answer; returns its address."""
    if "password_was_right" not in client.session:
        assert post_sign_in(client, NAME, PASSWORD).url == VERIFY
    offer = next(offer for offer in client.get(VERIFY).context["offers"] if offer.method == method)
    return str(client.post(VERIFY, {"offer": f"{offer.method}:{offer.authenticator_id}"}).url)


def answer(client: Any, place: str, code: str) -> Any:
    return client.post(place, {"code": code})


def only_with(user: User, *kinds: AuthenticatorType) -> User:
    with scopes_disabled():
        Authenticator.objects.filter(user=user).exclude(type__in=kinds).delete()
    return user


def give_codes(user: User) -> list[str]:
    row = make_authenticator(user, AuthenticatorType.RECOVERY_CODES, "set")
    codes = [recovery_codes.new_code() for _ in range(2)]
    with scopes_disabled():
        for code in codes:
            RecoveryCode.objects.create(
                tenant=journeys.tenant_of(user), authenticator=row, digest=recovery_codes.digest_of(row, code)
            )
    return codes


def ask_on(client: Any) -> OwnChallenge:
    """Up to the page with the number for the phone."""
    begin(client, "app_notification")
    with scopes_disabled():
        return OwnChallenge.objects.latest("created_at")


def test_the_phone_is_asked_and_its_answer_signs_in(client: Any, alice: User, rule: SignInRule) -> None:
    phone = give_phone(only_with(alice))
    challenge = ask_on(client)
    assert [told["what"] for told in phone.pending()] == ["signin"]
    assert phone.approve(challenge, other_number(challenge.shown)) == "wrong"
    assert throttle.look(throttle.Use(throttle.FAILURES_AT_SIGN_IN, account_key_of(alice)))[0].count == 1
    assert not is_signed_in(client)
    assert phone.approve(challenge, challenge.shown) == "right"
    answer(client, f"{VERIFY}{challenge.pk}/", "")
    assert is_signed_in(client)


def test_p6_strangers_who_use_up_a_persons_texts_and_calls_leave_those_for_sign_in(
    client: Any, acme: Tenant, alice: User, open_policy: ResetPolicy, rule: SignInRule
) -> None:
    journeys.policy_with(open_policy, methods=["email", "office_call"])
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, "+493090182012")
    with scopes_disabled():
        SpendGuard.objects.create(tenant=acme, per_user=1, per_number=1)
    journeys.begin_answering(Browser(), NAME, "office_call")
    stranger = Browser()
    journeys.begin(stranger, NAME)
    assert "No more texts and calls" in wizard.choose(stranger, "office_call").content.decode()
    assert begin(client, "office_call").startswith(VERIFY)
    assert len(journeys.messages("call")) == 2


def test_p4_not_me_at_sign_in_ends_it_and_tells_the_owner(client: Any, alice: User, rule: SignInRule) -> None:
    phone = give_phone(alice)
    challenge = ask_on(client)
    assert phone.refuse(challenge) == "refused"
    assert phone.approve(challenge, challenge.shown) == "over"
    answer(client, f"{VERIFY}{challenge.pk}/", "")
    assert not is_signed_in(client)
    assert reloaded(alice).credentials_epoch != alice.credentials_epoch
    assert {wizard.contents(each)["context"]["reader"] for each in journeys.messages("prompt_was_refused")} == {"owner"}


# --- who is asked -------------------------------------------------------------------------------------------------


def test_where_no_rule_asks_the_password_is_enough(client: Any, alice: User, open_policy: ResetPolicy) -> None:
    give_app(alice)
    assert post_sign_in(client, NAME, PASSWORD).url == "/account/"


@pytest.mark.parametrize(("inside", "asked"), [("chosen", True), ("nested", True), ("other", False)])
def test_a_rule_for_groups_asks_their_people_and_those_of_the_groups_inside(
    client: Any, acme: Tenant, alice: User, rule: SignInRule, inside: str, asked: bool
) -> None:
    with scopes_disabled():
        groups = {name: Group.objects.create(tenant=acme, name=name) for name in ("chosen", "nested", "other")}
        GroupNesting.objects.create(tenant=acme, parent=groups["chosen"], child=groups["nested"])
        SignInRuleGroup.objects.create(rule=rule, group=groups["chosen"])
        GroupMembership.objects.create(tenant=acme, group=groups[inside], user=alice)
    journeys.change(rule, audience="groups")
    assert post_sign_in(client, NAME, PASSWORD).url == (VERIFY if asked else "/account/")


def test_mail_and_questions_are_no_proof_at_sign_in(client: Any, alice: User, rule: SignInRule) -> None:
    give_app(alice)
    journeys.give_questions(alice)
    give_codes(alice)
    post_sign_in(client, NAME, PASSWORD)
    assert [offer.method for offer in client.get(VERIFY).context["offers"]] == [
        "app_code",
        "sms",
        "call",
        "recovery_code",
    ]
    (mail,) = Authenticator._base_manager.filter(user=alice, type="email")
    page = client.post(VERIFY, {"offer": f"email:{mail.pk}"})
    assert "Choose one of these." in text_of(page)
    assert not journeys.messages("passcode")


def test_a_wrong_password_shows_nobody_that_more_would_be_asked(client: Any, alice: User, rule: SignInRule) -> None:
    pages = []
    for name in (NAME, "nobody@acme.example"):
        with journeys.statements() as shapes:
            response = post_sign_in(Browser(), name, "wrong")
        assert NEUTRAL in response.content.decode()
        pages.append((journeys.normalised(response.content.decode(), name), shapes))
    assert pages[0] == pages[1]


# --- each method --------------------------------------------------------------------------------------------------


def test_the_password_and_an_app_code_sign_in(client: Any, alice: User, rule: SignInRule) -> None:
    app = give_app(alice)
    place = begin(client, "app_code")
    assert not events(Activity.SIGNED_IN)
    before = client.session.session_key
    assert answer(client, place, code_of(app)).url == "/account/"
    assert is_signed_in(client)
    assert client.session.session_key != before
    (event,) = events(Activity.SIGNED_IN)
    assert (event.actor_id, event.details["method"], event.details["purpose"]) == (alice.pk, "app_code", "signin")
    assert reloaded(alice).last_login is not None


def test_the_page_says_what_is_asked_and_shows_masks_only(client: Any, alice: User, rule: SignInRule) -> None:
    post_sign_in(client, NAME, PASSWORD)
    page = client.get(VERIFY)
    assert "Confirm it is you" in text_of(page)
    assert 'Number ending in <span class="ltr">47</span>' in page.content.decode()
    assert "5112345647" not in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]


def test_a_text_message_signs_in_and_can_be_sent_again(client: Any, alice: User, rule: SignInRule) -> None:
    place = begin(client, "sms")
    first = wizard.last_code()
    challenge = OwnChallenge._base_manager.get()
    journeys.change(challenge, sent_at=timezone.now() - timedelta(minutes=1))
    assert "It is on its way once more." in text_of(client.post(place, {"action": "again"}))
    assert "That isn't the code we sent last." in text_of(answer(client, place, first))
    assert answer(client, place, wizard.last_code()).url == "/account/"


def test_a_recovery_code_signs_in_once(client: Any, alice: User, rule: SignInRule) -> None:
    first, second = give_codes(alice)
    assert answer(client, begin(client, "recovery_code"), first.lower()).url == "/account/"
    other = Browser()
    place = begin(other, "recovery_code")
    assert "was used before" in text_of(answer(other, place, first))
    assert answer(other, place, second).url == "/account/"


def test_after_the_last_recovery_code_another_method_is_registered_at_once(
    client: Any, alice: User, rule: SignInRule
) -> None:
    """Otherwise the next sign-in would ask for the password alone, whoever types it."""
    codes = give_codes(only_with(alice, AuthenticatorType.RECOVERY_CODES))
    with scopes_disabled():
        RecoveryCode.objects.update(used_at=timezone.now())
        RecoveryCode.objects.filter(pk=RecoveryCode.objects.earliest("pk").pk).update(used_at=None)
    assert answer(client, begin(client, "recovery_code"), codes[0]).url == SETUP
    assert client.get("/account/").url == SETUP
    assert client.get(f"{INFO}add/app_code/").status_code == 200, "the proof just given counts"
    assert client.post(f"{INFO}add/recovery_code/", {}).status_code == 200
    assert is_signed_in(client)


def test_a_passkey_signs_in(client: Any, alice: User, open_policy: ResetPolicy, rule: SignInRule) -> None:
    journeys.policy_with(open_policy, methods=["email", "passkey"])
    key = SecurityKey()
    with tenants.opened(journeys.tenant_of(alice)):
        challenge = registration.begin_passkey(alice, "", HERE, timezone.now())
        options = passkeys.creation_options(str(challenge.pk), alice, [])
        assert registration.confirm_passkey(challenge, key.create(options), HERE, timezone.now()) == Checked.RIGHT
    place = begin(client, "passkey")
    asked = client.get(place).context["options"]
    assert "That didn't work." in text_of(answer(client, place, "{}"))
    assert answer(client, place, key.get(asked)).url == "/account/"


def test_one_goes_on_where_one_wanted_to(client: Any, alice: User, rule: SignInRule) -> None:
    app = give_app(alice)
    response = post_sign_in(client, NAME, PASSWORD, "/signin/?next=/security-info/")
    assert response.url == "/signin/verify/?next=/security-info/"
    place = client.post(response.url, {"offer": f"app_code:{app.pk}"}).url
    assert answer(client, place, code_of(app)).url == "/security-info/"


def test_the_proof_counts_before_a_change_for_ten_minutes_too(client: Any, alice: User, rule: SignInRule) -> None:
    app = give_app(alice)
    answer(client, begin(client, "app_code"), code_of(app))
    assert client.get("/account/data.json").status_code == 200


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


# --- what is confirmed elsewhere --------------------------------------------------------------------------------------


def waits(client: Any, place: str) -> bool:
    return bool(client.get(f"{place}?waiting=1").json()["waits"])


def test_a_call_signs_in(client: Any, alice: User, rule: SignInRule) -> None:
    place = begin(client, "call")
    digits = client.get(place).context["challenge"].shown
    assert waits(client, place)
    assert answer(client, place, "").status_code == 200
    assert not is_signed_in(client)
    press(f"{digits}#")
    assert not waits(client, place)
    assert not is_signed_in(client), "the call alone opens nothing"
    assert answer(client, place, "").url == "/account/"
    assert is_signed_in(client)


def test_the_phone_app_signs_in_and_says_what_it_is_asked_for(client: Any, alice: User, rule: SignInRule) -> None:
    phone = give_phone(alice)
    place = begin(client, "app_notification")
    (told,) = phone.pending()
    assert told["what"] == "signin"
    challenge = client.get(place).context["challenge"]
    assert phone.approve(challenge, other_number(challenge.shown)) == "wrong"
    assert phone.approve(challenge, challenge.shown) == "right"
    assert answer(client, place, "").url == "/account/"


def test_p4_no_its_not_me_ends_the_sign_in_and_every_session(client: Any, alice: User, rule: SignInRule) -> None:
    phone = give_phone(alice)
    place = begin(client, "app_notification")
    challenge = client.get(place).context["challenge"]
    epoch = reloaded(alice).credentials_epoch
    assert phone.refuse(challenge) == "refused"
    assert reloaded(alice).credentials_epoch != epoch
    assert answer(client, place, "").status_code == 302
    assert not is_signed_in(client)
    assert journeys.messages("prompt_was_refused")


def test_a_provider_that_is_gone_opens_nothing(client: Any, alice: User, rule: SignInRule, settings: Any) -> None:
    """Who holds a phone is not somebody without a method: a password alone may not register one in its place."""
    settings.SMS_URL = settings.VOICE_URL = ""
    assert post_sign_in(client, NAME, PASSWORD).url == VERIFY
    page = client.get(VERIFY)
    assert "none of the ways you have registered works just now" in text_of(page)
    assert not is_signed_in(client)
    assert client.post(VERIFY, {"offer": "sms:1"}).status_code == 200
    settings.SMS_URL = "captured://"
    assert [offer.method for offer in client.get(VERIFY).context["offers"]] == ["sms"]


def test_another_persons_phone_approves_no_sign_in(acme: Tenant, client: Any, alice: User, rule: SignInRule) -> None:
    give_phone(alice)
    other = give_phone(make_user(acme, "bob@acme.example"))
    place = begin(client, "app_notification")
    challenge = client.get(place).context["challenge"]
    assert other.pending() == []
    assert other.approve(challenge, challenge.shown) == "over"
    assert other.refuse(challenge) == "over"
