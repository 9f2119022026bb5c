"""Passkeys: made while signed in, used in the wizard and before a change; answers for anything else open nothing."""

import json
import logging
from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType, Method, available_methods
from accounts.models import Authenticator, User
from policy.models import ResetPolicy
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.signing_in import PASSWORD, post_sign_in
from tests.reset.test_security_info import INFO, prove, text_of
from tests.security_key import PRESENT, SecurityKey, challenge_of

ADD, VERIFY = f"{INFO}add/passkey/", "/reset/verify/"


@pytest.fixture
def open_policy(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "passkey"])


@pytest.fixture
def signed_in(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    client.post(f"{INFO}setup/", {"action": "confirm"})
    prove(client)
    return client


def options_of(page: Any) -> str:
    return str(page.context["options"])


def register(client: Any, key: SecurityKey, label: str = "") -> Any:
    place = client.post(ADD, {"label": label}).url
    return client.post(place, {"code": key.create(options_of(client.get(place)))})


def begin(client: Browser, name: str = "alice@acme.example") -> str:
    """Up to the page that asks for the passkey; returns what it asks for."""
    journeys.begin_answering(client, name=name, method="passkey")
    return options_of(client.get(VERIFY))


def passkeys_of(user: User) -> list[Authenticator]:
    with scopes_disabled():
        return list(Authenticator.objects.filter(user=user, type=AuthenticatorType.PASSKEY))


def test_a_passkey_is_made_and_resets_a_password(signed_in: Any, alice: User) -> None:
    key = SecurityKey()
    assert register(signed_in, key, "Laptop").url == INFO
    assert "Laptop" in text_of(signed_in.get(INFO))
    client = Browser()
    assert wizard.answer(client, key.get(begin(client))).url == "/reset/password/"
    assert journeys.set_password(client).url == "/reset/status/"
    assert not journeys.has_old_password(alice)


def test_it_proves_before_a_change_too(signed_in: Any, alice: User) -> None:
    key = SecurityKey()
    register(signed_in, key)
    (row,) = passkeys_of(alice)
    place = signed_in.post(f"{INFO}prove/", {"offer": f"passkey:{row.pk}"}).url
    assert "That didn't work." in text_of(signed_in.post(place, {"code": "{}"}))
    assert signed_in.post(place, {"code": key.get(options_of(signed_in.get(place)))}).url == INFO


def test_a_device_is_asked_for_verification_and_makes_no_second_one(signed_in: Any) -> None:
    key = SecurityKey()
    register(signed_in, key)
    asked = json.loads(options_of(signed_in.get(signed_in.post(ADD, {}).url)))
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert len(asked["excludeCredentials"]) == 1
    assert (asked["rp"]["id"], asked["attestation"]) == ("testserver", "none")


@pytest.mark.parametrize(
    "key",
    [SecurityKey(origin="https://evil.example"), SecurityKey(flags=PRESENT), SecurityKey(flags=0)],
    ids=["another site", "not verified", "nobody there"],
)
def test_what_was_not_made_here_by_somebody_verified_registers_nothing(
    signed_in: Any, alice: User, key: SecurityKey
) -> None:
    assert "That didn't work." in text_of(register(signed_in, key))
    assert passkeys_of(alice) == []


@pytest.mark.parametrize(
    "answer", ["", "null", "[]", "{}", '{"id": 1}', "{" * 30_000, "é", '{"id": "x", "response": {}}']
)
def test_nonsense_is_a_wrong_answer_everywhere(signed_in: Any, alice: User, answer: str) -> None:
    place = signed_in.post(ADD, {}).url
    assert signed_in.post(place, {"code": answer}).status_code == 200
    register(signed_in, SecurityKey())
    client = Browser()
    begin(client)
    page = wizard.answer(client, answer)
    assert (page.status_code, "4 tries left" in text_of(page)) == (200, True)


def test_s4_somebody_elses_passkey_opens_nothing(signed_in: Any, alice: User) -> None:
    register(signed_in, SecurityKey())
    client = Browser()
    assert wizard.answer(client, SecurityKey().get(begin(client))).status_code == 200


def test_s5_an_answer_to_one_challenge_is_none_to_another(signed_in: Any, alice: User) -> None:
    key = SecurityKey()
    register(signed_in, key)
    first, second = Browser(), Browser()
    answer = key.get(begin(first))
    begin(second)
    assert wizard.answer(second, answer).status_code == 200
    assert wizard.answer(first, answer).status_code == 302


def test_s5_a_challenge_is_never_the_same_twice(signed_in: Any) -> None:
    register(signed_in, SecurityKey())
    assert challenge_of(begin(Browser())) != challenge_of(begin(Browser()))


def test_o4_an_answer_passes_one_gate_once(signed_in: Any, alice: User, open_policy: ResetPolicy) -> None:
    key = SecurityKey()
    register(signed_in, key)
    client = Browser()
    answer = key.get(begin(client))
    assert wizard.answer(client, answer).status_code == 302
    assert wizard.answer(client, answer).url == "/reset/password/", "the step is over; nothing is done twice"


def test_a_counter_that_went_backwards_is_a_copy_and_opens_nothing(signed_in: Any, alice: User) -> None:
    key = SecurityKey(counts=True)
    key.count = 5
    register(signed_in, key)
    key.count = 3
    client = Browser()
    assert wizard.answer(client, key.get(begin(client))).status_code == 200
    key.count = 7
    assert wizard.answer(client, key.get(options_of(client.get(VERIFY)))).status_code == 302


def test_a_passkey_used_at_another_address_tells_the_operator(signed_in: Any, caplog: pytest.LogCaptureFixture) -> None:
    key = SecurityKey()
    register(signed_in, key)
    key.origin = "https://reset.elsewhere.example"
    client = Browser()
    with caplog.at_level(logging.WARNING, "reset.passkeys"):
        assert wizard.answer(client, key.get(begin(client))).status_code == 200
    assert "http://testserver" in caplog.text
    assert "elsewhere" not in caplog.text


def test_any_of_several_passkeys_will_do_and_there_is_one_way_to_choose(signed_in: Any, alice: User) -> None:
    first, second = SecurityKey(), SecurityKey(counts=True)
    register(signed_in, first)
    register(signed_in, second)
    for key in (second, first, second):
        client = Browser()
        assert wizard.answer(client, key.get(begin(client))).status_code == 302
    client = Browser()
    journeys.begin(client)
    assert [offer.method for offer in client.get(VERIFY).context["offers"]].count("passkey") == 1


@pytest.mark.parametrize("depth", [100, 300, 600, 900, 1300, 1990])
def test_e1_whatever_is_sent_answers_members_and_strangers_alike(
    signed_in: Any, open_policy: ResetPolicy, depth: int
) -> None:
    register(signed_in, SecurityKey())
    journeys.policy_with(open_policy, methods=["passkey"])
    answer = '{"id":"x","rawId":"x","type":"public-key","response":{},"z":' + "[" * depth + "]" * depth + "}"
    told = set()
    for name in ("alice@acme.example", *(f"nobody{number}@acme.example" for number in range(4))):
        client = Browser()
        journeys.begin(client, name)
        if any(offer.method == "passkey" for offer in client.get(VERIFY).context["offers"]):
            wizard.choose(client, "passkey")
            told.add(wizard.answer(client, answer).status_code)
    assert told == {200}


def test_strangers_are_asked_the_same_way(signed_in: Any, open_policy: ResetPolicy) -> None:
    register(signed_in, SecurityKey())
    journeys.policy_with(open_policy, methods=["passkey"])
    shapes, asked = [], []
    for name in ("alice@acme.example", *(f"nobody{number}@acme.example" for number in range(30))):
        client = Browser()
        journeys.begin(client, name)
        if not any(offer.method == "passkey" for offer in client.get(VERIFY).context["offers"]):
            continue  # one stranger in eight seems to be an administrator
        wizard.choose(client, "passkey")
        options = options_of(client.get(VERIFY))
        asked.append({**json.loads(options), "challenge": ""})
        with journeys.statements() as seen:
            assert wizard.answer(client, SecurityKey().get(options)).status_code == 200
        shapes.append([journeys.shape(sql) for sql in seen])
        if len(shapes) == 2:
            break
    assert (shapes[0], asked[0]) == (shapes[1], asked[1])


def test_a_policy_can_demand_passkeys_alone(signed_in: Any, alice: User, open_policy: ResetPolicy) -> None:
    register(signed_in, SecurityKey())
    journeys.policy_with(open_policy, methods=["passkey"])
    client = Browser()
    journeys.begin(client)
    assert [offer.method for offer in client.get(VERIFY).context["offers"]] == ["passkey"]


def test_without_a_host_name_there_are_no_passkeys(settings: Any) -> None:
    assert Method.PASSKEY in available_methods()
    settings.PASSKEY_HOST = ""
    assert Method.PASSKEY not in available_methods()


def test_a_passkey_may_be_bound_to_a_domain_above_the_host(signed_in: Any, alice: User, settings: Any) -> None:
    settings.PASSKEY_HOST = "acme.example"
    key = SecurityKey()
    place = signed_in.post(ADD, {"label": ""}).url
    asked = options_of(signed_in.get(place))
    assert json.loads(asked)["rp"]["id"] == "acme.example"
    assert signed_in.post(place, {"code": key.create(asked)}).url == INFO
    client = Browser()
    assert wizard.answer(client, key.get(begin(client))).url == "/reset/password/"
    settings.PASSKEY_HOST = "other.example"
    other = Browser()
    assert wizard.answer(other, key.get(begin(other).replace("other.example", "acme.example"))).status_code == 200


def test_what_was_never_sent_is_not_sent_again(signed_in: Any, alice: User) -> None:
    signed_in.get(f"{INFO}add/passkey/")
    place = signed_in.post(f"{INFO}add/passkey/", {"label": ""}).url
    assert "isn't possible any more" in text_of(signed_in.post(place, {"action": "again"}))
