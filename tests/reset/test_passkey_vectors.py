"""Answers of real authenticators, as published with the library that checks them: py_webauthn's own test vectors."""

import json
from pathlib import Path
from typing import Any

import pytest
from django_scopes import scopes_disabled
from webauthn.helpers import base64url_to_bytes

from accounts.methods import AuthenticatorType
from accounts.models import User
from reset import passkeys
from reset.passkeys import Passkey
from tests.conftest import make_authenticator

VECTORS = json.loads((Path(__file__).parent / "passkey_vectors.json").read_text())


@pytest.fixture(autouse=True)
def _their_address(settings: Any) -> None:
    settings.PASSKEY_HOST, settings.BASE_URL = "localhost", "http://localhost:5000"


def challenged(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """The answer as a browser sends it; this installation would have asked what that authenticator was asked."""
    monkeypatch.setattr(passkeys, "_challenge", lambda challenge_id: base64url_to_bytes(vector["challenge"]))
    return json.dumps(vector["answer"])


def held_by(user: User, vector: dict[str, Any]) -> None:
    key = Passkey(
        base64url_to_bytes(vector["answer"]["rawId"]), base64url_to_bytes(vector["public_key"]), vector["sign_count"]
    )
    make_authenticator(user, AuthenticatorType.PASSKEY, key.as_text, last_step=vector["sign_count"])


def test_a_made_key_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = VECTORS["made"]
    made = passkeys.read_new("any", challenged(vector, monkeypatch))
    assert made is not None
    assert made.credential_id == base64url_to_bytes(vector["answer"]["rawId"])
    assert made.public_key == base64url_to_bytes(vector["public_key"])
    assert made.sign_count == vector["sign_count"]


@pytest.mark.parametrize("kind", list(VECTORS["answered"]))
def test_an_answer_is_taken_with_its_new_count(kind: str, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = VECTORS["answered"][kind]
    held_by(alice, vector)
    with scopes_disabled():
        answered = passkeys.read_answer("any", alice.pk, challenged(vector, monkeypatch))
    assert answered is not None
    assert answered[1] == vector["new_count"]


@pytest.mark.parametrize("kind", list(VECTORS["refused"]))
def test_an_answer_by_nobody_verified_or_by_another_key_is_wrong(
    kind: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = VECTORS["refused"][kind]
    held_by(alice, vector)
    with scopes_disabled():
        assert passkeys.read_answer("any", alice.pk, challenged(vector, monkeypatch)) is None
