"""What `make test` runs: the whole suite in parts, with the servers it needs, and one closing line.

Part one runs on SQLite without any server. Part two needs SMTP, Redis, directories or a browser. Part three runs
everything that uses the database again on a private PostgreSQL, with the tests made for it. A server that isn't there
is installed where root can; else the tests that need it are listed as skipped by name. With CI=true a missing server
is a failure.
"""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests import servers
from tests.selection import MISSING

ROOT = Path(__file__).resolve().parent.parent
FAST = "not postgres and not redis and not smtp and not browser and not process and not directory and not slow"
WITH_SERVERS = "(redis or smtp or browser or process or directory or slow) and not postgres"
ON_POSTGRESQL = f"postgres or ({FAST})"
NOTHING_COLLECTED = 5
POLICY = Path("/usr/sbin/policy-rc.d")
# What must not reach the tests from the shell that runs them.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS", MISSING)


@dataclass
class Tally:
    """Counts of all parts, and the skipped tests by name."""

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def add(self, report: Path) -> None:
        """Count what one part reports (JUnit XML)."""
        for case in ElementTree.parse(report).iter("testcase"):
            skip = case.find("skipped")
            if skip is not None and skip.get("type") != "pytest.xfail":
                name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
                self.skipped.append(f"{name}: {skip.get('message', '')}")
            elif case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            else:
                self.passed += 1


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def services_kept_off() -> Iterator[None]:
    """Debian's packages ask this file whether to start what they install; 101 is no. The tests start their own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install_missing() -> dict[str, str]:
    """Install the servers this machine lacks, where root can. Returns what is missing still: reasons by mark."""
    lacking = servers.missing()
    if not lacking or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return lacking
    packages = [package for mark in lacking for package in servers.PACKAGES[mark]]
    say(f"Installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_kept_off():
        for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *command], check=False, env=environment, stdout=subprocess.DEVNULL)
    if "directory" in lacking:
        subprocess.run([str(ROOT / "deploy" / "prepare"), "requirements-ldap.lock", "optional"], check=False)
        importlib.invalidate_caches()
    return servers.missing()


def run_part(title: str, tally: Tally, options: Sequence[str], extra: dict[str, str]) -> bool:
    """Run pytest once and count. Returns whether it was content."""
    say(f"\n=== {title}")
    started = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN} | extra
    with tempfile.TemporaryDirectory(prefix="rekey-report-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.selection"]
        command += [f"--junitxml={report}", *options]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if report.exists():
            tally.add(report)
    say(f"=== {title}: {time.monotonic() - started:.1f} s")
    return code in (0, NOTHING_COLLECTED)


def run_parts(tally: Tally, lacking: dict[str, str], given: Sequence[str]) -> bool:
    """All three parts, each even when one before it failed."""
    told = {MISSING: "\n".join(f"{mark}={reason}" for mark, reason in lacking.items())}
    # The tables come from the models: the migrations are run by the parts that start the program, and on PostgreSQL.
    content = run_part("Fast suite, SQLite", tally, ["-n", "2", "--no-migrations", "-m", FAST, *given], told)
    content &= run_part("Processes, SMTP, Redis, directories, browser", tally, ["-m", WITH_SERVERS, *given], told)
    if "postgres" in lacking:
        return content & run_part("PostgreSQL", tally, ["-m", "postgres", *given], told)
    with ExitStack() as stack:
        told["DATABASE_URL"] = stack.enter_context(servers.postgresql("max_connections=300"))
        options = ["--needs-database", "-m", ON_POSTGRESQL, *given]
        return content & run_part("PostgreSQL", tally, options, told)


def leave_on_signals() -> None:
    """Leave by an exception when told to stop, so that the servers are stopped on the way out."""

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def main(given: Sequence[str]) -> int:
    """Returns the exit code: 0 only when every part was content and, in CI, no server was missing."""
    leave_on_signals()
    lacking = install_missing()
    tally = Tally()
    content = run_parts(tally, lacking, given)
    if tally.skipped:
        say("\nSkipped:")
        for line in tally.skipped:
            say(f"  {line}")
    if lacking and os.environ.get("CI") == "true":
        say(f"\nA missing server is a failure in CI: {lacking}")
        content = False
    say("")
    say(f"{tally.passed} passed, {tally.failed} failed, {len(tally.skipped)} skipped")
    return 0 if content and not tally.failed else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
