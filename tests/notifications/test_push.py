"""Push messages: encrypted as RFC 8291 says, signed as RFC 8292 says, and addresses that are gone are dropped."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django_scopes import scopes_disabled

from accounts import egress
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, User
from accounts.phone_apps import Subscription, from_base64url, subscribe, subscription_of, to_base64url
from notifications import channels, delivery, messages, outbox
from notifications.channels import push
from notifications.models import Channel, Message
from tests.conftest import make_authenticator
from tests.notifications.conftest import deliveries, row
from tests.sms_gateway import Answer, SmsGateway
from tests.web_push import decrypted, private_key, raw

# RFC 8291, section 5 and appendix A.
PLAINTEXT = b"When I grow up, I want to be a watermelon"
SENDER_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RECEIVER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH, SALT = "BTBZMqHH6r4Tts7J_aSIgg", "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95b"
    "Qpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_rfc_8291_is_encrypted_as_printed_there() -> None:
    made = http_ece.encrypt(
        PLAINTEXT,
        salt=from_base64url(SALT),
        private_key=private_key(SENDER_PRIVATE),
        dh=from_base64url(RECEIVER_PUBLIC),
        auth_secret=from_base64url(AUTH),
        version="aes128gcm",
    )
    assert to_base64url(made) == BODY


def test_the_example_of_rfc_8291_is_what_the_tests_own_browser_reads() -> None:
    assert decrypted(from_base64url(BODY), private_key(RECEIVER_PRIVATE), from_base64url(AUTH)) == PLAINTEXT


def test_what_we_encrypt_the_browser_reads_and_nobody_else() -> None:
    subscription = Subscription("https://push.example/1", RECEIVER_PUBLIC, AUTH)
    made = push.encrypted(subscription, {"title": "Bist du das?", "body": "نعم"})
    read = decrypted(made, private_key(RECEIVER_PRIVATE), from_base64url(AUTH))
    assert json.loads(read) == {"title": "Bist du das?", "body": "نعم"}
    assert push.encrypted(subscription, {"title": "Bist du das?", "body": "نعم"}) != made, "a fresh key each time"


@dataclass
class World:
    """A push service, a phone that has subscribed there, and this installation's key."""

    service: SmsGateway
    phone: Authenticator
    receiver: ec.EllipticCurvePrivateKey
    auth: bytes
    vapid: ec.EllipticCurvePrivateKey

    @property
    def endpoint(self) -> str:
        return self.service.url(path="/push/abc?x=1")

    def subscription(self) -> Subscription | None:
        with scopes_disabled():
            self.phone.refresh_from_db()
            return subscription_of(self.phone)


@pytest.fixture
def vapid(tmp_path: Path, settings: Any) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "vapid.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings.VAPID_PRIVATE_KEY_FILE = str(path)
    return key


@pytest.fixture
def world(alice: User, vapid: ec.EllipticCurvePrivateKey, settings: Any) -> Iterator[World]:
    settings.EMAIL_FROM = "no-reply@rekey.example"
    receiver, auth = ec.generate_private_key(ec.SECP256R1()), b"a" * 16
    with SmsGateway() as service:
        service.answer = Answer(201)
        phone = make_authenticator(alice, AuthenticatorType.PHONE_APP, "key")
        made = World(service, phone, receiver, auth, vapid)
        address = Subscription(made.endpoint, to_base64url(raw(receiver.public_key())), to_base64url(auth))
        with scopes_disabled():
            assert subscribe(phone, address)
        yield made


def wake(world: World, now: datetime, lifetime: timedelta = timedelta(minutes=5)) -> Message:
    """Send a prompt as a reset does, and let the worker deliver it."""
    subscription = world.subscription()
    assert subscription is not None
    draft = messages.prompt(
        tenant_id=world.phone.tenant_id,
        language="en",
        recipient=push.address_of([(world.phone.pk, subscription)]),
        lifetime=lifetime,
    )
    (message_id,) = outbox.enqueue([draft], now)
    delivery.deliver(message_id, now)
    return row(message_id)


def test_a_phone_is_woken_by_its_push_service(world: World, now: datetime) -> None:
    assert wake(world, now).status == "sent"
    (request,) = world.service.requests
    assert (request.method, request.path) == ("POST", "/push/abc?x=1")
    told = {name: request.headers[name] for name in ("Content-Encoding", "Urgency", "Topic")}
    assert told == {"Content-Encoding": "aes128gcm", "Urgency": "high", "Topic": "prompt"}
    assert 280 <= int(request.headers["TTL"]) <= 300, "no longer than the prompt is of use"
    read = json.loads(decrypted(request.body, world.receiver, world.auth))
    assert read["title"] == "Is this you?"
    assert set(read) == {"title", "body"}
    assert "alice" not in str(read).lower()


