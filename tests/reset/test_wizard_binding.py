"""A proof belongs to one person, one request, one browser and one destination on file."""

from typing import Any

import pytest

from accounts.methods import AuthenticatorType
from accounts.models import Tenant, User
from policy.models import ResetPolicy
from reset.models import State
from tests import wizard
from tests.conftest import make_authenticator, make_tenant, make_user
from tests.reset import journeys
from tests.reset.journeys import NEW, PASSWORD, STATUS, VERIFY, Browser


def sent_to() -> set[str]:
    """Recipients of everything that will be delivered."""
    return {wizard.contents(message)["recipient"] for message in journeys.messages(status="queued")}


def test_s4_the_id_of_one_request_does_not_open_with_the_secret_of_another(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    attacker, victim = Browser(), Browser()
    journeys.prove(attacker, "bob@acme.example")
    own, secret = attacker.cookies["rekey"].value.split(".")
    other = journeys.begin_answering(victim)
    for cookie in (
        f"{other.pk}.{secret}",
        f"{other.pk}.",
        f"{own}.{other.secret_digest}",
        f"{other.pk}.{other.secret_digest}",
    ):
        attacker.cookies["rekey"] = cookie
        for page in (VERIFY, PASSWORD, STATUS, "/reset/contact/"):
            assert attacker.get(page).url.startswith("/reset/")
        assert journeys.set_password(attacker).url.startswith("/reset/")
    assert journeys.has_old_password(alice)


def test_s4_fields_that_name_somebody_else_change_nothing(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.prove(client, "bob@acme.example")
    foreign = {"user": alice.principal_name, "user_id": alice.pk, "username": alice.principal_name, "id": alice.pk}
    client.post(PASSWORD, {"password": NEW, "again": NEW, **foreign})
    assert journeys.has_old_password(alice)
    assert journeys.person(bob).check_password(NEW)


def test_s4_another_persons_authenticator_is_not_offered(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client, "bob@acme.example")
    mail = make_authenticator(alice, AuthenticatorType.EMAIL, "mallory@evil.example")
    assert client.post(VERIFY, {"action": "choose", "offer": f"email:{mail.pk}"}).url == VERIFY
    assert (journeys.newest().challenge, journeys.messages()) == (None, [])


def test_s4_a_proof_in_one_browser_does_not_open_another(alice: User, open_policy: ResetPolicy) -> None:
    client, other = Browser(), Browser()
    journeys.begin_answering(client)
    other.cookies["rekey"] = client.cookies["rekey"].value
    wizard.answer(client, wizard.last_code())
    assert journeys.set_password(other).url.startswith("/reset/")
    assert journeys.has_old_password(alice)


def test_s5_a_code_of_one_request_is_wrong_in_another(alice: User, open_policy: ResetPolicy) -> None:
    first, second = Browser(), Browser()
    journeys.begin_answering(first)
    code = wizard.last_code()
    journeys.begin_answering(second)
    assert wizard.answer(second, code).status_code == 200
    assert second.get(PASSWORD).url == VERIFY
    assert wizard.answer(first, code).url == PASSWORD


def test_s5_a_code_by_mail_is_wrong_by_text_and_the_other_way_round(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    by_mail = wizard.last_code()
    client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    by_text = wizard.last_code()
    assert wizard.answer(client, by_mail).status_code == 200
    client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "email")
    assert wizard.answer(client, by_text).status_code == 200
    assert client.get(PASSWORD).url == VERIFY


def test_s5_another_organisations_address_does_not_open_a_request(
    alice: User, globex: Tenant, open_policy: ResetPolicy
) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for page in (VERIFY, PASSWORD, STATUS):
        assert client.get(f"/t/globex{page}").status_code == 404
        assert client.post(f"/t/globex{page}", {"action": "answer", "code": wizard.last_code()}).status_code in (
            404,
            405,
        )
    assert client.get("/t/globex/reset/contact/").url == "/t/globex/reset/"
    assert client.get(f"/t/acme{VERIFY}").status_code == 200


def test_s5_a_name_at_another_organisations_address_is_a_stranger(
    alice: User, globex: Tenant, open_policy: ResetPolicy
) -> None:
    client = Browser()
    wizard.start(client, journeys.ALICE, prefix="/t/globex")
    request = journeys.newest()
    assert (request.user_id, request.tenant_id) == (None, globex.pk)


def test_s5_people_of_a_customers_tenant_are_found_at_its_own_address_only(executor: Any) -> None:
    shop = make_tenant("shop", "shop.example", kind=Tenant.Kind.CUSTOMERS)
    carol = make_user(shop, "carol", mail="carol@home.example")
    wizard.start(Browser(), "carol", prefix="/t/shop")
    found = journeys.newest()
    assert found.tenant_id == shop.pk
    make_tenant("other", "other.example")
    assert wizard.start(Browser(), "carol").status_code == 200
    assert carol.tenant_id == shop.pk


SEVERAL = [
    "alice@acme.example,mallory@evil.example",
    "alice@acme.example mallory@evil.example",
    "alice@acme.example\nCc: mallory@evil.example",
    "alice@acme.example%0acc:mallory@evil.example",
    "alice@acme.example;mallory@evil.example",
    "<alice@acme.example>",
    "ａlice@acme.example",
    "alıce@acme.example",
    "ALİCE@acme.example",
    "alice@acme.example\u200b",
    "aliﬁ@acme.example",
]


@pytest.mark.parametrize("name", SEVERAL)
def test_s6_a_name_that_is_not_exactly_the_one_sends_nothing(name: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    if wizard.start(client, name).status_code == 302:
        offers = client.get(VERIFY).context["offers"]
        for offer in offers:
            client.post(VERIFY, {"action": "choose", "offer": f"{offer.method}:{offer.authenticator_id}"})
            journeys.type_number(client, "+4915112345647")
            client.post(VERIFY, {"action": "another"})
    assert sent_to() == set()


@pytest.mark.parametrize(
    "number",
    [
        "+4915112345647,+4915199999999",
        "+4915112345647;+4915199999999",
        "+4915112345647\n+4915199999999",
        ["+4915112345647", "+4915199999999"],
        "+4915199999999",
        "+49 151 1234 5647 x9",
        "tel:+4915112345647;phone-context=+1",
    ],
    ids=str,
)
def test_s6_a_text_goes_to_the_number_on_file_or_to_nobody(number: Any, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    client.post(VERIFY, {"action": "destination", "number": number})
    assert sent_to() <= {"+4915112345647"}


def test_s6_one_request_for_a_code_is_one_message_to_the_stored_address(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    page = client.get(VERIFY)
    offer = next(offer for offer in page.context["offers"] if offer.method == "email")
    chosen = {"action": "choose", "offer": f"email:{offer.authenticator_id}"}
    client.post(
        VERIFY, {**chosen, "to": "mallory@evil.example", "email": "mallory@evil.example", "recipient": "mallory"}
    )
    assert (sent_to(), len(journeys.messages())) == ({"alice@home.example"}, 1)


@pytest.mark.parametrize(
    "offer", ["email:0", "email:-1", "email:٣", "email:1e3", "email", ":", "fax:1", "email:" + "9" * 30]
)
def test_s6_what_was_not_offered_can_not_be_chosen(offer: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    assert client.post(VERIFY, {"action": "choose", "offer": offer}).status_code in (200, 302)
    assert (journeys.newest().challenge, journeys.messages()) == (None, [])


def test_s9_the_cookie_is_new_when_all_is_proved_and_at_the_end(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    seen = []
    journeys.begin(client)
    seen.append(client.cookies["rekey"].value)
    wizard.choose(client, "email")
    wizard.answer(client, wizard.last_code())
    seen.append(client.cookies["rekey"].value)
    journeys.set_password(client)
    seen.append(client.cookies["rekey"].value)
    assert len(set(seen)) == 3
    assert len({value.split(".")[0] for value in seen}) == 1
    for old in seen[:2]:
        stale = Browser()
        stale.cookies["rekey"] = old
        assert stale.get(STATUS).url.startswith("/reset/")
    assert client.get(STATUS).status_code == 200


def test_s9_a_planted_cookie_is_useless_once_the_victim_has_proved(alice: User, open_policy: ResetPolicy) -> None:
    attacker, victim = Browser(), Browser()
    journeys.begin(attacker)
    victim.cookies["rekey"] = attacker.cookies["rekey"].value
    wizard.choose(victim, "email")
    assert wizard.answer(victim, wizard.last_code()).url == PASSWORD
    assert journeys.set_password(attacker, "chosen by mallory").url.startswith("/reset/")
    assert journeys.set_password(victim).url == STATUS
    assert attacker.get(STATUS).url.startswith("/reset/")
    assert journeys.person(alice).check_password(NEW)


def test_s9_cookies_are_closed_to_scripts_and_other_sites(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.finish(client)
    for name in ("rekey", "rekey-browser"):
        cookie = client.cookies[name]
        assert (bool(cookie["httponly"]), cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert "session" not in client.cookies


def test_s9_two_people_in_one_browser_do_not_mix(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.finish(client)
    journeys.begin(client, "bob@acme.example")
    assert client.get(STATUS).url == VERIFY
    assert journeys.set_password(client).url == VERIFY
    assert journeys.newest().user_id == bob.pk
    assert not journeys.person(bob).check_password(NEW)


def test_s9_cancelling_ends_the_request_and_takes_the_cookie(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    code, cookie = wizard.last_code(), client.cookies["rekey"].value
    answer = client.post("/reset/cancel/")
    assert (answer.url, answer.cookies["rekey"]["max-age"]) == ("/reset/", 0)
    client.cookies["rekey"] = cookie
    assert wizard.answer(client, code).url == STATUS
    assert journeys.newest().state == State.CANCELLED


def test_p10_nobody_is_signed_in_after_a_reset(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.finish(client)
    assert client.get("/account/").status_code == 302
    assert client.get("/admin/").status_code == 302
