"""The agents' process and agents as an operator sets them up, with their own folders, to be killed and started again."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import make_certificates
from tests.directories.ldap_server import ACCOUNT, ACCOUNT_PASSWORD, BASE_DN, LdapServer
from tests.processes import ROOT, private_file

AGENTS = ("agent 1", "agent 2")


@dataclass
class AgentsSide:
    """`folder` holds one folder for each agent, and the certificate of the process that they talk to at `port`."""

    folder: Path
    directory: LdapServer
    port: int

    @property
    def door(self) -> list[str]:
        """The command of the agents' process."""
        tls = str(self.folder / "server.pem")
        options = [f"--port={self.port}", f"--ssl-certfile={tls}", f"--ssl-keyfile={tls}", "--no-access-log"]
        return [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]

    def command(self, name: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "writeback.agent", "--config", str(self.folder / name / "agent.toml"), *words]

    def prepare(self) -> None:
        make_certificates(self.folder, "localhost")
        for name in AGENTS:
            self._configure(name)

    def _configure(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir()
        (folder / "ca.pem").write_text(self.directory.ca_pem)
        top = {
            "server": f"https://localhost:{self.port}",
            "ca_file": str(self.folder / "ca.pem"),
            "state_directory": str(folder / "state"),
        }
        directory = {
            "servers": [self.directory.server.url],
            "kind": str(self.directory.kind),
            "base_dn": BASE_DN,
            "limit_dn": BASE_DN,
            "account": ACCOUNT,
            "password_file": private_file(folder / "password", ACCOUNT_PASSWORD.encode()),
            "ca_file": str(folder / "ca.pem"),
            "most_resets_per_minute": 100_000,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
        lines += ["[directory]", *(f"{key} = {json.dumps(value)}" for key, value in directory.items())]
        (folder / "agent.toml").write_text("\n".join(lines))

    def enrol(self, name: str, manage: Callable[..., str]) -> None:
        """With the commands of both sides."""
        code = re.search(
            r"^  code     (\S.*)$", manage("invite_agent", "South", name, "--tenant", "acme"), re.MULTILINE
        )
        assert code
        ended = subprocess.run(
            self.command(name, "enrol"),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            input=code[1] + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        fingerprint = re.search(r"^  ([0-9A-F ]+)$", ended.stdout, re.MULTILINE)
        assert fingerprint, ended.stderr
        manage("approve_agent", "South", name, "--fingerprint", fingerprint[1], "--tenant", "acme")