def test_the_request_is_signed_for_this_service_as_rfc_8292_says(world: World, now: datetime) -> None:
    wake(world, now)
    kind, _, rest = world.service.requests[0].headers["Authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (kind, parts["k"]) == ("vapid", push.application_server_key())
    header, claims, signature = parts["t"].split(".")
    r, s = (int.from_bytes(half, "big") for half in (from_base64url(signature)[:32], from_base64url(signature)[32:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(parts["k"]))
    key.verify(encode_dss_signature(r, s), f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(from_base64url(header)) == {"typ": "JWT", "alg": "ES256"}
    said = json.loads(from_base64url(claims))
    assert (said["aud"], said["sub"]) == (f"http://127.0.0.1:{world.service.port}", "mailto:no-reply@rekey.example")
    assert now.timestamp() < said["exp"] < now.timestamp() + 24 * 3600, "RFC 8292: a day at most"


@pytest.mark.parametrize("status", [404, 410])
def test_an_address_that_is_gone_is_dropped(world: World, now: datetime, status: int) -> None:
    world.service.answer = Answer(status)
    message = wake(world, now)
    assert (message.status, bytes(message.sealed)) == ("failed", b"")
    assert [attempt.answer for attempt in deliveries(message.pk)] == [f"HTTP {status}"]
    assert world.subscription() is None


def test_a_phone_that_has_another_address_by_now_keeps_that(world: World, now: datetime) -> None:
    world.service.answer = Answer(410)
    newer = Subscription("https://push.example/newer", RECEIVER_PUBLIC, AUTH)
    old = world.subscription()
    assert old is not None
    draft = messages.prompt(
        tenant_id=world.phone.tenant_id,
        language="en",
        recipient=push.address_of([(world.phone.pk, old)]),
        lifetime=timedelta(minutes=5),
    )
    (message_id,) = outbox.enqueue([draft], now)
    with scopes_disabled():
        assert subscribe(world.phone, newer)
    delivery.deliver(message_id, now)
    assert world.subscription() == newer


@pytest.mark.parametrize(("status", "becomes"), [(429, "queued"), (503, "queued"), (400, "failed"), (413, "failed")])
def test_other_answers_drop_nothing(world: World, now: datetime, status: int, becomes: str) -> None:
    world.service.answer = Answer(status)
    assert wake(world, now).status == becomes
    assert world.subscription() is not None


def test_q11_a_push_address_in_a_private_network_is_not_asked(world: World, now: datetime, settings: Any) -> None:
    settings.EGRESS_ALLOW_PRIVATE = []
    assert wake(world, now).status == "failed"
    assert world.service.requests == []


def test_q11_networks_that_the_operator_allows_are_not_open_to_whoever_holds_a_phone(
    world: World, now: datetime, settings: Any
) -> None:
    settings.EMBEDDED = False
    assert settings.EGRESS_ALLOW_PRIVATE
    assert wake(world, now).status == "failed"
    assert world.service.requests == []


def test_a_push_service_is_not_waited_for_as_long_as_a_provider_of_ours(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def request(*given: Any, **_: Any) -> Any:
        waited.append(given[4])
        raise egress.Unreachable("nobody answered")

    monkeypatch.setattr(egress, "request", request)
    wake(world, now)
    assert waited == [3.0]


def test_without_a_key_nothing_is_sent_and_the_page_offers_no_subscription(
    world: World, now: datetime, settings: Any
) -> None:
    settings.VAPID_PRIVATE_KEY_FILE = ""
    assert wake(world, now).status == "queued"
    assert (world.service.requests, push.application_server_key()) == ([], "")
    assert channels.problems() == []


def test_the_public_key_is_that_of_the_file(vapid: ec.EllipticCurvePrivateKey) -> None:
    assert from_base64url(push.application_server_key()) == raw(vapid.public_key())
    assert base64.urlsafe_b64decode(push.application_server_key() + "=")[:1] == b"\x04"


def test_a_file_that_holds_no_such_key_is_named_at_the_start(tmp_path: Path, settings: Any) -> None:
    path = tmp_path / "other.key"
    path.write_text("nothing")
    settings.VAPID_PRIVATE_KEY_FILE = str(path)
    assert channels.problems() == ["VAPID_PRIVATE_KEY_FILE can't be read, or holds no P-256 private key (PEM)"]


def test_e6_an_address_to_wake_a_phone_at_never_prints(world: World) -> None:
    subscription = world.subscription()
    assert subscription is not None
    assert world.endpoint not in repr(subscription)
    assert channels.find(Channel.PUSH).problems() == []


@pytest.mark.parametrize(("gone", "becomes"), [(0, "sent"), (1, "sent"), (2, "failed")])
def test_all_phones_of_a_person_are_woken_and_one_is_enough(
    world: World, now: datetime, gone: int, becomes: str
) -> None:
    """The first ones are gone: that is said by a service of their own."""
    address = world.subscription()
    assert address is not None
    with SmsGateway() as other:
        other.answer = Answer(410)
        lost = replace(address, endpoint=other.url(path="/push/lost"))
        phones = [(0, lost)] * gone + [(world.phone.pk, address)] * (2 - gone)
        draft = messages.prompt(
            tenant_id=world.phone.tenant_id,
            language="en",
            recipient=push.address_of(phones),
            lifetime=timedelta(minutes=5),
        )
        (message_id,) = outbox.enqueue([draft], now)
        delivery.deliver(message_id, now)
        assert (len(other.requests), len(world.service.requests)) == (gone, 2 - gone)
    assert row(message_id).status == becomes
