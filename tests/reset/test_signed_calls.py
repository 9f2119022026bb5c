"""What a phone sends: signed, once, within a minute, believed without a cookie; and where it can be woken."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import rotation, tenants
from accounts.models import User
from accounts.phone_apps import Subscription, subscription_of, to_base64url
from policy import throttle
from policy.models import Counter, ResetPolicy
from policy.throttle import Use
from reset import phone_registration
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.phones import SUBSCRIPTION, Phone, give_phone, make_wakeable
from tests.reset.registering import HERE
from tests.reset.signing_in import PASSWORD, post_sign_in


@pytest.fixture
def phone(alice: User) -> Phone:
    return give_phone(alice)


@pytest.fixture
def code(alice: User, open_policy: ResetPolicy) -> str:
    """What the computer shows while a phone is being registered."""
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    with tenants.all_opened():
        return phone_registration.code_of(phone_registration.begin(alice, "", "en", HERE, timezone.now()))


def enrol(phone: Phone, code: str) -> Any:
    return phone.call("enrol", code=code, key=phone.key)


def test_w5_calls_need_no_cookie_and_believe_none(
    phone: Phone, client: Browser, alice: User, open_policy: ResetPolicy
) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    unsigned = json.dumps({"signed": json.dumps({"purpose": "pending", "phone": phone.id}), "signature": ""})
    assert phone.send("pending", unsigned, client=client).status_code == 403
    assert phone.call("pending", phone=phone.id).status_code == 200


def test_every_refusal_reads_the_same(phone: Phone, bob: User) -> None:
    other = give_phone(bob)
    wrong = [
        phone.send("pending", phone.signed("pending", phone=10**9)),
        phone.send("pending", phone.signed("pending", phone=other.id)),
        phone.send("pending", phone.signed("subscription", phone=phone.id)),
        phone.send("pending", {**phone.signed("pending", phone=phone.id), "signature": "AA"}),
        phone.send("pending", {**phone.signed("pending", phone=phone.id), "signature": other.sign("x")}),
        *(phone.call("pending", phone=identifier) for identifier in (None, True, "1", -1, 10**30, 1.5, [1])),
        *(phone.send("pending", body) for body in ("", "[]", "null", "{", '{"signed": 1}', b"\xff", "[" * 5000)),
        phone.send("pending", {"signed": "[]", "signature": "AA"}),
        phone.call("enrol", code="AAAA-AAAA", key=phone.key),
        phone.call("enrolled", enrolment="nothing", key=phone.key),
        phone.call("enrol", code="\ud800AAAAAAA", key=phone.key),
        phone.call("answer", phone=phone.id, challenge="\ud800", decision="refuse"),
    ]
    assert {(answer.status_code, answer.content) for answer in wrong} == {(403, b'{"error": "refused"}')}
    assert phone.client.get("/authenticator/api/pending/").status_code == 405
    assert phone.call("nothing").status_code == 404


def test_a_call_works_once_and_for_a_minute(phone: Phone) -> None:
    body = phone.signed("pending", phone=phone.id)
    assert [phone.send("pending", body).status_code for _ in range(2)] == [200, 403]
    for apart in (timedelta(seconds=-61), timedelta(seconds=61)):
        answer = phone.send("pending", phone.signed("pending", at=timezone.now() + apart, phone=phone.id))
        assert (answer.status_code, answer.json()["error"]) == (409, "time")
        assert abs(answer.json()["now"] - timezone.now().timestamp() * 1000) < 5000
    almost = timezone.now() - timedelta(seconds=55)
    assert phone.send("pending", phone.signed("pending", at=almost, phone=phone.id)).status_code == 200


def test_a_key_of_another_kind_is_refused(code: str) -> None:
    others = (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate())
    for other in others:
        phone = Phone()
        key = to_base64url(other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        assert phone.call("enrol", code=code, key=key).status_code == 403
    assert enrol(Phone(), code).status_code == 200


def test_s2_half_a_character_is_refused(db: Any) -> None:
    phone = Phone()
    assert phone.call("enrol", code="\ud800AAAAAAA", key=phone.key).status_code == 403
    assert phone.call("enrol", code="AAAAAAAA", key=f"{phone.key}\ud800").status_code == 403


def test_a_key_has_to_be_shown_to_be_held(code: str) -> None:
    mine, somebodys = Phone(), Phone()
    assert mine.call("enrol", code=code, key=somebodys.key).status_code == 403
    assert enrol(mine, code).status_code == 200


def test_o5_many_refused_calls_from_one_address_pause_it(phone: Phone) -> None:
    throttle.count(Use(throttle.REFUSED_CALLS_FROM_ADDRESS, "127.0.0.1", 59))
    assert phone.call("pending", phone=phone.id + 1).status_code == 403
    answer = phone.call("pending", phone=phone.id + 1)
    assert (answer.status_code, answer.json()) == (429, {"error": "often"})
    assert int(answer["Retry-After"]) > 0
    assert phone.call("pending", phone=phone.id).status_code == 200, "a phone's neighbours keep it from nothing"


def test_o1_codes_typed_from_one_address_are_counted_before_they_are_compared(code: str) -> None:
    throttle.count(Use(throttle.PHONE_CODES_FROM_ADDRESS, "127.0.0.1", 30))
    assert enrol(Phone(), code).status_code == 429


def test_o5_a_phone_that_calls_on_and_on_is_paused_and_no_other(phone: Phone, bob: User) -> None:
    throttle.count(Use(throttle.CALLS_OF_PHONE, phone.key, 599))
    assert [phone.call("pending", phone=phone.id).status_code for _ in range(2)] == [200, 429]
    other = give_phone(bob)
    assert other.call("pending", phone=other.id).status_code == 200


def test_o5_keys_that_nobody_registers_leave_no_rows_behind(code: str) -> None:
    enrolment = enrol(Phone(), code).json()["enrolment"]
    before = Counter.objects.count()
    answers = [stranger.call("enrolled", enrolment=enrolment, key=stranger.key) for stranger in (Phone(), Phone())]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert Counter.objects.count() == before + 1, "what the address is counted by"


def test_s10_a_phone_of_a_disabled_account_is_unknown(phone: Phone, alice: User) -> None:
    journeys.change(alice, is_enabled=False)
    assert phone.call("pending", phone=phone.id).status_code == 403


# --- being woken ---------------------------------------------------------------------------------------------------


def kept(phone: Phone) -> Subscription | None:
    assert phone.row is not None
    with scopes_disabled():
        phone.row.refresh_from_db()
        return subscription_of(phone.row)


def test_a_phone_says_where_it_can_be_woken_and_takes_that_back(phone: Phone) -> None:
    assert phone.call("pending", phone=phone.id).json()["awake"] is False
    digest = phone.row.digest  # type: ignore[union-attr]
    assert phone.call("subscription", phone=phone.id, subscription=SUBSCRIPTION).json() == {"kept": True}
    held = kept(phone)
    assert held is not None
    assert held.endpoint == SUBSCRIPTION["endpoint"]
    assert phone.row.digest == digest  # type: ignore[union-attr]
    assert b"push.example" not in bytes(phone.row.sealed)  # type: ignore[union-attr]
    assert phone.call("pending", phone=phone.id).json()["awake"] is True
    assert phone.call("subscription", phone=phone.id, subscription=None).json() == {"kept": True}
    assert kept(phone) is None


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "ftp://push.example/1"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://user:secret@push.example/1"},
        {"endpoint": "https://push.example/" + "x" * 1000},
        {"endpoint": ""},
        {"endpoint": None},
        {"endpoint": ["https://push.example/1"]},
        {"endpoint": {"https://push.example/1": 1}},
        {"keys": {"p256dh": "AA", "auth": "AA"}},
        {"keys": {}},
        {"keys": None},
        {"keys": {**SUBSCRIPTION["keys"], "auth": "é"}},  # type: ignore[dict-item]
    ],
)
def test_q11_an_address_that_no_message_would_go_to_is_refused(phone: Phone, change: dict[str, Any]) -> None:
    odd = {**SUBSCRIPTION, **change}
    assert phone.call("subscription", phone=phone.id, subscription=odd).status_code == 403
    assert kept(phone) is None


def test_q11_outside_of_development_only_https_is_taken(phone: Phone, settings: Any) -> None:
    settings.EMBEDDED = False
    plain = {**SUBSCRIPTION, "endpoint": "http://push.example/1"}
    assert phone.call("subscription", phone=phone.id, subscription=plain).status_code == 403


def test_new_keys_at_rest_keep_where_a_phone_is_woken(phone: Phone, settings: Any) -> None:
    make_wakeable(phone)
    old = settings.SEALING_KEYS[0]
    settings.SEALING_KEYS = (type(old)("newer", bytes(reversed(old.value))), old)
    rotation.rotate(False, lambda _rows: None)
    assert bytes(phone.row.sealed).startswith(b"test1:")  # type: ignore[union-attr]
    assert kept(phone) is not None
    assert bytes(phone.row.sealed).startswith(b"newer:")  # type: ignore[union-attr]
