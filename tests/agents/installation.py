"""Everything as it runs at a customer's: the agents' process with TLS, agents of their own folders, a real directory."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, Self

from accounts import keyfiles
from tests import servers
from tests.certificates import make_certificates
from tests.directories.ldap_server import ACCOUNT, ACCOUNT_PASSWORD, BASE_DN, PEOPLE, LdapServer
from tests.processes import ROOT, private_file
from tests.servers import tied_to_us

SECONDS = 30.0
DATABASE = "rekey.sqlite3"
DROPPED = ("HTTPS_PROXY", "https_proxy", "DATABASE_URL", "REDIS_URL")


def until(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What it says once it says something; looked at again and again, since other processes do it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


class Installation:
    """`office` is asked by name; `door` is the agents' process; `agents` run by name. `template`: a database with tables."""

    def __init__(self, folder: Path, directory: LdapServer, template: Path | None = None) -> None:
        self.folder, self.directory = folder, directory
        self.port = servers.free_port()
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = self._environment()
        (folder / "tls").mkdir()
        make_certificates(folder / "tls", "localhost")
        if template is not None:
            shutil.copy(template, folder / DATABASE)
        self._office = subprocess.Popen(
            [*tied_to_us(None, "KILL"), sys.executable, "-m", "tests.agents.office"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.door: subprocess.Popen[bytes] | None = None

    def _environment(self) -> dict[str, str]:
        keys, signing, executor, _ = keyfiles.make(self.folder / "keys", date(2026, 1, 1))
        given = {name: value for name, value in os.environ.items() if name not in DROPPED}
        given |= {"REKEY_PROFILE": "embedded", "VAR_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
        given |= {"SIGNING_KEY_FILE": str(signing), "EXECUTOR_KEY_FILE": str(executor), "VAPID_PRIVATE_KEY_FILE": ""}
        for name in ("SECRET_KEY", "SEALING_KEYS", "DIGEST_KEYS"):
            given.pop(name, None)
        read = dict(line.split("=", 1) for line in keys.read_text().splitlines())
        return given | {name: read[name].strip("'") for name in ("SECRET_KEY", "SEALING_KEYS", "DIGEST_KEYS")}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ending:
            for process in (*self.agents.values(), self.door):
                if process is not None:
                    ending.callback(servers.stop, process, signal.SIGKILL)
            ending.callback(self._office.wait)
            ending.callback(self._office.kill)
            for pipe in (self._office.stdin, self._office.stdout):
                if pipe is not None:
                    ending.callback(pipe.close)

    def ask(self, do: str, **content: Any) -> dict[str, Any]:
        assert self._office.stdin
        assert self._office.stdout
        self._office.stdin.write(json.dumps({"do": do} | content) + "\n")
        self._office.stdin.flush()
        answer: dict[str, Any] = json.loads(self._office.stdout.readline())
        return answer

    def open_door(self) -> None:
        """Start the agents' process, or start it again."""
        tls = str(self.folder / "tls" / "server.pem")
        options = [f"--port={self.port}", f"--ssl-certfile={tls}", f"--ssl-keyfile={tls}", "--no-access-log"]
        options.append("--timeout-graceful-shutdown=1")
        log = self.folder / "door.log"
        with log.open("ab") as output:
            command = [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]
            self.door = subprocess.Popen(
                [*tied_to_us(None, "KILL"), *command], cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
        servers.wait_until(lambda: servers.listens(self.port), self.door, log)

    def configure(self, name: str, **top: str) -> Path:
        """An agent's folder with its file. Returns the file."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        password = private_file(folder / "password", ACCOUNT_PASSWORD.encode())
        (folder / "ca.pem").write_text(self.directory.ca_pem)
        values = {
            "server": f"https://localhost:{self.port}",
            "ca_file": str(self.folder / "tls" / "ca.pem"),
            "state_directory": str(folder / "state"),
        } | top
        directory = {
            "kind": str(self.directory.kind),
            "base_dn": BASE_DN,
            "limit_dn": PEOPLE,
            "account": ACCOUNT,
            "password_file": password,
            "ca_file": str(folder / "ca.pem"),
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        lines += ["[directory]", f'servers = ["{self.directory.server.url}"]']
        lines += [f"{key} = {json.dumps(value)}" for key, value in directory.items()]
        (folder / "agent.toml").write_text("\n".join(lines))
        return folder / "agent.toml"

    def agent(self, name: str, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of an agent's commands to its end."""
        options = ["-m", "writeback.agent", "--config", str(self.folder / name / "agent.toml"), *command]
        return subprocess.run(
            [sys.executable, *options],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def enrol(self, name: str, **top: str) -> None:
        self.configure(name, **top)
        ended = self.agent(name, "enrol", typed=self.ask("invite", name=name)["code"] + "\n")
        assert ended.returncode == 0, ended.stderr
        fingerprint = re.search(r"^  ([0-9A-F ]+)$", ended.stdout, re.MULTILINE)
        assert fingerprint
        self.ask("approve", name=name, fingerprint=fingerprint[1])

    def start(self, name: str) -> None:
        options = ["--config", str(self.folder / name / "agent.toml"), "run"]
        with (self.folder / name / "log").open("ab") as output:
            self.agents[name] = subprocess.Popen(
                [*tied_to_us(None, "KILL"), sys.executable, "-m", "writeback.agent", *options],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"]},
                stdout=output,
                stderr=output,
            )

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text()

    def ended(self, job: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The job once it is over."""

        def over() -> dict[str, Any] | None:
            found = self.ask("job", id=job)
            return found if found["status"] not in ("queued", "claimed") else None

        found: dict[str, Any] = until(over, seconds)
        return found
