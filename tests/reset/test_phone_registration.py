"""A phone becomes an authenticator: a code typed into it, a key that comes back, a number typed at the computer."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, User
from policy.models import Counter, ResetPolicy
from reset import housekeeping
from reset.models import OwnChallenge
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.phones import Phone, give_phone, other_number
from tests.reset.signing_in import PASSWORD, events, is_signed_in, post_sign_in
from tests.reset.test_security_info import INFO, prove, text_of

ADD = f"{INFO}add/app_notification/"


@pytest.fixture
def open_policy(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "app_notification"])


@pytest.fixture
def signed_in(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    client.post(f"{INFO}setup/", {"action": "confirm"})
    prove(client)
    return client


def begin(client: Any, label: str = "") -> tuple[str, str]:
    """Up to the page that shows the code: its address and the code."""
    place = client.post(ADD, {"label": label}).url
    return place, str(client.get(place).context["code"])


def enrol(phone: Phone, code: str) -> Any:
    return phone.call("enrol", code=code, key=phone.key)


def state(phone: Phone, enrolment: str) -> Any:
    return phone.call("enrolled", enrolment=enrolment, key=phone.key)


def register(client: Any, label: str = "") -> Phone:
    """From the first page to a registered phone."""
    phone = Phone()
    place, code = begin(client, label)
    answer = enrol(phone, code).json()
    assert client.post(place, {"code": answer["number"]}).url == INFO
    told = state(phone, answer["enrolment"]).json()
    with scopes_disabled():
        phone.row = Authenticator.objects.get(pk=told["phone"])
    return phone


def phones_of(user: User) -> list[Authenticator]:
    with scopes_disabled():
        return list(Authenticator.objects.filter(user=user, type=AuthenticatorType.PHONE_APP).order_by("id"))


def pending_challenge() -> OwnChallenge:
    with scopes_disabled():
        return OwnChallenge.objects.filter(method="app_notification").latest("created_at")


def test_a_phone_is_registered_by_a_code_and_a_number(signed_in: Any, alice: User) -> None:
    phone = Phone()
    place, code = begin(signed_in, "Old Nokia")
    page = signed_in.get(place)
    assert page.context["waits"]
    assert code in text_of(page)
    assert "http://testserver/authenticator/" in text_of(page)
    assert signed_in.get(f"{INFO}confirm/{pending_challenge().pk}/?waiting=1").json() == {"waits": True}
    answer = enrol(phone, code.lower().replace("-", " ")).json()
    assert state(phone, answer["enrolment"]).json() == {"state": "waiting"}
    assert signed_in.get(f"{INFO}confirm/{pending_challenge().pk}/?waiting=1").json() == {"waits": False}
    page = signed_in.get(place)
    assert code not in text_of(page)
    assert answer["number"] not in text_of(page).split(), "the number stands on the phone alone"
    assert phones_of(alice) == []
    assert signed_in.post(place, {"code": answer["number"]}).url == INFO
    (row,) = phones_of(alice)
    assert (row.name, row.secret_value, row.source) == ("Old Nokia", phone.key, "user")
    assert state(phone, answer["enrolment"]).json() == {
        "state": "registered",
        "phone": row.pk,
        "organisation": "Acme",
        "name": "alice@acme.example",
    }
    assert "Old Nokia" in text_of(signed_in.get(INFO))
    told = [wizard.contents(message) for message in journeys.messages("own_method_was_changed")]
    assert {each["recipient"] for each in told} == {"alice@home.example", "alice@acme.example"}
    assert len(events(Activity.METHOD_REGISTERED)) == 1


def test_a_code_works_once_and_for_five_minutes(signed_in: Any, alice: User) -> None:
    place, code = begin(signed_in)
    assert enrol(Phone(), code).status_code == 200
    assert enrol(Phone(), code).status_code == 403
    _, second = begin(signed_in)
    journeys.change(pending_challenge(), expires_at=timezone.now())
    assert enrol(Phone(), second).status_code == 403
    assert place


def test_somebody_who_guessed_the_code_gets_nowhere_without_the_computer(signed_in: Any, alice: User) -> None:
    place, code = begin(signed_in)
    thief = Phone()
    answer = enrol(thief, code).json()
    page = signed_in.post(place, {"code": other_number(answer["number"])})
    assert "That isn't the number that the phone shows." in text_of(page)
    assert phones_of(alice) == []
    thief.row = Authenticator(pk=1)
    assert thief.call("pending", phone=1).status_code == 403


def test_wrong_numbers_at_the_computer_are_counted(signed_in: Any, alice: User) -> None:
    place, code = begin(signed_in)
    number = enrol(Phone(), code).json()["number"]
    for _ in range(5):
        signed_in.post(place, {"code": other_number(number)})
    assert "too often" in text_of(signed_in.post(place, {"code": number}))
    assert phones_of(alice) == []


@pytest.mark.parametrize("typed", ["", "7", "777", "ab"])
def test_an_odd_number_is_a_wrong_one(signed_in: Any, alice: User, typed: str) -> None:
    place, code = begin(signed_in)
    enrol(Phone(), code)
    assert signed_in.post(place, {"code": typed}).status_code == 200
    assert phones_of(alice) == []


def test_before_a_phone_came_pressing_the_button_counts_nothing(signed_in: Any, alice: User) -> None:
    place, code = begin(signed_in)
    for _ in range(7):
        assert signed_in.post(place, {"code": ""}).status_code == 200
    phone = Phone()
    assert signed_in.post(place, {"code": enrol(phone, code).json()["number"]}).url == INFO


def test_no_more_than_five_phones(signed_in: Any, alice: User) -> None:
    for _ in range(5):
        give_phone(alice)
    assert "as many of these as you may have" in text_of(signed_in.post(ADD, {"label": ""}))


def test_where_the_policy_does_not_allow_it_nothing_begins(
    signed_in: Any, alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    assert "doesn't allow this any more" in text_of(signed_in.post(ADD, {"label": ""}))
    with scopes_disabled():
        assert not OwnChallenge.objects.filter(method="app_notification").exists()


def test_who_gave_no_fresh_proof_gives_one_first(client: Any, alice: User, open_policy: ResetPolicy) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert client.get(ADD).url.startswith(f"{INFO}prove/")


def test_an_account_whose_sessions_ended_takes_no_phone(signed_in: Any, alice: User) -> None:
    _, code = begin(signed_in)
    journeys.change(alice, credentials_epoch="another")
    assert enrol(Phone(), code).status_code == 403


def test_e6_the_code_is_kept_as_a_digest_and_sealed(signed_in: Any) -> None:
    _, code = begin(signed_in)
    row = pending_challenge()
    kept = f"{row.digest} {bytes(row.sealed)!r}"
    assert code not in kept
    assert code.replace("-", "") not in kept


def test_housekeeping_forgets_codes_and_what_makes_a_call_single(signed_in: Any) -> None:
    phone = register(signed_in)
    assert phone.pending() == []
    begin(signed_in)
    later = timezone.now() + timedelta(hours=25)
    housekeeping.forget_abandoned(later)
    housekeeping.prune(later)
    with scopes_disabled():
        assert not OwnChallenge.objects.exists()
    assert not Counter.objects.exists()


def test_a_phone_is_named_and_revoked(signed_in: Any, alice: User) -> None:
    phone = register(signed_in)
    place = f"{INFO}{phone.id}/"
    signed_in.post(place, {"action": "rename", "label": "Work phone"})
    assert "Work phone" in text_of(signed_in.get(INFO))
    signed_in.post(place, {"action": "remove"})
    assert phones_of(alice) == []
    assert phone.call("pending", phone=phone.id).status_code == 403


def test_what_is_kept_about_a_person_names_the_phone_but_no_key(signed_in: Any) -> None:
    phone = register(signed_in, "Old Nokia")
    text = signed_in.get("/account/data.json").content.decode()
    assert "Old Nokia" in text
    assert phone.key not in text


# --- proving while signed in ---------------------------------------------------------------------------------------


def begin_proof(client: Any, phone: Phone) -> tuple[str, OwnChallenge]:
    place = client.post(f"{INFO}prove/", {"offer": f"app_notification:{phone.id}"}).url
    return place, pending_challenge()


def test_it_proves_before_a_change_too(signed_in: Any) -> None:
    phone = register(signed_in)
    place, challenge = begin_proof(signed_in, phone)
    assert challenge.shown in text_of(signed_in.get(place))
    (told,) = phone.pending()
    assert (told["what"], told["name"], told["address"]) == ("prove", "alice@acme.example", "127.0.0.1")
    assert signed_in.post(place, {"action": "answer"}).status_code == 200
    assert phone.approve(challenge, other_number(challenge.shown)) == "wrong"
    assert phone.approve(challenge, challenge.shown) == "right"
    assert signed_in.post(place, {"action": "answer"}).url == INFO


def test_no_to_a_proof_ends_every_session(signed_in: Any, alice: User) -> None:
    phone = register(signed_in)
    place, challenge = begin_proof(signed_in, phone)
    assert phone.refuse(challenge) == "refused"
    assert not is_signed_in(signed_in)
    told = journeys.messages("prompt_was_refused")
    assert {message.user_id for message in told} == {alice.pk}
    assert {wizard.contents(message)["context"]["was_signed_in"] for message in told} == {"yes"}
    (event,) = events(Activity.PROMPT_REFUSED)
    assert (event.result, event.client_address) == ("failure", "127.0.0.1")
    assert phone.approve(challenge, challenge.shown) == "over"
    assert signed_in.post(place, {"action": "answer"}).url.startswith("/signin/")


def test_a_registration_is_no_prompt_and_can_not_be_approved_by_another_phone(signed_in: Any, alice: User) -> None:
    phone = register(signed_in)
    begin(signed_in)
    challenge = pending_challenge()
    assert phone.pending() == []
    assert phone.approve(challenge, "00") == "over"


# --- the web app's own pages ---------------------------------------------------------------------------------------


def test_the_web_app_is_open_to_everybody_and_asks_nobody_else(client: Browser, db: Any) -> None:
    page = client.get("/authenticator/")
    assert page.status_code == 200
    policy = page["Content-Security-Policy"]
    assert "worker-src 'self'" in policy
    assert "manifest-src 'self'" in policy
    worker = client.get("/authenticator/sw.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert b"showNotification" in worker.content
    manifest = client.get("/authenticator/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    told = manifest.json()
    assert (told["start_url"], told["scope"], told["display"]) == ("/authenticator/", "/authenticator/", "standalone")
    assert client.get("/authenticator/manifest.webmanifest?mkt=ar").json()["dir"] == "rtl"
