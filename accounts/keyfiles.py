"""Making the keys of an installation: files that only their owner reads, and never one in place of another."""

import os
import secrets
import shlex
from base64 import b64encode
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from accounts.boxes import PrivateKey

KEY_BYTES = 32
ENVIRONMENT, SIGNING_KEY, EXECUTOR_KEY, VAPID_KEY = "keys.env", "signing.key", "executor.key", "vapid.key"


class AlreadyThere(Exception):
    """A key file exists. Overwriting it could make everything it sealed unreadable."""


def shared_key(today: date) -> str:
    """One key for SEALING_KEYS or DIGEST_KEYS: `id:base64`; the id tells the day it was made."""
    return f"k{today:%Y%m%d}{secrets.token_hex(2)}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def make(folder: Path, today: date) -> tuple[Path, Path, Path, Path]:
    """Write the environment file, the signing key, the executor key and the key for push messages, each mode 0600.

    Raises AlreadyThere before anything is written, or OSError.
    """
    paths = (folder / ENVIRONMENT, folder / SIGNING_KEY, folder / EXECUTOR_KEY, folder / VAPID_KEY)
    for path in paths:
        if path.exists() or path.is_symlink():
            raise AlreadyThere(str(path))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment, signing, executor, vapid = paths
    write_private(signing, _pem(Ed25519PrivateKey.generate()))
    write_private(executor, PrivateKey.generate().as_text())
    write_private(vapid, _pem(ec.generate_private_key(ec.SECP256R1())))
    write_private(environment, _environment(signing.absolute(), executor.absolute(), vapid.absolute(), today))
    return paths


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read. Raises FileExistsError rather than overwrite one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _environment(signing: Path, executor: Path, vapid: Path, today: date) -> str:
    values = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SEALING_KEYS": shared_key(today),
        "DIGEST_KEYS": shared_key(today),
        "SIGNING_KEY_FILE": str(signing),
        "EXECUTOR_KEY_FILE": str(executor),
        "VAPID_PRIVATE_KEY_FILE": str(vapid),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
