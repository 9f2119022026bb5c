"""A security key in software: makes and uses passkeys as a browser would hand them on, and can be told to lie."""

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, HAS_CREDENTIAL = 1, 4, 64


class SecurityKey:
    def __init__(
        self, origin: str = "http://testserver", flags: int = PRESENT | VERIFIED, counts: bool = False
    ) -> None:
        self.origin, self.flags, self.counts = origin, flags, counts
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.count = 0

    def create(self, options: str) -> str:
        """What `navigator.credentials.create` answers, as JSON."""
        asked = json.loads(options)
        data = self._authenticator_data(asked["rp"]["id"], self.flags | HAS_CREDENTIAL) + self._attested()
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", asked["challenge"])
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    def get(self, options: str) -> str:
        """What `navigator.credentials.get` answers, as JSON."""
        asked = json.loads(options)
        self.count += self.counts
        data = self._authenticator_data(asked["rpId"], self.flags)
        client = self._client("webauthn.get", asked["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": client, "authenticatorData": data, "signature": signature})

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _authenticator_data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _attested(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (part.to_bytes(32, "big") for part in (numbers.x, numbers.y))
        public = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public

    def _answer(self, response: dict[str, bytes]) -> str:
        identifier = bytes_to_base64url(self.id)
        told: dict[str, Any] = {name: bytes_to_base64url(value) for name, value in response.items()}
        return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": told})


def challenge_of(options: str) -> bytes:
    return base64url_to_bytes(json.loads(options)["challenge"])
