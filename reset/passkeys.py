"""Passkeys and security keys (WebAuthn): what a browser is asked for, and what its answer is worth.

The library checks signatures, origin and RP ID. Only discoverable credentials with user verification are made, so that
asking for one tells nobody which ones a person has.
"""

import json
import logging
from dataclasses import dataclass
from functools import cache

import webauthn
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    encode_cbor,
    parse_authentication_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts import secrets
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, User

LONGEST_NEW, LONGEST_ANSWER = 20_000, 4_000
REQUIRED = UserVerificationRequirement.REQUIRED

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Passkey:
    """What is kept of one: its id and its public key (COSE)."""

    credential_id: bytes
    public_key: bytes
    sign_count: int = 0

    @property
    def as_text(self) -> str:
        return json.dumps([bytes_to_base64url(self.credential_id), bytes_to_base64url(self.public_key)])


def passkey_of(authenticator: Authenticator) -> Passkey:
    credential_id, public_key = json.loads(authenticator.secret_value)
    return Passkey(base64url_to_bytes(credential_id), base64url_to_bytes(public_key), max(0, authenticator.last_step))


def creation_options(challenge_id: str, user: User, held: list[Authenticator]) -> str:
    """What `navigator.credentials.create` is given, as JSON. A device that holds one already makes no second."""
    options = webauthn.generate_registration_options(
        rp_id=settings.PASSKEY_HOST,
        rp_name=user.tenant.name if user.tenant else str(settings.PRODUCT_NAME),
        user_name=user.principal_name,
        user_display_name=user.shown_name,
        user_id=secrets.pseudo_random("webauthn-user", f"{user.tenant_id}|{user.pk}"),
        challenge=_challenge(challenge_id),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=passkey_of(row).credential_id) for row in held if row.is_readable
        ],
    )
    return webauthn.options_to_json(options)


def request_options(challenge_id: str) -> str:
    """What `navigator.credentials.get` is given, as JSON: the same whoever is asked."""
    options = webauthn.generate_authentication_options(
        rp_id=settings.PASSKEY_HOST, challenge=_challenge(challenge_id), user_verification=REQUIRED
    )
    return webauthn.options_to_json(options)


def read_new(challenge_id: str, answer: str) -> Passkey | None:
    """The passkey that a browser made; None where its answer is not good."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer[:LONGEST_NEW],
            expected_challenge=_challenge(challenge_id),
            expected_rp_id=settings.PASSKEY_HOST,
            expected_origin=settings.BASE_URL,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a browser sent: a wrong answer, and never an error of ours
        _explain(error)
        return None
    return Passkey(made.credential_id, made.credential_public_key, made.sign_count)


def read_answer(challenge_id: str, user_id: int | None, answer: str) -> tuple[Authenticator, int] | None:
    """Which of a person's passkeys answered this challenge, with its new count; None for a wrong answer.

    Any of them will do: the device decides, not the page. Whatever is none of them, a stranger's included, is compared
    with nobody's key, so that all wrong answers run the same way.
    """
    held = Authenticator.objects.filter(
        user_id=user_id or 0, type=AuthenticatorType.PASSKEY, confirmed_at__isnull=False
    )
    known = {passkey_of(row).credential_id: row for row in held if row.is_readable}
    try:
        credential = parse_authentication_credential_json(answer[:LONGEST_ANSWER])
        row = known.get(credential.raw_id)
        passkey = passkey_of(row) if row else _nobodys()
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_challenge(challenge_id),
            expected_rp_id=settings.PASSKEY_HOST,
            expected_origin=settings.BASE_URL,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a browser sent: a wrong answer, and never an error of ours
        _explain(error)
        return None
    return (row, shown.new_sign_count) if row else None


def _challenge(challenge_id: str) -> bytes:
    """32 bytes that only this installation can compute. Nothing needs keeping: a challenge's row is used up once."""
    return secrets.pseudo_random("webauthn-challenge", challenge_id)


@cache
def _nobodys() -> Passkey:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (part.to_bytes(32, "big") for part in (numbers.x, numbers.y))
    return Passkey(b"nobody", encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y}))


def _explain(error: Exception) -> None:
    """An answer for another address is for the operator to mend; every other one is somebody's mistake."""
    if "origin" in str(error) or "RP ID" in str(error):
        logger.warning(
            "A passkey was used at another address than BASE_URL (%s). People have to open Rekey by that address.",
            settings.BASE_URL,
        )
