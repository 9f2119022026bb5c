"""make_keys is the first command of all: it runs where nothing is set yet."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.environment import shared_keys

ROOT = Path(__file__).resolve().parents[2]


def test_it_runs_in_production_with_nothing_else_set(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "make_keys", "--dir", str(tmp_path / "keys")],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "REKEY_PROFILE": "production"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    made = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert made == ["executor.key", "keys.env", "signing.key", "vapid.key"]


def test_e6_it_shows_no_key(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("make_keys", "--dir", tmp_path / "keys", stdout=out)
    for line in (tmp_path / "keys" / "keys.env").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        assert name.endswith("_FILE") or value not in out.getvalue()


def test_one_more_key_is_printed_for_a_rotation() -> None:
    out = io.StringIO()
    call_command("make_keys", "--one", stdout=out)
    (key,) = shared_keys(out.getvalue().strip(), "SEALING_KEYS")
    assert len(key.value) == 32


def test_a_second_run_refuses_and_keeps_the_first(tmp_path: Path) -> None:
    call_command("make_keys", "--dir", tmp_path, stdout=io.StringIO())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CommandError, match="there already") as error:
        call_command("make_keys", "--dir", tmp_path)
    assert error.value.returncode == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CommandError, match="can't be written"):
        call_command("make_keys", "--dir", tmp_path / "file" / "keys")
