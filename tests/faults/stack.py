"""Web, worker, PostgreSQL, Redis and SMTP as processes of their own, to be stopped and started while somebody resets."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from bs4 import BeautifulSoup

from tests import servers
from tests.smtp_server import SmtpServer

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
PATIENCE_SECONDS = 25.0


def soon(what: Callable[[], Any]) -> Any:
    """What `what` gives once it gives something."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@dataclass
class Stack:
    """One installation: every part a process. `database` and `redis` may go away and come back."""

    folder: Path
    smtp: SmtpServer
    redis: servers.Redis
    database_port: int = field(default_factory=servers.free_port)
    port: int = field(default_factory=servers.free_port)
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    # Not under pytest's own folders: PostgreSQL's user may not enter them.
    database_folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rekey-pg-")))
    _database: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.database_port}/postgres"

    def prepare(self) -> None:
        """Keys, tables, an organisation that lets everybody reset, and two people."""
        self.start_database()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "REKEY_PROFILE": "embedded",
            "VAR_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.url,
            "BASE_URL": self.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp.port}",
            "EMAIL_FROM": "no-reply@rekey.example",
        }
        self.manage("make_keys", "--dir", str(self.folder))
        for line in (self.folder / "keys.env").read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                name, value = line.split("=", 1)
                self.environment[name] = value.strip("'\"")
        self.manage("migrate", "-v0")
        people = self.folder / "people.csv"
        people.write_text(
            "principal_name,authentication_email\nnoor@acme.example,noor@home.example\nemil@acme.example,emil@home.example\n"
        )
        self.manage("create_tenant", "acme", "--name", "Acme", "--domain", "acme.example")
        self.manage("import_users", str(people), "--tenant", "acme")
        self.sql("UPDATE accounts_tenant SET imported_methods_count = true")
        self.manage("shell", "-c", OPEN_POLICY)

    def manage(self, *arguments: str) -> str:
        """Run a command. Returns what it says."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def start_database(self) -> None:
        self._database.enter_context(servers.postgresql_in(self.database_folder, self.database_port))

    def stop_database(self) -> None:
        self._database.close()

    def start_web(self) -> None:
        command = ["gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--threads", "4"]
        self._start("web", [sys.executable, "-m", *command])
        soon(lambda: servers.listens(self.port))

    def start_worker(self) -> None:
        command = ["celery", "-A", "config", "worker", "-Q", "interactive,writeback,bulk", "-P", "threads", "-c", "2"]
        self._start("worker", [sys.executable, "-m", *command])

    def wait_for_worker(self) -> None:
        """Until its key is known: before, nothing can be sealed to it."""
        soon(lambda: self.sql("SELECT 1 FROM accounts_executorkey"))

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def stop(self, name: str) -> None:
        servers.stop(self.processes.pop(name))

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self.processes):
            self.stop(name)
        self.stop_database()
        shutil.rmtree(self.database_folder, ignore_errors=True)

    def codes_for(self, address: str) -> list[str]:
        """The codes that arrived in a mailbox, oldest first."""
        mails = [mail for mail in self.smtp.received if address in mail.recipients]
        found = [CODE.search(mail.part("text/plain")) for mail in mails]
        return [code[0] for code in found if code]


OPEN_POLICY = """
from accounts.models import Tenant
from accounts.tenants import all_opened
from policy.models import ResetPolicy
with all_opened():
    ResetPolicy.objects.create(tenant=Tenant.objects.get(), name="Everybody", audience="everybody", methods=["email"],
                               entra_compatible=False)
"""


class Visitor:
    """A person with cookies, who fills in the forms that the pages show."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.status = 0
        self.text = ""
        self.path = ""

    def open(self, path: str, fields: dict[str, str] | None = None) -> str:
        """Get a page, or post fields to it with its token; returns its text."""
        data = None
        if fields is not None:
            token = self._value("csrfmiddlewaretoken")
            data = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        try:
            with self._opener.open(self.stack.url + path, data, timeout=30) as answer:
                self.status, body, self.path = answer.status, answer.read(), answer.url
        except urllib.error.HTTPError as error:
            self.status, body, self.path = error.code, error.read(), path
        self.text = body.decode()
        return self.text

    def _value(self, name: str) -> str:
        field = BeautifulSoup(self.text, "html.parser").find("input", {"name": name})
        assert field is not None, self.text
        return str(field["value"])

    def identify(self, user: str) -> str:
        self.open("/reset/")
        key = self._value("captcha_key")
        letters = self.stack.sql("SELECT response FROM captcha_captchastore WHERE hashkey = %s", key)[0][0]
        return self.open(
            "/reset/",
            {
                "user": user,
                "trouble": "forgot",
                "captcha_key": key,
                "captcha_binding": self._value("captcha_binding"),
                "captcha": letters,
            },
        )

    def choose(self) -> str:
        return self.open("/reset/verify/", {"action": "choose", "offer": self._value("offer")})

    def answer(self, code: str) -> str:
        return self.open("/reset/verify/", {"action": "answer", "code": code})

    def set_password(self, password: str) -> str:
        return self.open("/reset/password/", {"password": password, "again": password})
