"""Web Push: a phone's browser is woken by its maker's push service, which can't read what it carries (RFC 8030, 8291).

Requests are signed with this installation's own key (VAPID, RFC 8292), so that nobody else can wake a phone.
"""

import json
from collections.abc import Iterable
from dataclasses import astuple
from functools import lru_cache
from time import monotonic
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings
from py_vapid import Vapid02
from pywebpush import WebPusher

from accounts import egress, phone_apps
from accounts.phone_apps import Subscription, to_base64url
from notifications.channels.base import DeliveryError, Outgoing, taken

GONE = (404, 410)
PROOF_SECONDS = 3600
LONGEST_WAIT = 3.0
"""In seconds. Which service it is, whoever registered the phone chose: one that dawdles must not hold up other messages."""
LONGEST_IN_ALL = 10.0
"""In seconds: no phone is tried after that. Far below a message's lease."""
TOPIC = "prompt"
# As long as a real one: a stranger's message can't be told from its size.
NOBODY = Subscription("https://push.invalid/" + "0" * 180, "0" * 87, "0" * 22)


class PushService:
    """VAPID_PRIVATE_KEY_FILE=/path/to/key.pem; which push service takes the message, the phone's own address says."""

    def __init__(self, path: str) -> None:
        self.path = path

    def send(self, outgoing: Outgoing) -> str:
        """Wake all of a person's phones: one message, so that how many there are shows in nothing a stranger could time.

        One that was woken is enough: every phone shows the prompt as soon as its web app is opened.
        """
        wrong = self.problems()
        if wrong:
            raise DeliveryError(wrong[0])
        ends, answers, failures = monotonic() + LONGEST_IN_ALL, list[str](), list[DeliveryError]()
        for phone_id, subscription in _read(outgoing.recipient):
            if monotonic() > ends:
                break
            try:
                answers.append(self._wake(phone_id, subscription, outgoing))
            except DeliveryError as error:
                failures.append(error)
        if not answers:
            said = ", ".join(str(error) for error in failures)
            raise DeliveryError(said, permanent=all(error.permanent for error in failures))
        return ", ".join([*answers, *map(str, failures)])

    def _wake(self, phone_id: int, subscription: Subscription, outgoing: Outgoing) -> str:
        """An address that is gone is forgotten at once: the phone's web app brings a new one when it is opened."""
        if not subscription.is_sound:
            raise DeliveryError("The phone's address is not one", permanent=True)
        seconds = outgoing.seconds_left()
        headers = {
            **_proof(self.path, subscription.endpoint, int(outgoing.expires_at.timestamp())),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(int(seconds)),
            "Urgency": "high",
            "Topic": TOPIC,
        }
        body = encrypted(subscription, {"title": outgoing.subject, "body": outgoing.text})
        limit = min(settings.DELIVERY_TIMEOUT_SECONDS, LONGEST_WAIT, seconds)
        try:
            # The phone says where it is woken: whoever holds one must not reach what lies behind this server.
            answer = egress.request(
                "POST", subscription.endpoint, body, headers, limit, only_public=not settings.EMBEDDED
            )
        except egress.Refused as error:
            raise DeliveryError(str(error), permanent=True) from None
        except egress.Unreachable as error:
            # Not `unreachable`: other phones' messages go to other services. Twice is one notification: same topic.
            raise DeliveryError(str(error)) from None
        if answer.status in GONE:
            phone_apps.drop_subscription(phone_id, subscription.endpoint)
        return taken(answer.status)

    def problems(self) -> list[str]:
        if not self.path:
            return ["VAPID_PRIVATE_KEY_FILE is not set, so no phone can be woken"]
        if _private_key(self.path) is None:
            return ["VAPID_PRIVATE_KEY_FILE can't be read, or holds no P-256 private key (PEM)"]
        return []


def address_of(phones: Iterable[tuple[int, Subscription]]) -> str:
    """A person's phones as the recipient of a message."""
    return json.dumps([[phone_id, *astuple(subscription)] for phone_id, subscription in phones])


def _read(recipient: str) -> list[tuple[int, Subscription]]:
    return [(phone_id, Subscription(*parts)) for phone_id, *parts in json.loads(recipient)]


def encrypted(subscription: Subscription, content: dict[str, str]) -> bytes:
    """What only the phone's browser can read (RFC 8291, aes128gcm)."""
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    pusher = WebPusher({"endpoint": subscription.endpoint, "keys": keys})
    return bytes(pusher.encode(json.dumps(content).encode())["body"])


def application_server_key() -> str:
    """The public key that browsers tie a subscription to; empty where phones can't be woken."""
    key = _private_key(settings.VAPID_PRIVATE_KEY_FILE)
    if key is None:
        return ""
    return to_base64url(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _proof(path: str, endpoint: str, expires_at: int) -> dict[str, str]:
    """The header that says who sends: for this push service alone, for an hour."""
    key = _private_key(path)
    assert key is not None
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "sub": f"mailto:{settings.EMAIL_FROM}",
        "exp": expires_at + PROOF_SECONDS,
    }
    # Not strict: the library takes host names without a dot, such as a test's, for mistakes.
    headers: dict[str, str] = Vapid02(key, {"no-strict": True}).sign(claims)
    return headers


@lru_cache(maxsize=4)
def _private_key(path: str) -> ec.EllipticCurvePrivateKey | None:
    try:
        with open(path, "rb") as file:
            key = load_pem_private_key(file.read(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1) else None
