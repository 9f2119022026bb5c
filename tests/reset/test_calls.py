"""Calls: two digits on the page, pressed on the phone; and the provider's callback, which anybody could try to send."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import executors, tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Method
from accounts.models import Tenant, User
from notifications.channels import voice
from policy.models import ResetPolicy
from reset import confirming, decoys, registration
from reset.confirming import Keyed
from reset.models import Challenge, OwnChallenge, State
from reset.requests import TooOften
from tests import wizard
from tests.conftest import make_authenticator
from tests.reset import journeys, registering
from tests.reset.calling import last_call, press, wrong
from tests.reset.journeys import NEW, PASSWORD, STATUS, VERIFY, Browser
from tests.reset.signing_in import events

NUMBER, OTHER = "+4915112345647", "+4915155555501"
OFFICE = "+4930901820x123"
WAITING = "/reset/verify/waiting/"


@pytest.fixture
def calls_allowed(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "sms", "call", "office_call"])


def be_called(client: Browser, name: str = journeys.ALICE, number: str = NUMBER) -> str:
    """From the first page to the waiting one. Returns the digits it shows."""
    journeys.begin(client, name)
    wizard.choose(client, "call")
    journeys.type_number(client, number)
    return shown(client)


def shown(client: Browser) -> str:
    page = client.get(VERIFY)
    assert page.templates[0].name == "reset/waiting.html"
    return str(page.context["challenge"].shown)


def waits(client: Browser) -> bool:
    return bool(client.get(WAITING).json()["waits"])


def go_on(client: Browser) -> Any:
    return client.post(VERIFY, {"action": "answer"})


def test_a_person_who_is_called_gets_back_in(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client)
    assert last_call()["recipient"] == NUMBER
    assert waits(client)
    assert go_on(client).status_code == 200
    assert "Thank you" in press(f"{digits}#").content.decode()
    assert not waits(client)
    assert go_on(client).url == PASSWORD
    assert journeys.set_password(client).url == STATUS
    assert journeys.person(alice).check_password(NEW)


def test_an_office_phone_is_called_without_typing_its_number(alice: User, calls_allowed: ResetPolicy) -> None:
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "office_call")
    press(f"{shown(client)}#")
    assert last_call()["recipient"] == OFFICE
    assert go_on(client).url == PASSWORD


def test_an_answered_call_proves_nothing(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    be_called(client)
    for _ in range(10):
        assert go_on(client).status_code == 200
    assert client.get(PASSWORD).url == VERIFY
    assert journeys.failures(journeys.newest()) == 0, "waiting is no failed attempt"


def test_the_digits_are_neither_spoken_nor_sent(alice: User, calls_allowed: ResetPolicy) -> None:
    digits = be_called(Browser())
    assert set(last_call()["context"]) == {"answer_path", "keys"}
    assert digits.isdigit()
    assert len(digits) == 2


@pytest.mark.parametrize("keys", ["", "#", "{}", "{}*", "#{}", "{}##", " {}#", "0{}#", "{}#5"])
def test_s2_other_keys_than_the_digits_and_hash_confirm_nothing(
    keys: str, alice: User, calls_allowed: ResetPolicy
) -> None:
    client = Browser()
    digits = be_called(client)
    press(keys.format(digits))
    assert waits(client)
    assert client.get(PASSWORD).url == VERIFY


def test_o1_wrong_digits_are_counted_and_the_fifth_ends_the_reset(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client)
    keys = wrong(digits)
    for left in (4, 3, 2, 1):
        assert "<Gather" in press(keys).content.decode()
        assert journeys.failures(journeys.newest()) == 5 - left
    assert "<Gather" not in press(keys).content.decode()
    assert press(f"{digits}#").status_code == 403
    assert journeys.newest().state == State.BLOCKED


def test_a_right_answer_is_no_failure(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    press(f"{be_called(client)}#")
    assert journeys.failures(journeys.newest()) == 0


def test_the_organisation_may_take_the_hash_key_alone(alice: User, acme: Tenant, calls_allowed: ResetPolicy) -> None:
    journeys.change(acme, calls_by_hash_alone=True)
    client = Browser()
    assert be_called(client) == ""
    assert "press the hash key (#)." in client.get(VERIFY).content.decode()
    press("7")
    assert waits(client)
    press("#")
    assert go_on(client).url == PASSWORD


def test_a_number_that_is_not_on_file_is_never_called(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client, number=OTHER)
    assert {message.status for message in journeys.messages("call")} == {"withheld"}
    assert press(f"{digits}#").status_code == 403
    assert waits(client)


def test_e1_a_stranger_waits_on_the_same_page_by_the_same_statements(
    alice: User, calls_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(["email", "sms"]))
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "TWO_ADDRESSES_ONE_IN", 10**9)
    executors.current_keys()  # known to every process for a minute after the first reset
    seen = []
    for name in (journeys.ALICE, "nobody@acme.example"):
        client = Browser()
        with journeys.statements() as statements:
            be_called(client, name)
            assert waits(client)
            page = go_on(client)
        told = [page.status_code, journeys.normalised(page.content.decode(), name)]
        seen.append((statements, told))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("unit", [AuthenticatorType.MOBILE_PHONE])
def test_e1_who_seems_to_have_a_phone_is_offered_text_and_call_of_one_number(unit: AuthenticatorType) -> None:
    chance = decoys.Chance(1, "nobody@acme.example")
    offers = [decoys._offer(chance, unit, method, "") for method in (Method.SMS, Method.CALL)]
    assert {(offer.authenticator_id, offer.mask, offer.destination) for offer in offers} == {
        (offers[0].authenticator_id, offers[0].mask, offers[0].destination)
    }


def test_calling_again_kills_the_call_before(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    old_digits, old = be_called(client), last_call()
    assert "Please wait" in client.post(VERIFY, {"action": "again"}).content.decode()
    journeys.change(Challenge(pk=journeys.newest().challenge_id), sent_at=timezone.now() - timedelta(seconds=10))
    client.post(VERIFY, {"action": "again"})
    assert press(f"{old_digits}#", old).status_code == 403
    press(f"{shown(client)}#")
    assert go_on(client).url == PASSWORD


def test_the_time_for_a_call_ends(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client)
    journeys.change(Challenge(pk=journeys.newest().challenge_id), expires_at=timezone.now())
    assert not waits(client)
    assert "The time for that is over" in go_on(client).content.decode()
    assert press(f"{digits}#").status_code == 403


def test_a_confirmation_is_of_no_use_after_its_time(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    press(f"{be_called(client)}#")
    journeys.change(Challenge(pk=journeys.newest().challenge_id), expires_at=timezone.now())
    assert go_on(client).status_code == 200
    assert client.get(PASSWORD).url == VERIFY


def test_s4_a_confirmed_call_opens_nothing_in_another_browser(alice: User, calls_allowed: ResetPolicy) -> None:
    stranger, owner = Browser(), Browser()
    be_called(stranger)
    press(f"{be_called(owner)}#")
    assert waits(stranger)
    assert go_on(stranger).status_code == 200
    assert stranger.get(PASSWORD).url == VERIFY


def test_there_are_calls_only_where_there_is_a_provider(alice: User, calls_allowed: ResetPolicy, settings: Any) -> None:
    settings.VOICE_URL = ""
    client = Browser()
    journeys.begin(client)
    assert {offer.method for offer in client.get(VERIFY).context["offers"]} == {"email", "sms"}


# --- the callback -----------------------------------------------------------------------------------------------------


def forged(digits: str) -> dict[str, dict[str, str]]:
    """What is wrong with each: no signature, another's, another body, another address."""
    path = last_call()["context"]["answer_path"]
    fields = {"CallSid": "CA1", "CallStatus": "in-progress", "Digits": f"{digits}#"}
    secure = f"https://reset.acme.example{path}"
    return {
        "none": {"signature": ""},
        "nonsense": {"signature": "AAAA"},
        "of another body": {"signature": voice.signature(f"http://localhost{path}", {**fields, "Digits": "1#"})},
        "of another address": {"signature": voice.signature(secure, fields)},
        "of another scheme": {"signature": voice.signature(secure.replace("https", "http"), fields)},
    }


