"""Phones with Rekey's own web app: each has a key that never leaves its browser; where that grants it, it can be woken.

The value of such an authenticator is its public key (P-256, SPKI, base64url). Where push messages for it go stands sealed
beside that, and changes without the authenticator becoming another one.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from accounts import secrets
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator

COORDINATE_BYTES = 32
POINT_BYTES, AUTH_BYTES = 65, 16
LONGEST_ENDPOINT = 1000


@dataclass(frozen=True)
class Subscription:
    """Where a browser takes push messages, and what they are encrypted to (RFC 8291). It never prints."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)

    @property
    def is_sound(self) -> bool:
        """Whether keys and address have the right shape. Where the address leads, `egress` checks."""
        try:
            sizes = len(from_base64url(self.p256dh)), len(from_base64url(self.auth))
        except ValueError:
            return False
        return sizes == (POINT_BYTES, AUTH_BYTES) and 0 < len(self.endpoint) <= LONGEST_ENDPOINT


def from_base64url(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def to_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def is_key(text: str) -> bool:
    """Whether this is a public key of the only kind there is here."""
    return _key(text) is not None


def is_signed(key: str, signature: str, text: str) -> bool:
    """Whether the key signed this text: ECDSA with SHA-256, as WebCrypto writes it (both numbers, 32 bytes each)."""
    public = _key(key)
    try:
        raw = from_base64url(signature)
        if public is None or len(raw) != 2 * COORDINATE_BYTES:
            return False
        r, s = (int.from_bytes(part, "big") for part in (raw[:COORDINATE_BYTES], raw[COORDINATE_BYTES:]))
        public.verify(encode_dss_signature(r, s), text.encode(), ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _key(text: str) -> ec.EllipticCurvePublicKey | None:
    try:
        key = load_der_public_key(from_base64url(text))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None


def find(authenticator_id: int) -> Authenticator | None:
    """A registered phone of an enabled person, if it can be read. Whose it is, its signature has to show."""
    found: Authenticator | None = (
        Authenticator.objects.filter(
            pk=authenticator_id,
            type=AuthenticatorType.PHONE_APP,
            confirmed_at__isnull=False,
            user__is_enabled=True,
            tenant__is_active=True,
        )
        .select_related("user__tenant")
        .first()
    )
    return found if found and found.is_readable else None


def of_person(user_id: int | None) -> list[Authenticator]:
    """A person's registered phones that can be read, with the person, oldest first; nobody's by the same statement."""
    held = Authenticator.objects.filter(
        user_id=user_id or 0, type=AuthenticatorType.PHONE_APP, confirmed_at__isnull=False
    )
    return [phone for phone in held.select_related("user").order_by("id") if phone.is_readable]


def subscription_of(phone: Authenticator) -> Subscription | None:
    """Where this phone can be woken, if its browser granted that."""
    kept = _contents(phone).get("push")
    return Subscription(*kept) if isinstance(kept, list) else None


def subscribe(phone: Authenticator, subscription: Subscription | None) -> bool:
    """Note where the phone can be woken, or that it can't. False: its row changed meanwhile."""
    contents = _contents(phone)
    contents["push"] = (
        [subscription.endpoint, subscription.p256dh, subscription.auth] if subscription is not None else None
    )
    sealed = secrets.seal(json.dumps(contents).encode(), phone.place)
    return Authenticator.objects.filter(pk=phone.pk, sealed=phone.sealed).update(sealed=sealed) == 1


def drop_subscription(authenticator_id: int, endpoint: str) -> None:
    """Forget an address that the push service says is gone, unless the phone has another one by now."""
    phone = Authenticator.objects.filter(pk=authenticator_id, type=AuthenticatorType.PHONE_APP).first()
    held = subscription_of(phone) if phone is not None and phone.is_readable else None
    if phone is not None and held is not None and held.endpoint == endpoint:
        subscribe(phone, None)


def _contents(phone: Authenticator) -> dict[str, object]:
    contents: dict[str, object] = json.loads(secrets.open_sealed(bytes(phone.sealed), phone.place))
    return contents
