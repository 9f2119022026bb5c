"""A phone with Rekey's web app, as tests hold one: a key of its own, and the calls that it signs."""

import json
import secrets
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, User
from accounts.phone_apps import Subscription, subscribe, to_base64url
from reset.models import Challenge, OwnChallenge
from tests.conftest import make_authenticator
from tests.reset.journeys import Browser

CLIENT_KEY, CLIENT_AUTH = to_base64url(b"\x04" + b"\x01" * 64), to_base64url(b"\x02" * 16)
SUBSCRIPTION = {"endpoint": "https://push.example/one", "keys": {"p256dh": CLIENT_KEY, "auth": CLIENT_AUTH}}


class Phone:
    """Speaks to the server as the web app does: with no cookie, and with a signature."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.client = Browser(enforce_csrf_checks=True)
        self.row: Authenticator | None = None

    @property
    def key(self) -> str:
        return to_base64url(self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @property
    def id(self) -> int:
        assert self.row is not None
        return int(self.row.pk)

    def sign(self, text: str) -> str:
        r, s = decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(SHA256())))
        return to_base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def signed(self, purpose: str, at: datetime | None = None, **content: Any) -> dict[str, str]:
        moment = int((at or timezone.now()).timestamp() * 1000)
        said = {"purpose": purpose, "at": moment, "nonce": secrets.token_hex(8), **content}
        text = json.dumps(said)
        return {"signed": text, "signature": self.sign(text)}

    def send(self, purpose: str, body: Any, client: Client | None = None) -> Any:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return (client or self.client).post(f"/authenticator/api/{purpose}/", text, content_type="application/json")

    def call(self, purpose: str, **content: Any) -> Any:
        return self.send(purpose, self.signed(purpose, **content))

    def pending(self) -> list[dict[str, Any]]:
        answer = self.call("pending", phone=self.id)
        assert answer.status_code == 200, answer.content
        prompts: list[dict[str, Any]] = answer.json()["prompts"]
        return prompts

    def approve(self, challenge: Challenge | OwnChallenge, number: str) -> str:
        answer = self.call("answer", phone=self.id, challenge=str(challenge.pk), decision="approve", number=number)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["result"])

    def refuse(self, challenge: Challenge | OwnChallenge) -> str:
        answer = self.call("answer", phone=self.id, challenge=str(challenge.pk), decision="refuse")
        assert answer.status_code == 200, answer.content
        return str(answer.json()["result"])


def give_phone(user: User, **fields: Any) -> Phone:
    """A registered phone."""
    phone = Phone()
    phone.row = make_authenticator(user, AuthenticatorType.PHONE_APP, phone.key, **fields)
    return phone


def make_wakeable(phone: Phone, endpoint: str = "https://push.example/one") -> None:
    assert phone.row is not None
    with scopes_disabled():
        phone.row.refresh_from_db()
        assert subscribe(phone.row, Subscription(endpoint, CLIENT_KEY, CLIENT_AUTH))
        phone.row.refresh_from_db()


def other_number(number: str) -> str:
    return f"{(int(number) + 1) % 100:02d}"
