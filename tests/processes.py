"""Running this project's processes as an operator would, with an environment of their own."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

from tests import servers

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SECONDS = 60


def random_keys() -> str:
    return "k1:" + b64encode(os.urandom(32)).decode()


def private_file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run until it ends by itself."""
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def gunicorn(*options: str) -> list[str]:
    bind = f"--bind=127.0.0.1:{servers.free_port()}"
    return [str(BIN / "gunicorn"), "config.wsgi", "--no-control-socket", bind, *options]


def celery(kind: str) -> list[str]:
    return [str(BIN / "celery"), "-A", "config", kind]
