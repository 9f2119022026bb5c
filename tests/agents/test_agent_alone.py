"""The agent as it is installed at a customer's: without Django, and with nothing of the server."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

pytest.importorskip("ldap")
BLOCKED = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "django_scopes", "celery", "environ", "asgiref", "uvicorn"):
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
from writeback.agent.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_it_runs_without_django_from_the_files_that_the_container_holds(tmp_path: Path) -> None:
    lines = (ROOT / "deploy" / "agent.Containerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "/opt/rekey/" in line]
    for name in (name for names in copied for name in names):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED, "--config", "/nowhere", "status"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (2, "/nowhere can't be read: No such file or directory.\n")
