"""Security info, page by page: what is held, adding, replacing, renaming and removing it, always after a fresh proof."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, Tenant, User
from policy.models import ResetPolicy
from reset.models import OwnChallenge
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.signing_in import PASSWORD, code_of, events, give_app, post_sign_in

INFO = "/security-info/"


@pytest.fixture
def signed_in(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    with scopes_disabled():
        User.objects.filter(pk=alice.pk).update(methods_confirmed_at=timezone.now())
    post_sign_in(client, "alice@acme.example", PASSWORD)
    return client


def prove(client: Any, method: str = "email", then: str = INFO) -> Any:
    """Choose a way and type its code; the answer leads on to `then`."""
    page = client.get(f"{INFO}prove/?next={then}")
    offer = next(offer for offer in page.context["offers"] if offer.method == method)
    place = client.post(f"{INFO}prove/?next={then}", {"offer": f"{method}:{offer.authenticator_id}"}).url
    return client.post(place, {"code": wizard.last_code()})


def text_of(page: Any) -> str:
    return str(page.content.decode()).replace("&#x27;", "'")


def held(user: User, kind: AuthenticatorType) -> list[str]:
    with scopes_disabled():
        return sorted(row.secret_value for row in Authenticator.objects.filter(user=user, type=kind))


def test_it_is_for_signed_in_people(client: Any, db: Any) -> None:
    assert client.get(INFO).url == f"/signin/?next={INFO}"


def test_the_page_shows_what_is_held_and_what_may_be_added(signed_in: Any) -> None:
    page = text_of(signed_in.get(INFO))
    for text in ("alice@home.example", "+49 1511 2345647", "Authenticator app"):
        assert text in page
    assert "Security questions" not in page, "the policy doesn't allow them"


@pytest.mark.parametrize("path", ["add/email/", "add/sms/", "add/app_code/", "add/questions/"])
def test_s7_a_change_asks_for_a_fresh_proof_first(signed_in: Any, path: str) -> None:
    for answer in (signed_in.get(INFO + path), signed_in.post(INFO + path, {"address": "eve@evil.example"})):
        assert answer.url == f"{INFO}prove/?next=/security-info/{path}"
    with scopes_disabled():
        assert OwnChallenge.objects.count() == 0


def test_s7_removing_and_renaming_ask_for_a_fresh_proof_too(signed_in: Any, alice: User) -> None:
    with scopes_disabled():
        row = Authenticator.objects.filter(user=alice).first()
    assert row is not None
    for action in ("remove", "rename"):
        answer = signed_in.post(f"{INFO}{row.pk}/", {"action": action, "label": "x"})
        assert answer.url.startswith(f"{INFO}prove/")
    assert held(alice, AuthenticatorType.EMAIL) == ["alice@home.example"]


@pytest.mark.parametrize("path", ["prove/", "add/email/", "setup/"])
def test_s7_another_site_can_post_nothing(alice: User, open_policy: ResetPolicy, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post(INFO + path, {"offer": "email:1"}, HTTP_ORIGIN="https://evil.example")
    assert answer.status_code == 403


def test_an_address_counts_after_its_own_code(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/email/", {"address": "alice@second.example", "label": "Private"}).url
    assert held(alice, AuthenticatorType.EMAIL) == ["alice@home.example"]
    assert "alice@second.example" in text_of(signed_in.get(place))
    answer = signed_in.post(place, {"code": wizard.last_code()})
    assert (answer.url, held(alice, AuthenticatorType.EMAIL)) == (INFO, ["alice@home.example", "alice@second.example"])
    told = {wizard.contents(message)["recipient"] for message in journeys.messages("own_method_was_changed")}
    assert told == {"alice@home.example", "alice@acme.example"}
    assert "Private" in text_of(signed_in.get(INFO))


def test_a_number_without_country_code_is_one_of_the_browsers_country(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    place = signed_in.post(
        f"{INFO}add/sms/", {"number": "0151 23456780"}, headers={"Accept-Language": "de-DE,de;q=0.9"}
    ).url
    signed_in.post(place, {"code": wizard.last_code()})
    assert "+4915123456780" in held(alice, AuthenticatorType.MOBILE_PHONE)


@pytest.mark.parametrize(
    ("method", "typed", "why"),
    [
        ("email", {"address": ""}, "Type an e-mail address."),
        ("email", {"address": "no address"}, "This is not an e-mail address."),
        ("email", {"address": "alice@acme.example"}, "one of your organisation's own domains"),
        ("email", {"address": "alice@mail.acme.example"}, "one of your organisation's own domains"),
        ("email", {"address": "alice@home.example"}, "You have that already."),
        ("email", {"address": "a@b.example,eve@evil.example"}, "This is not an e-mail address."),
        ("sms", {"number": "0151"}, "Write the number with its country code"),
        ("sms", {"number": "+49 900 1234567"}, "premium-rate"),
        ("sms", {"number": "+1 900 555 0123"}, "premium-rate"),
    ],
)
def test_s6_what_cannot_be_registered_is_refused_with_the_reason(
    signed_in: Any, method: str, typed: dict[str, str], why: str
) -> None:
    prove(signed_in)
    page = signed_in.post(f"{INFO}add/{method}/", typed)
    assert (page.status_code, why in text_of(page)) == (200, True), text_of(page)
    for value in typed.values():
        assert value in text_of(page), "nothing that was typed is lost"
    with scopes_disabled():
        assert OwnChallenge.objects.filter(purpose="register").count() == 0


def test_an_app_is_registered_by_its_first_code(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/app_code/", {"label": "My phone"}).url
    page = signed_in.get(place)
    key = "".join(page.context["groups"])
    assert page.context["address"].startswith("otpauth://totp/")
    row = Authenticator(user=alice, tenant=alice.tenant, type=AuthenticatorType.APP)
    row.set_value(key)
    signed_in.post(place, {"code": code_of(row)})
    assert held(alice, AuthenticatorType.APP) == [key]


def test_a_wrong_code_says_so_and_may_be_typed_again(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/email/", {"address": "alice@second.example"}).url
    code = wizard.last_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert "That isn't the code we sent last." in text_of(signed_in.post(place, {"code": wrong}))
    assert signed_in.post(place, {"code": f"{code[:3]} {code[3:]}"}).url == INFO


def test_a_code_may_be_sent_again_only_after_a_while(signed_in: Any) -> None:
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/email/", {"address": "alice@second.example"}).url
    assert "Please wait" in text_of(signed_in.post(place, {"action": "again"}))
    with scopes_disabled():
        OwnChallenge.objects.update(sent_at=timezone.now() - timedelta(seconds=31))
    assert "It is on its way once more." in text_of(signed_in.post(place, {"action": "again"}))


def test_questions_are_registered_all_at_once(signed_in: Any, alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "questions"])
    prove(signed_in)
    names = ["first_pet", "first_school", "first_job", "first_car", "dream_job"]
    body = {f"question_{n}": name for n, name in enumerate(names)} | {f"answer_{n}": f"answer {n}" for n in range(5)}
    twice = {**body, "question_1": "first_pet", "answer_2": "ANSWER, 0"}
    page = text_of(signed_in.post(f"{INFO}add/questions/", twice))
    assert "You chose this question above already." in page
    assert "You gave this answer above already." in page
    assert "at least three letters" in text_of(signed_in.post(f"{INFO}add/questions/", {**body, "answer_0": "a !"}))
    assert signed_in.post(f"{INFO}add/questions/", body).url == INFO
    with scopes_disabled():
        row = Authenticator.objects.get(user=alice, type=AuthenticatorType.QUESTIONS)
        assert sorted(row.answers.values_list("question", flat=True)) == sorted(names)


def test_another_takes_the_place_of_an_old_one(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    with scopes_disabled():
        old = Authenticator.objects.get(user=alice, type=AuthenticatorType.EMAIL)
    page = signed_in.get(f"{INFO}{old.pk}/")
    place = signed_in.post(page.context["replace"], {"address": "alice@second.example"}).url
    signed_in.post(place, {"code": wizard.last_code()})
    assert held(alice, AuthenticatorType.EMAIL) == ["alice@second.example"]


def test_a_method_is_renamed_and_removed(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    with scopes_disabled():
        phone = Authenticator.objects.get(user=alice, type=AuthenticatorType.MOBILE_PHONE)
    signed_in.post(f"{INFO}{phone.pk}/", {"action": "rename", "label": "Old phone"})
    assert "Old phone" in text_of(signed_in.get(INFO))
    signed_in.post(f"{INFO}{phone.pk}/", {"action": "remove"})
    assert held(alice, AuthenticatorType.MOBILE_PHONE) == []
    assert [event.details["type"] for event in events(Activity.METHOD_REMOVED)] == ["mobile_phone"]


def test_removing_below_what_the_policy_needs_warns_at_once(
    signed_in: Any, alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    with scopes_disabled():
        phone = Authenticator.objects.get(user=alice, type=AuthenticatorType.MOBILE_PHONE)
    assert "one method would be missing" in text_of(signed_in.get(f"{INFO}{phone.pk}/"))
    give_app(alice)
    assert "one method would be missing" not in text_of(signed_in.get(f"{INFO}{phone.pk}/"))


def test_s4_another_persons_method_is_nobodys_here(signed_in: Any, bob: User, alice: User) -> None:
    prove(signed_in)
    with scopes_disabled():
        foreign = Authenticator.objects.get(user=bob)
    assert signed_in.get(f"{INFO}{foreign.pk}/").url == INFO
    signed_in.post(f"{INFO}{foreign.pk}/", {"action": "remove"})
    page = signed_in.post(f"{INFO}add/email/?replaces={foreign.pk}", {"address": "alice@second.example"})
    assert "what it should replace is gone" in text_of(page)
    assert held(bob, AuthenticatorType.EMAIL) == ["bob@home.example"]


def test_who_is_under_no_policy_may_remove_and_adds_nothing(client: Any, alice: User) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    page = text_of(client.get(INFO))
    assert "hasn't turned this on for you" in page
    assert "Add a method" not in page
    prove(client)
    refused = client.post(f"{INFO}add/email/", {"address": "alice@second.example"})
    assert "doesn't allow this any more" in text_of(refused)


def test_a_proof_lasts_ten_minutes_and_only_for_this_session(signed_in: Any) -> None:
    prove(signed_in)
    assert signed_in.get(f"{INFO}add/email/").status_code == 200
    session = signed_in.session
    session["proved_at"] = (timezone.now() - timedelta(minutes=10)).isoformat()
    session.save()
    assert signed_in.get(f"{INFO}add/email/").url.startswith(f"{INFO}prove/")


def test_who_holds_nothing_proves_it_with_the_password(client: Any, acme: Tenant, open_policy: ResetPolicy) -> None:
    make_user(acme, "carol@acme.example", "old-password-3")
    post_sign_in(client, "carol@acme.example", "old-password-3")
    assert client.get(f"{INFO}add/email/").status_code == 200, "signing in just now was the proof"
    session = client.session
    session["password_proved_at"] = (timezone.now() - timedelta(minutes=11)).isoformat()
    session.save()
    asked = client.get(f"{INFO}add/email/").url
    assert "isn't your current password" in text_of(client.post(asked, {"password": "wrong"}))
    assert client.post(asked, {"password": "old-password-3"}).url == f"{INFO}add/email/"


def test_s5_a_challenge_of_one_purpose_opens_no_other(signed_in: Any, alice: User) -> None:
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/email/", {"address": "alice@second.example"}).url
    challenge = place.rstrip("/").rpartition("/")[2]
    assert signed_in.get(f"{INFO}prove/{challenge}/").url.startswith(f"{INFO}prove/?")
    signed_in.post(f"{INFO}prove/{challenge}/", {"code": wizard.last_code()})
    assert held(alice, AuthenticatorType.EMAIL) == ["alice@home.example"]


def test_o10_the_app_code_of_a_proof_works_once(signed_in: Any, alice: User) -> None:
    app = give_app(alice)
    code = code_of(app)
    for expected in (302, 200):
        place = signed_in.post(f"{INFO}prove/", {"offer": f"app_code:{app.pk}"}).url
        assert signed_in.post(place, {"code": code}).status_code == expected


def test_an_address_whose_domain_became_the_organisations_meanwhile_is_not_registered(
    signed_in: Any, alice: User, acme: Tenant
) -> None:
    """Later the domains are looked through only when they change again."""
    prove(signed_in)
    place = signed_in.post(f"{INFO}add/email/", {"address": "alice@new.example"}).url
    with scopes_disabled():
        Domain.objects.create(tenant=acme, name="new.example")
    assert "one of your organisation's own domains" in text_of(signed_in.post(place, {"code": wizard.last_code()}))
    assert len(held(alice, AuthenticatorType.EMAIL)) == 1
