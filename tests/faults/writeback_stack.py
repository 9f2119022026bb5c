"""The stack of processes with an OpenLDAP beside it, each of which may be killed and comes back; and what became of jobs."""

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from tests import servers
from tests.directories import openldap as slapd
from tests.directories.ldap_server import (
    ACCOUNT,
    ACCOUNT_PASSWORD,
    BASE_DN,
    START_PASSWORD,
    LdapServer,
    Rules,
    Somebody,
)
from tests.faults.agents_side import AGENTS, AgentsSide
from tests.faults.stack import Stack, soon
from tests.faults.submitting import CANARY
from tests.smtp_server import SmtpServer

PEOPLE = 25
WORKERS = ("worker 1", "worker 2")
# Everything a password was set to stays readable for the tests, and is never taken a second time.
RULES = Rules(history=200, max_failure=10)

SETUP = """
import json, os
from django.utils import timezone
from accounts import secrets
from accounts.models import Directory, Tenant, User
from accounts.tenants import all_opened
from writeback.models import Connector
given = json.loads(os.environ["SETUP"])
with all_opened():
    tenant = Tenant.objects.get()
    tenant.may_connect_directly = True
    tenant.save()
    for name in ("North", "South"):
        directory = Directory.objects.create(tenant=tenant, name=name, kind="openldap")
        usual = {"tenant": tenant, "directory": directory, "is_on": True, "sync_is_on": False}
        connector = Connector(way="direct" if name == "North" else "agents", **usual)
        if name == "North":
            for field, value in given["connector"].items():
                setattr(connector, field, value)
            connector.sealed_password = secrets.seal(given["password"].encode(), connector.place)
        connector.save()
        for uid, anchor in given[name]:
            login = f"{uid}.{name}@acme.example"
            User.objects.create(tenant=tenant, principal_name=login, directory=directory, anchor=anchor)
"""


@dataclass(frozen=True)
class Submitted:
    """A job as its row is in the end, with the password that only the tests know."""

    status: str
    reason: str
    deadline: Any
    password: str
    sealed: bytes


