"""The directories that keep passwords: a private OpenLDAP and a private Samba domain controller, with people in them."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import ldap

from tests.bench.writeback.passwords import new_password
from tests.directories import samba
from tests.directories.ldap_server import BULK
from tests.directories.openldap import openldap
from writeback.connectors.active_directory import anchor_of, as_unicode_pwd, by_guid
from writeback.connectors.base import Access, Kind
from writeback.connectors.connection import Connection, open_connection

OPENLDAP, SAMBA = "openldap", "samba"


@dataclass(frozen=True)
class Kept:
    """One directory, how it is reached, and the anchors of its people."""

    name: str
    kind: str
    url: str
    base_dn: str
    account: str
    password: str
    ca_pem: str
    anchors: list[str]

    @property
    def domain(self) -> str:
        return f"{self.name}.example"

    @property
    def people(self) -> int:
        """How many of them, the first ones, reset their passwords through Rekey."""
        return len(self.anchors) // 2

    def other(self, number: int) -> str:
        """The anchor of one of the others, whom only what runs beside Rekey resets.

        Who was reset a second ago is waited for: OpenLDAP keeps the time of a password in whole seconds.
        """
        return self.anchors[self.people + number % (len(self.anchors) - self.people)]


def mail_of(number: int, domain: str) -> str:
    """Where the codes of this person go."""
    return f"user{number}@home.{domain}"


@contextmanager
def directories(sizes: dict[str, int]) -> Iterator[dict[str, Kept]]:
    """Those named in `sizes`, running, with so many people. Raises tests.servers.ServerMissing or RuntimeError."""
    with ExitStack() as stack:
        made = {OPENLDAP: _openldap, SAMBA: _samba}
        yield {name: stack.enter_context(made[name](people)) for name, people in sizes.items()}


@contextmanager
def _openldap(people: int) -> Iterator[Kept]:
    with openldap(people=people) as server:
        access = server.access()
        with _bound(access) as connection:
            found = connection.pages(BULK, "(objectClass=person)", ["entryUUID"])
            anchors = [each.text("entryuuid").lower() for each in found]
        yield _kept(OPENLDAP, access, anchors)


@contextmanager
def _samba(people: int) -> Iterator[Kept]:
    missing = samba.missing_programs()
    if missing:
        raise RuntimeError(f"Samba can't be run here: {missing} is missing")
    template = Path(tempfile.mkdtemp(prefix="rekey-bench-ad-"))
    try:
        samba.provision(template)
        samba.fill(template, people, "Crowd", 1)
        with samba.samba(template) as server:
            access = server.access()
            with _bound(access) as connection:
                found = connection.pages(samba.PEOPLE, "(objectClass=user)", ["objectGUID"])
                anchors = [anchor_of(each) for each in found]
                # A first password costs Samba 20 ms, each later one 29: both sides set later ones.
                for anchor in anchors:
                    value = [as_unicode_pwd(new_password())]
                    connection.modify(by_guid(anchor), [(ldap.MOD_REPLACE, "unicodePwd", value)])
            yield _kept(SAMBA, access, anchors)
    finally:
        shutil.rmtree(template, ignore_errors=True)


@contextmanager
def _bound(access: Access) -> Iterator[Connection]:
    connection = open_connection(access)
    try:
        yield connection
    finally:
        connection.close()


def _kept(name: str, access: Access, anchors: list[str]) -> Kept:
    (server,) = access.servers
    return Kept(
        name, Kind(access.kind), server.url, access.base_dn, access.account, access.password, access.ca_pem, anchors
    )


def save(kept: Kept, folder: Path) -> Path:
    """For the bench's other processes."""
    path = folder / f"{kept.name}.json"
    path.write_text(json.dumps(asdict(kept)), encoding="utf-8")
    return path


def load(path: str) -> Kept:
    return Kept(**json.loads(Path(path).read_text(encoding="utf-8")))
