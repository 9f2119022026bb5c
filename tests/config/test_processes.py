"""Real processes with real environments: they refuse a wrong one with sentences, and accept a right one."""

import subprocess
import sys
from pathlib import Path

import pytest

from accounts import boxes
from tests import servers
from tests.processes import ROOT, celery, gunicorn, private_file, run

pytestmark = pytest.mark.process


def test_the_right_environment_passes_the_deployment_checks(production_environment: dict[str, str]) -> None:
    for process in ("web", ""):
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
        done = run(command, {**production_environment, "REKEY_PROCESS": process})
        assert done.stderr.strip() == ""
        assert done.returncode == 0


def test_p8_gunicorn_refuses_to_start_with_a_short_secret(production_environment: dict[str, str]) -> None:
    done = run(gunicorn(), {**production_environment, "SECRET_KEY": "too-short-word"})
    assert done.returncode == 4
    assert "(rekey.E003) SECRET_KEY is missing, too short or a well-known value." in done.stderr
    assert "too-short-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_gunicorn_refuses_to_start_with_the_key_of_the_worker(
    production_environment: dict[str, str], tmp_path: Path
) -> None:
    path = private_file(tmp_path / "executor.key", b"key")
    done = run(gunicorn("--preload", "--workers=2"), {**production_environment, "EXECUTOR_KEY_FILE": path})
    assert done.returncode == 4
    assert done.stderr.count("(rekey.E011)") == 1
    assert "Traceback" not in done.stderr


def test_p8_a_worker_refuses_to_start_with_a_short_secret(
    production_environment: dict[str, str], tmp_path: Path
) -> None:
    key = boxes.PrivateKey.generate().as_text().encode()
    path = private_file(tmp_path / "executor.key", key)
    done = run(celery("worker"), {**production_environment, "EXECUTOR_KEY_FILE": path, "SECRET_KEY": "too-short-word"})
    assert done.returncode == 4
    assert "(rekey.E003)" in done.stderr
    assert "rekey.E010" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_refuses_to_start_without_its_key(production_environment: dict[str, str]) -> None:
    done = run(celery("worker"), production_environment)
    assert done.returncode == 4
    assert "(rekey.E010)" in done.stderr


def test_beat_refuses_to_start_with_debug_on(production_environment: dict[str, str], tmp_path: Path) -> None:
    done = run([*celery("beat"), f"--schedule={tmp_path}/beat"], {**production_environment, "DEBUG": "true"})
    assert done.returncode == 4
    assert "(rekey.E002) DEBUG is on." in done.stderr


@pytest.mark.parametrize("command", [gunicorn(), celery("worker"), [sys.executable, "manage.py", "check"]])
def test_a_setting_that_cannot_be_read_is_one_sentence(
    production_environment: dict[str, str], command: list[str]
) -> None:
    done = run(command, {**production_environment, "TRUSTED_PROXY_COUNT": "hidden-word"})
    assert done.returncode == 4
    assert "Rekey does not start.\n  TRUSTED_PROXY_COUNT must be a whole number.\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


def test_gunicorn_serves_in_the_right_environment(production_environment: dict[str, str], tmp_path: Path) -> None:
    command, log = gunicorn("--preload", "--workers=2", "--threads=4"), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=production_environment, stdout=output, stderr=output)
    try:
        servers.wait_until(lambda: log.read_text().count("Booting worker") == 2, process, log)
    finally:
        servers.stop(process)
    assert process.returncode == 0
    assert "Rekey does not start" not in log.read_text()


AGENTS = [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--port={servers.free_port()}"]


def test_the_agents_process_refuses_to_start_with_the_key_of_the_worker(
    production_environment: dict[str, str], tmp_path: Path
) -> None:
    key = private_file(tmp_path / "executor.key", b"whatever")
    done = run(AGENTS, {**production_environment, "EXECUTOR_KEY_FILE": key})
    assert done.returncode == 4
    assert "(rekey.E011) EXECUTOR_KEY_FILE is set in an agents process." in done.stderr


def test_the_agents_process_refuses_to_start_without_tls_for_agents(production_environment: dict[str, str]) -> None:
    done = run(AGENTS, {**production_environment, "AGENTS_URL": "http://agents.acme.example"})
    assert done.returncode == 4
    assert "rekey.E026" in done.stderr
    assert "Traceback" not in done.stderr