@dataclass
class WritebackStack(Stack):
    """`folder` holds the logs of all processes and the ledger of all passwords."""

    directories: dict[str, LdapServer] = field(default_factory=dict)
    people: list[tuple[LdapServer, Somebody]] = field(default_factory=list)

    @property
    def ldap(self) -> LdapServer:
        """The one that the workers reach; agents reach the other one."""
        return self.directories["North"]

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def begin(self) -> None:
        """All parts up, nothing submitted yet, and everybody with the password they start with."""
        for name in WORKERS:
            if name not in self.processes:
                self.start_worker_named(name)
        self.sql("DELETE FROM writeback_writebackjob")
        self.wait_for_worker()
        self.ledger.unlink(missing_ok=True)

    def connect(self) -> None:
        """Everybody of the directory becomes a user, and the worker reaches it."""
        crowds = {name: [one.somebody() for _ in range(PEOPLE)] for name, one in self.directories.items()}
        self.people = [(self.directories[name], person) for name, crowd in crowds.items() for person in crowd]
        self.environment["EGRESS_ALLOW_PRIVATE"] = "127.0.0.1/32"
        given = {
            "connector": {
                "servers": f"ldaps://127.0.0.1:{self.ldap.tls_port}",
                "base_dn": BASE_DN,
                "account": ACCOUNT,
                "ca_pem": self.ldap.ca_pem,
            },
            "password": ACCOUNT_PASSWORD,
        } | {name: [(one.uid, one.anchor) for one in crowd] for name, crowd in crowds.items()}
        self.environment["SETUP"] = json.dumps(given)
        self.manage("shell", "-c", SETUP)
        del self.environment["SETUP"]

    # --- processes ------------------------------------------------------------------------------------------------

    def start_worker_named(self, name: str) -> None:
        command = [
            "celery",
            "-A",
            "config",
            "worker",
            "-Q",
            "interactive,writeback,bulk",
            "-c",
            "3",
            "-n",
            f"{name[-1]}@x",
        ]
        self._start(name, [sys.executable, "-m", *command])

    def start_door(self) -> None:
        self._start("door", self.agents_side.door)

    def start_agent(self, name: str) -> None:
        self._start(name, self.agents_side.command(name, "run"))

    def start_agents(self) -> None:
        """Enrolled, approved, and heard of."""
        self.agents_side.prepare()
        self.start_door()
        soon(lambda: servers.listens(self.agents_side.port))
        for name in AGENTS:
            self.agents_side.enrol(name, self.manage)
            self.start_agent(name)
        soon(lambda: self.sql("SELECT 1 FROM writeback_agent WHERE is_reaching HAVING count(*) = 2"))

    @cached_property
    def agents_side(self) -> AgentsSide:
        folder = self.folder / "agents"
        folder.mkdir()
        return AgentsSide(folder, self.directories["South"], servers.free_port())

    def start_submitting(self, seed: int, seconds: float) -> None:
        self.ledger.touch()
        what = f"from tests.faults.submitting import main; main({str(self.ledger)!r}, {seed}, {seconds})"
        self._start("submitting", [sys.executable, "manage.py", "shell", "-c", what])

    def kill_worker(self, dice: random.Random) -> None:
        name = dice.choice(WORKERS)
        self.kill(name)
        self.start_worker_named(name)

    def kill_database(self, _dice: random.Random) -> None:
        data = self.database_folder / "data"
        os.kill(int((data / "postmaster.pid").read_text().split("\n")[0]), signal.SIGKILL)
        self.stop_database()
        (data / "postmaster.pid").unlink()
        soon(self._has_no_old_backends)
        self.start_database()
        soon(self.is_up)

    def _has_no_old_backends(self) -> bool:
        """PostgreSQL doesn't start beside processes of the one before, which work in its folder until they notice."""
        data = self.database_folder / "data"
        return not any(place_of(process) == str(data) for process in Path("/proc").glob("[0-9]*"))

    def is_up(self) -> bool:
        with contextlib.suppress(psycopg.Error):
            return bool(self.sql("SELECT 1"))
        return False

    def kill_broker(self, _dice: random.Random) -> None:
        assert self.redis.process
        self.redis.process.kill()
        self.redis.process.wait()
        self.redis.start()

    def kill_directory(self, dice: random.Random) -> None:
        directory = dice.choice(list(self.directories.values()))
        assert directory.process
        directory.process.kill()
        directory.process.wait()
        slapd.start(directory)

    def kill_agent(self, dice: random.Random) -> None:
        name = dice.choice(AGENTS)
        self.kill(name)
        self.start_agent(name)

    def kill_door(self, _dice: random.Random) -> None:
        self.kill("door")
        self.start_door()

    # --- what became of it ----------------------------------------------------------------------------------------

    def submitted(self) -> int:
        return self.ledger.read_bytes().count(b"\n")

    def open_jobs(self) -> int:
        found = self.sql("SELECT count(*) FROM writeback_writebackjob WHERE status IN ('queued', 'claimed')")
        return int(found[0][0])

    def jobs_of(self, anchor: str) -> list[Submitted]:
        """Everything that was committed for one person, oldest first."""
        known = [json.loads(line) for line in self.ledger.read_text(encoding="utf-8").splitlines()]
        passwords = {one["job"]: one["password"] for one in known}
        rows = self.sql(
            "SELECT id, status, reason, deadline, sealed FROM writeback_writebackjob WHERE anchor = %s"
            " ORDER BY created_at, id",
            anchor,
        )
        return [Submitted(status, why, until, passwords[str(key)], bytes(box)) for key, status, why, until, box in rows]

    def passwords_of(self, directory: LdapServer, person: Somebody) -> list[str]:
        """The digests of every password that the directory has set for somebody, oldest first, the current one last."""
        history = sorted(directory.read(person.dn, "pwdHistory"), key=lambda value: value.split("#")[0])
        return [value.split("#", 3)[3] for value in history] + directory.read(person.dn, "userPassword")

    def all_passwords(self) -> list[list[str]]:
        return [self.passwords_of(directory, person) for directory, person in self.people]

    def places_of(self, directory: LdapServer, person: Somebody, jobs: list[Submitted]) -> list[int]:
        """The same as numbers of jobs; -1 is the password that was there first."""
        known = {-1: START_PASSWORD} | {number: job.password for number, job in enumerate(jobs)}
        digests = self.passwords_of(directory, person)
        return [next(number for number, password in known.items() if is_of(digest, password)) for digest in digests]

    def places_with_canary(self) -> list[str]:
        """Files of database, broker and processes that hold a password in any form, but the tests' own ledger."""
        folders = (self.folder, self.database_folder, self.redis.folder)
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file != self.ledger]
        return [str(file) for file in files if has_canary(file.read_bytes())]


def place_of(process: Path) -> str:
    """The folder a process works in; nothing for one that is gone."""
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""


def is_of(digest: str, password: str) -> bool:
    """Whether a {SSHA} digest is of this password."""
    raw = base64.b64decode(digest.removeprefix("{SSHA}"))
    return hashlib.sha1(password.encode() + raw[20:]).digest() == raw[:20]


def forms(text: str) -> list[bytes]:
    """What a text looks like as it is, in UTF-16, in JSON, and in base64 wherever it stands."""
    plain = text.encode()
    shifted = [base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    return [plain, text.encode("utf-16-le"), json.dumps(text)[1:-1].encode(), plain.hex().encode(), *shifted]


FORMS = forms(CANARY)


def has_canary(content: bytes) -> bool:
    return any(form in content for form in FORMS)


@contextmanager
def writeback_stack(folder: Path) -> Iterator[WritebackStack]:
    """Everything prepared and running but the process that submits."""
    with ExitStack() as running:
        redis, smtp = running.enter_context(servers.redis()), running.enter_context(SmtpServer())
        both = {name: running.enter_context(slapd.openldap(RULES, people=PEOPLE)) for name in ("North", "South")}
        stack = WritebackStack(folder, smtp, redis, directories=both)
        try:
            stack.prepare()
            stack.connect()
            for name in WORKERS:
                stack.start_worker_named(name)
            stack.wait_for_worker()
            stack.start_agents()
            yield stack
        finally:
            stack.close()
