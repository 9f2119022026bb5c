"""`make run-hybrid`: the embedded server, a private Active Directory and an agent between them, until Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from tests import servers
from tests.directories import samba
from tests.hybrid import domain as demo_domain
from tests.hybrid.domain import Domain
from tests.servers import stop, tied_to_us

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("VAR_DIR", str(ROOT / "var"))) / "hybrid"
PATIENCE_SECONDS = 90.0
AUTHORITY = "agents-ca.pem"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    missing = samba.missing_programs()
    if missing:
        say(_what_is_missing(missing))
        return 1
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        say("Starting a private Active Directory (the first time this takes some 10 seconds)")
        ad = demo_domain.start(FOLDER / "ad")
        stack.callback(ad.server.stop)
        port = int(os.environ.get("PORT", "8000"))
        _child(stack, [sys.executable, "-m", "config.embedded"], "server", lambda: _answers(port))
        _connect(stack, ad, port)
        say(_welcome(ad, port))
        signal.pause()
    return 0


def _what_is_missing(missing: str) -> str:
    if missing == "root":
        return "A private Active Directory needs root: its ports are 389 and 636. Try `sudo make run-hybrid`, or `make run`."
    packages = " ".join(servers.PACKAGES["directory"])
    return f"{missing} is missing, which Samba's packages bring: apt-get install --no-install-recommends {packages}"


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _child(stack: ExitStack, command: list[str], name: str, ready: Callable[[], bool]) -> None:
    log = FOLDER / f"{name}.log"
    environment = {**os.environ, "VAR_DIR": str(FOLDER)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*tied_to_us(None, "INT"), *command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    stack.callback(stop, process, signal.SIGINT)
    _until(ready, process, log)


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        if ready():
            return
        time.sleep(0.1)
    sys.exit(f"This did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
            return True
    except OSError:
        return False


def _organisation(*arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "VAR_DIR": str(FOLDER)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hybrid.organisation", *arguments],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _connect(stack: ExitStack, ad: Domain, port: int) -> None:
    """Invite, enrol, approve as an administrator would; then wait until the agent has brought the people in."""
    url = f"https://localhost:{int(os.environ.get('AGENTS_PORT', port + 1))}"
    file = demo_domain.agent_file(ad, FOLDER / "agent", url, FOLDER / AUTHORITY)
    agent = [sys.executable, "-m", "writeback.agent", "--config", str(file)]
    code = _organisation("prepare", samba.REALM.lower())["code"]
    if code:
        say("Connecting it through an agent")
        enrolled = subprocess.run(
            [*agent, "enrol"], cwd=ROOT, input=f"{code}\n", check=True, stdout=subprocess.PIPE, text=True
        )
        fingerprint = re.search(r"^  ([0-9A-F ]+)$", enrolled.stdout, re.MULTILINE)
        assert fingerprint, enrolled.stdout
        _organisation("approve", fingerprint[1])
        demo_domain.lock(ad, "farid")
    _child(stack, [*agent, "run"], "agent", lambda: len(_organisation("people")["names"]) >= len(ad.people))


def _welcome(ad: Domain, port: int) -> str:
    here = f"http://127.0.0.1:{port}"
    lines = [
        "",
        "Rekey is up, with an Active Directory that it reaches through an agent. Ctrl-C stops everything.",
        "",
        f"  Reset or unlock     {here}/t/corp/reset/",
        f"  Sign in             {here}/t/corp/signin/",
        f"  Console             {here}/admin/",
        f"  Codes and mails     {here}/dev/outbox/",
        f"  The directory       ldaps://{ad.server.address}",
        "",
        "People whose passwords the directory keeps:",
        "",
    ]
    lines += [f"  {one.principal_name}  {one.password}  ({one.shown} {one.story})" for one in ad.people]
    lines += ["", "The administrator, whose password is kept here:", ""]
    lines += [f"  {(FOLDER / 'administrator.txt').read_text()}", "", f"Logs: {FOLDER}/server.log, agent.log, ad/log"]
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
