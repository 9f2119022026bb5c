"""Real processes with real environments: they refuse a wrong one with sentences, and accept a right one."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from accounts import executors
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SECONDS = 60


def random_keys() -> str:
    return "k1:" + b64encode(os.urandom(32)).decode()


def private_file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
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


def test_the_right_environment_passes_the_deployment_checks(production: dict[str, str]) -> None:
    for process in ("web", ""):
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
        done = run(command, {**production, "REKEY_PROCESS": process})
        assert (done.returncode, done.stderr.strip()) == (0, "")


def test_p8_gunicorn_refuses_to_start_with_a_short_secret(production: dict[str, str]) -> None:
    done = run(gunicorn(), {**production, "SECRET_KEY": "too-short-word"})
    assert done.returncode == 4
    assert "(rekey.E003) SECRET_KEY is missing, too short or a well-known value." in done.stderr
    assert "too-short-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_gunicorn_refuses_to_start_with_the_key_of_the_worker(production: dict[str, str], tmp_path: Path) -> None:
    done = run(
        gunicorn("--preload", "--workers=2"),
        {**production, "EXECUTOR_KEY_FILE": private_file(tmp_path / "executor.key", b"key")},
    )
    assert done.returncode == 4
    assert done.stderr.count("(rekey.E011)") == 1
    assert "Traceback" not in done.stderr


def test_p8_a_worker_refuses_to_start_with_a_short_secret(production: dict[str, str], tmp_path: Path) -> None:
    key = executors.PrivateKey.generate().as_text().encode()
    path = private_file(tmp_path / "executor.key", key)
    done = run(celery("worker"), {**production, "EXECUTOR_KEY_FILE": path, "SECRET_KEY": "too-short-word"})
    assert done.returncode == 4
    assert "(rekey.E003)" in done.stderr
    assert "rekey.E010" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_refuses_to_start_without_its_key(production: dict[str, str]) -> None:
    done = run(celery("worker"), production)
    assert done.returncode == 4
    assert "(rekey.E010)" in done.stderr


def test_beat_refuses_to_start_with_debug_on(production: dict[str, str], tmp_path: Path) -> None:
    done = run([*celery("beat"), f"--schedule={tmp_path}/beat"], {**production, "DEBUG": "true"})
    assert done.returncode == 4
    assert "(rekey.E002) DEBUG is on." in done.stderr


@pytest.mark.parametrize("command", [gunicorn(), celery("worker"), [sys.executable, "manage.py", "check"]])
def test_a_setting_that_cannot_be_read_is_one_sentence(production: dict[str, str], command: list[str]) -> None:
    done = run(command, {**production, "TRUSTED_PROXY_COUNT": "hidden-word"})
    assert done.returncode == 4
    assert "Rekey does not start.\n  TRUSTED_PROXY_COUNT must be a whole number.\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


def test_gunicorn_serves_in_the_right_environment(production: dict[str, str], tmp_path: Path) -> None:
    command, log = gunicorn("--preload", "--workers=2", "--threads=4"), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=production, stdout=output, stderr=output)
    try:
        servers.wait_until(lambda: log.read_text().count("Booting worker") == 2, process, log)
    finally:
        servers.stop(process)
    assert process.returncode == 0
    assert "Rekey does not start" not in log.read_text()
