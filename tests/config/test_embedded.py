"""`make run`: prepared by itself, up quickly, kept data, ended cleanly."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from config import embedded
from tests import servers
from tests.processes import ROOT, run

pytestmark = pytest.mark.process

COMMAND = [sys.executable, "-m", "config.embedded"]
AGAIN_SECONDS = 5.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), "PORT": str(servers.free_port())}


def visit(environment: dict[str, str], log: Path, end_by: int, whole_group: bool = False) -> tuple[int, str, bytes]:
    """Start, fetch the first page, end by a signal. Returns exit code, what was printed, and the page."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            COMMAND, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    address = f"http://localhost:{environment['PORT']}/"
    try:
        servers.wait_until(lambda: f"{address}dev/outbox/" in log.read_text(), process, log)
        page: bytes = urlopen(address, timeout=10).read()
        (os.killpg if whole_group else os.kill)(process.pid, end_by)
        process.wait(servers.STOP_SECONDS)
    finally:
        servers.stop(process, signal.SIGTERM)
    return process.returncode, log.read_text(), page


def test_a_first_start_prepares_everything_and_a_second_one_keeps_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    first_code, first_said, page = visit(environment, tmp_path / "first", signal.SIGINT)
    made = {path.name: path.read_bytes() for path in (tmp_path / "var").glob("*") if "sqlite" not in path.name}
    started = time.monotonic()
    second_code, second_said, _ = visit(environment, tmp_path / "second", signal.SIGTERM, whole_group=True)
    assert time.monotonic() - started < AGAIN_SECONDS
    assert (first_code, second_code) == (0, 0)
    assert b"<html" in page
    assert first_said == second_said
    assert "Traceback" not in first_said
    assert all(
        name in first_said for name in ("alice@acme.example", "bob@acme.example", "carol@acme.example", "/admin/")
    )
    assert {"keys.env", "demo.txt", "executor.key", "signing.key"} <= set(made)
    assert {path.name: path.read_bytes() for path in (tmp_path / "var").glob("*") if path.name in made} == made


def test_ctrl_c_ends_the_whole_group_without_a_traceback(environment: dict[str, str], tmp_path: Path) -> None:
    code, said, _ = visit(environment, tmp_path / "log", signal.SIGINT, whole_group=True)
    assert code == 0
    assert "Traceback" not in said


def test_a_port_in_use_is_one_sentence(environment: dict[str, str]) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", int(environment["PORT"])))
        occupied.listen()
        done = run(COMMAND, environment)
    assert done.returncode == 4
    assert f"Port {environment['PORT']} on 127.0.0.1 is in use already." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_that_is_none_is_refused(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        embedded.refuse_when_port_is_taken("127.0.0.1", port)
    assert "PORT must be between 1 and 65535" in capfd.readouterr().err


def test_an_address_of_another_machine_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        embedded.refuse_when_port_is_taken("192.0.2.1", servers.free_port())
    assert "Nothing can listen on 192.0.2.1" in capfd.readouterr().err
