"""A right production environment, to be broken in one place."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import servers
from tests.processes import private_file, random_keys


@pytest.fixture
def production_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a right production web process."""
    signing = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private_file(tmp_path / "staticfiles.json", b'{"paths": {}, "version": "1.1", "hash": ""}')
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": os.urandom(40).hex(),
        "SEALING_KEYS": random_keys(),
        "DIGEST_KEYS": random_keys(),
        "SIGNING_KEY_FILE": private_file(tmp_path / "signing.key", signing),
        "BASE_URL": "https://reset.acme.example",
        "ALLOWED_HOSTS": "reset.acme.example",
        "DATABASE_URL": f"postgres://rekey@127.0.0.1:{servers.free_port()}/rekey",
        "REDIS_URL": f"redis://127.0.0.1:{servers.free_port()}/0",
        "EMAIL_URL": "smtp+tls://rekey:word@mail.acme.example:587",
        "TRUSTED_PROXY_COUNT": "1",
        "STATIC_ROOT": str(tmp_path),
    }
