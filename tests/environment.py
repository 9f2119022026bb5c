"""The environment the suite runs in: the embedded profile with keys of its own, whatever the shell has set."""

import base64
import os
import secrets
import tempfile
from pathlib import Path

KEPT = ("DATABASE_URL", "REDIS_URL")


def fresh_key() -> str:
    return "test1:" + base64.b64encode(secrets.token_bytes(32)).decode()


FOLDER = Path(tempfile.mkdtemp(prefix="rekey-tests-"))

os.environ.update(
    REKEY_PROFILE="embedded",
    DJANGO_SETTINGS_MODULE="config.settings",
    SECRET_KEY=secrets.token_hex(32),
    SEALING_KEYS=fresh_key(),
    DIGEST_KEYS=fresh_key(),
    EXECUTOR_KEY_FILE=str(FOLDER / "executor.key"),
    SIGNING_KEY_FILE=str(FOLDER / "signing.key"),
    VAR_DIR=str(FOLDER),
    BASE_URL="http://testserver",
    ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    EMAIL_URL="captured://",
    SMS_URL="captured://",
    VOICE_URL="captured://",
    LOG_LEVEL="WARNING",
)
for name in ("DEBUG", "TRUSTED_PROXY_COUNT", "SECRET_KEY_FILE", "SEALING_KEYS_FILE", "DIGEST_KEYS_FILE"):
    os.environ.pop(name, None)