@pytest.mark.parametrize("wrong", ["none", "nonsense", "of another body", "of another address", "of another scheme"])
def test_q10_a_callback_that_is_not_signed_as_it_is_changes_nothing(
    wrong: str, alice: User, calls_allowed: ResetPolicy, settings: Any
) -> None:
    settings.BASE_URL = "https://localhost"
    client = Browser()
    digits = be_called(client)
    call, forgery = last_call(), forged(digits)[wrong]
    with journeys.statements() as statements:
        assert press(f"{digits}#", call, **forgery).status_code == 403
    assert statements == []
    assert waits(client)
    press(f"{digits}#")
    assert not waits(client), "the same call signed as it should be is taken"


def test_q10_another_accounts_token_signs_nothing_here(
    alice: User, calls_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Browser()
    digits = be_called(client)
    with monkeypatch.context() as other:
        other.setattr(voice, "_token", lambda: "another token")
        path = last_call()["context"]["answer_path"]
        fields = {"CallSid": "CA1", "CallStatus": "in-progress", "Digits": f"{digits}#"}
        signature = voice.signature(f"http://localhost{path}", fields)
    assert press(f"{digits}#", signature=signature).status_code == 403
    assert waits(client)


def test_q10_a_callback_sent_once_more_changes_nothing(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client)
    call = last_call()
    press(f"{digits}#", call)
    assert press(f"{digits}#", call).status_code == 403
    assert go_on(client).url == PASSWORD
    assert press(f"{digits}#", call).status_code == 403


def test_q10_a_callback_for_nobodys_challenge_is_refused(alice: User, calls_allowed: ResetPolicy) -> None:
    be_called(Browser())
    nobodys = {**last_call(), "context": {"answer_path": "/calls/01a212fe-8405-770b-874e-33ca8c4f80bb/"}}
    assert press("42#", nobodys).status_code == 403
    assert Client().get(last_call()["context"]["answer_path"]).status_code == 405


def test_q10_a_code_by_mail_is_not_confirmed_by_a_call(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    path = f"/calls/{request.challenge_id}/"
    for keys in ("#", "42#"):
        assert press(keys, {"context": {"answer_path": path}}).status_code == 403
    assert client.get(PASSWORD).url == VERIFY


def test_the_voice_speaks_the_persons_language(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser(headers={"accept-language": "de"})
    be_called(client)
    assert 'language="de-DE"' in press("00#").content.decode()


def test_what_was_confirmed_is_recorded(alice: User, calls_allowed: ResetPolicy) -> None:
    client = Browser()
    digits = be_called(client)
    press(wrong(digits))
    press(f"{digits}#")
    told = journeys.activities(journeys.newest())
    assert told[-2:] == [Activity.VERIFICATION_FAILED, Activity.CONFIRMED_ELSEWHERE]


# --- signed in --------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


@pytest.mark.usefixtures("at_home")
def test_a_phone_is_registered_by_a_call(alice: User, calls_allowed: ResetPolicy) -> None:
    challenge = registering.begin(alice, Method.CALL, OTHER)
    assert registering.confirm(challenge, "") == "waiting"
    assert "Thank you" in press(f"{challenge.shown}#").content.decode()
    challenge = OwnChallenge.objects.get(pk=challenge.pk)
    assert registering.confirm(challenge, "") == "right"
    row = registering.held(alice, AuthenticatorType.MOBILE_PHONE)[-1]
    assert row.secret_value == OTHER
    assert row.methods() == (Method.SMS, Method.CALL)


@pytest.mark.usefixtures("at_home")
def test_wrong_digits_of_somebody_signed_in_are_counted_as_theirs(alice: User, calls_allowed: ResetPolicy) -> None:
    challenge = registering.begin(alice, Method.CALL, OTHER)
    for _ in range(5):
        press(wrong(challenge.shown))
    press(f"{challenge.shown}#")
    challenge = OwnChallenge.objects.get(pk=challenge.pk)
    assert challenge.confirmed_at is None
    assert events(Activity.METHOD_REFUSED)[-1].reason == "wrong_digits"


@pytest.mark.usefixtures("at_home")
def test_o7_digits_that_were_right_are_over_when_the_page_shows_others_meanwhile(
    alice: User, calls_allowed: ResetPolicy
) -> None:
    challenge = registering.begin(alice, Method.CALL, OTHER)
    being_compared = OwnChallenge.objects.select_related("user__tenant").get(pk=challenge.pk)
    journeys.change(challenge, shown=wrong(challenge.shown).removesuffix("#"))
    assert confirming.answer(being_compared, being_compared.shown, timezone.now()) == Keyed.OVER
    assert OwnChallenge.objects.get(pk=challenge.pk).confirmed_at is None


@pytest.mark.usefixtures("at_home")
def test_the_office_phone_is_one(alice: User, calls_allowed: ResetPolicy) -> None:
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    with pytest.raises(registration.TooMany):
        registering.begin(alice, Method.OFFICE_CALL, "+4930901820x9")


@pytest.mark.usefixtures("at_home")
def test_calls_and_texts_to_one_account_share_a_limit(alice: User, calls_allowed: ResetPolicy) -> None:
    for _ in range(5):
        registering.begin(alice, Method.CALL, OTHER)
    with pytest.raises(TooOften):
        registering.begin(alice, Method.SMS, OTHER)
