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
from reset import passkeys, registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from reset.password_proof import account_key_of
from tests import wizard
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.calling import press
from tests.reset.journeys import Browser
from tests.reset.phones import give_phone, other_number
from tests.reset.registering import HERE
from tests.reset.second_proofs import INFO, NAME, SETUP, VERIFY, answer, ask_on, begin, give_codes, only_with
from tests.reset.signing_in import (
    NEUTRAL,
    PASSWORD,
    code_of,
    events,
    give_app,
    is_signed_in,
    post_sign_in,
    reloaded,
)
from tests.reset.test_security_info import text_of
from tests.security_key import SecurityKey


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
