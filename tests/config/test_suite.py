"""`make test` counts right, and says by name what it could not run."""

import subprocess
from pathlib import Path

import pytest

from tests import run, servers
from tests.selection import MISSING

pytestmark = pytest.mark.process

EXAMPLE = """
import pytest

@pytest.mark.redis
def test_that_needs_a_server(): pass

def test_that_passes(): pass

def test_that_fails(): raise ValueError

@pytest.mark.skip(reason="by choice")
def test_that_is_skipped(): pass

def test_that_touches_the_database(db): pass
"""


@pytest.fixture
def example(tmp_path: Path) -> str:
    path = tmp_path / "test_example.py"
    path.write_text(EXAMPLE)
    return str(path)


def test_every_test_is_counted_and_a_missing_server_is_named(example: str) -> None:
    tally = run.Tally()
    content = run.run_part("Example", tally, [example], {MISSING: "redis=needs Debian's redis-server"})
    assert not content
    assert (tally.passed, tally.failed) == (2, 1)
    missing, chosen = tally.skipped
    assert missing.endswith("test_that_needs_a_server: needs Debian's redis-server")
    assert chosen.endswith("test_that_is_skipped: by choice")


def test_only_tests_that_use_the_database_are_run_again(example: str) -> None:
    tally = run.Tally()
    assert run.run_part("Example", tally, ["--needs-database", example], {})
    assert (tally.passed, tally.failed, tally.skipped) == (1, 0, [])


def test_a_part_without_tests_is_no_failure(example: str) -> None:
    assert run.run_part("Example", run.Tally(), ["-m", "browser", example], {})


def test_a_missing_server_is_a_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "install_missing", lambda: {"redis": "needs Debian's redis-server"})
    monkeypatch.setattr(run, "run_parts", lambda *_: True)
    monkeypatch.setattr(run, "leave_on_signals", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    assert run.main([]) == 0
    monkeypatch.setenv("CI", "true")
    assert run.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def test_what_is_missing_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "POSTGRESQL_FOLDERS", "/nowhere")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert servers.missing() == {
        "postgres": "needs Debian's postgresql",
        "redis": "needs Debian's redis-server",
        "browser": "needs Debian's chromium fonts-noto-core",
        "directory": f"needs Debian's {' '.join(servers.PACKAGES['directory'])}",
    }


def test_a_library_that_could_not_be_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(servers, "has_python_ldap", lambda: False)
    monkeypatch.setattr("pathlib.Path.is_dir", lambda _path: True)
    assert "needs python-ldap" in (servers.missing_for_directories() or "")


def test_services_stay_off_while_packages_are_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "POLICY", tmp_path / "policy-rc.d")
    with run.services_kept_off():
        assert subprocess.run([run.POLICY], check=False).returncode == 101
    assert not run.POLICY.exists()


@pytest.mark.redis
def test_a_redis_server_is_private_and_gone_afterwards() -> None:
    with servers.redis() as server:
        assert servers.listens(server.port)
        server.stop()
        assert not servers.listens(server.port)
        server.start()
        assert servers.listens(server.port)
    assert not servers.listens(server.port)
