"""The stack of processes with an OpenLDAP beside it, each of which may be killed and comes back; and what became of jobs."""

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from tests.faults.stack import Stack, soon
from tests.faults.submitting import CANARY
from tests.smtp_server import SmtpServer

PEOPLE = 40
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
    directory = Directory.objects.create(tenant=tenant, name="North", kind="openldap")
    connector = Connector(tenant=tenant, directory=directory, is_on=True, way="direct", sync_is_on=False, **given["connector"])
    connector.sealed_password = secrets.seal(given["password"].encode(), connector.place)
    connector.save()
    for uid, anchor in given["people"]:
        User.objects.create(tenant=tenant, principal_name=f"{uid}@acme.example", directory=directory, anchor=anchor)
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

    directory: LdapServer | None = None
    people: list[Somebody] = field(default_factory=list)

    @property
    def ldap(self) -> LdapServer:
        assert self.directory is not None
        return self.directory

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
        self.people = [self.ldap.somebody() for _ in range(PEOPLE)]
        self.environment["EGRESS_ALLOW_PRIVATE"] = "127.0.0.1/32"
        given = {
            "connector": {
                "servers": f"ldaps://127.0.0.1:{self.ldap.tls_port}",
                "base_dn": BASE_DN,
                "account": ACCOUNT,
                "ca_pem": self.ldap.ca_pem,
            },
            "password": ACCOUNT_PASSWORD,
            "people": [(one.uid, one.anchor) for one in self.people],
        }
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
        """PostgreSQL doesn't start beside processes of the one before: they go by themselves."""
        lines = subprocess.run(["ps", "-u", "postgres", "-o", "args="], capture_output=True, text=True, check=False)
        listening = servers.listens(self.database_port)
        return not listening and str(self.database_folder) not in lines.stdout

    def is_up(self) -> bool:
        with contextlib.suppress(psycopg.Error):
            return bool(self.sql("SELECT 1"))
        return False

    def kill_broker(self, _dice: random.Random) -> None:
        assert self.redis.process
        self.redis.process.kill()
        self.redis.process.wait()
        self.redis.start()

    def kill_directory(self, _dice: random.Random) -> None:
        assert self.ldap.process
        self.ldap.process.kill()
        self.ldap.process.wait()
        slapd.start(self.ldap)

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

    def passwords_of(self, person: Somebody) -> list[str]:
        """The digests of every password that the directory has set for somebody, oldest first, the current one last."""
        history = sorted(self.ldap.read(person.dn, "pwdHistory"), key=lambda value: value.split("#")[0])
        return [value.split("#", 3)[3] for value in history] + self.ldap.read(person.dn, "userPassword")

    def places_of(self, person: Somebody, jobs: list[Submitted]) -> list[int]:
        """The same as numbers of jobs; -1 is the password that was there first."""
        known = {-1: START_PASSWORD} | {number: job.password for number, job in enumerate(jobs)}
        digests = self.passwords_of(person)
        return [next(number for number, password in known.items() if is_of(digest, password)) for digest in digests]

    def places_with_canary(self) -> list[str]:
        """Files of database, broker and processes that hold a password in any form, but the tests' own ledger."""
        folders = (self.folder, self.database_folder, self.redis.folder)
        files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file != self.ledger]
        return [str(file) for file in files if has_canary(file.read_bytes())]


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
    with servers.redis() as redis, SmtpServer() as smtp, slapd.openldap(RULES, people=PEOPLE) as directory:
        stack = WritebackStack(folder, smtp, redis, directory=directory)
        try:
            stack.prepare()
            stack.connect()
            for name in WORKERS:
                stack.start_worker_named(name)
            stack.wait_for_worker()
            yield stack
        finally:
            stack.close()
