"""What tests ask of a private OpenLDAP or 389 Directory Server alike: people, groups, binds, an Access for a connector.

The certificate is for 127.0.0.1 alone, so that `localhost` is a wrong name for the same server.
"""

import base64
import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ldap
import ldap.dn

from tests.certificates import make_certificates
from tests.servers import stop, tied_to_us, wait_until
from writeback.connectors.base import Access, Kind, Server

BASE_DN = "dc=example,dc=test"
PEOPLE = f"ou=people,{BASE_DN}"
GROUPS = f"ou=groups,{BASE_DN}"
BULK = f"ou=bulk,{BASE_DN}"
# Its password policy binds what it sets.
ACCOUNT = f"cn=rekey,ou=accounts,{BASE_DN}"
# It is above the password policy: a mistake an administrator can make.
POWERFUL_ACCOUNT = f"cn=powerful,ou=accounts,{BASE_DN}"
# It may read, and write nothing.
READING_ACCOUNT = f"cn=reader,ou=accounts,{BASE_DN}"
ACCOUNT_PASSWORD = "Acc0unt-of-Rekey"
ADMINISTRATOR_PASSWORD = "Adm1nistrator-here"
START_PASSWORD = "Start-Passw0rd1"
# Ports below this number are for root; a directory needs two of ours.
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Rules:
    """The directory's password policy; ages and the lock's length in seconds, 0 for none."""

    min_length: int = 10
    history: int = 3
    min_age: int = 0
    max_age: int = 0
    max_failure: int = 4
    lockout_seconds: int = 1800


@dataclass(frozen=True)
class Somebody:
    """A person in the directory, with the password they start with."""

    uid: str
    dn: str
    anchor: str
    password: str = START_PASSWORD


@dataclass
class LdapServer:
    """One running directory. `ca_pem` is to be trusted; nobody signed anything with `wrong_ca_pem`."""

    kind: Kind
    folder: Path
    port: int
    tls_port: int
    ca_pem: str
    wrong_ca_pem: str
    administrator: str
    anchor_attribute: str
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    taken: int = 0

    @property
    def server(self) -> Server:
        return Server(HOST, self.tls_port)

    def access(self, **changes: Any) -> Access:
        """How the account that obeys the policy reaches this directory, with changes."""
        usual = Access(self.kind, (self.server,), BASE_DN, ACCOUNT, ACCOUNT_PASSWORD, self.ca_pem)
        return replace(usual, **changes)

    @contextmanager
    def bound(self, dn: str, password: str) -> Iterator[Any]:
        """A connection of its own. Raises ldap.LDAPError."""
        connection = ldap.initialize(f"ldaps://{HOST}:{self.tls_port}")
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(self.folder / "ca.pem"))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
        try:
            connection.simple_bind_s(dn, password)
            yield connection
        finally:
            connection.unbind_ext_s()

    def as_administrator(self) -> Any:
        return self.bound(self.administrator, ADMINISTRATOR_PASSWORD)

    def binds(self, dn: str, password: str) -> bool:
        """Whether the directory lets them in."""
        try:
            with self.bound(dn, password):
                return True
        except ldap.LDAPError:
            return False

    def fail_to_bind(self, dn: str, times: int = 1) -> None:
        for number in range(times):
            assert not self.binds(dn, f"Wrong-Passw0rd{number}")

    def add(self, dn: str, attributes: dict[str, Any]) -> str:
        """Add an entry. Returns its anchor."""
        with self.as_administrator() as connection:
            connection.add_s(dn, [(name, _octets(values)) for name, values in attributes.items()])
        return self.read(dn, self.anchor_attribute)[0].lower()

    def add_person(self, uid: str, rdn: str = "", under: str = PEOPLE, **attributes: Any) -> Somebody:
        """A person; `rdn` is the value of cn in their DN where it isn't uid, unescaped."""
        first = f"cn={ldap.dn.escape_dn_chars(rdn)}" if rdn else f"uid={ldap.dn.escape_dn_chars(uid)}"
        dn = f"{first},{under}"
        usual = {"objectClass": ["inetOrgPerson"], "uid": uid, "cn": rdn or uid, "sn": "Person"}
        return Somebody(uid, dn, self.add(dn, usual | {"userPassword": START_PASSWORD} | attributes))

    def somebody(self) -> Somebody:
        """The next of the crowd: each test has people of its own, who were there long before it."""
        uid = f"number{self.taken:05d}"
        self.taken += 1
        dn = f"uid={uid},{BULK}"
        return Somebody(uid, dn, self.read(dn, self.anchor_attribute)[0].lower())

    def add_group(self, name: str, *members: str) -> str:
        """A group with members by DN. Returns its DN."""
        dn = f"cn={ldap.dn.escape_dn_chars(name)},{GROUPS}"
        self.add(dn, {"objectClass": ["groupOfNames"], "cn": name, "member": list(members)})
        return dn

    def write(self, dn: str, attribute: str, *values: str) -> None:
        """Replace an attribute's values as the administrator; none of them: remove it."""
        with self.as_administrator() as connection:
            connection.modify_s(dn, [(ldap.MOD_REPLACE, attribute, _octets(list(values)) or None)])

    def read(self, dn: str, attribute: str) -> list[str]:
        with self.as_administrator() as connection:
            ((_, attributes),) = connection.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", [attribute])
        return [value.decode() for value in attributes.get(attribute, [])]

    def wait_for_history(self, dn: str, count: int) -> None:
        """Until so many earlier passwords are remembered: 389 says that one is set before it remembers the last one."""
        attribute = "passwordHistory" if self.kind is Kind.DS389 else "pwdHistory"
        assert self.process
        wait_until(lambda: len(self.read(dn, attribute)) >= count, self.process)

    def rename(self, dn: str, first: str, under: str | None = None) -> str:
        """Give an entry another name, and another place. Returns its new DN."""
        with self.as_administrator() as connection:
            connection.rename_s(dn, first, under)
        return f"{first},{under or dn.partition(',')[2]}"

    def remove(self, dn: str) -> None:
        with self.as_administrator() as connection:
            connection.delete_s(dn)

    def run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start the server's program, tied to this process."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*tied_to_us(None, "KILL"), *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        return self.process

    def end(self) -> None:
        if self.process:
            stop(self.process, signal.SIGTERM)
            self.process = None


def make_pems(folder: Path) -> tuple[str, str]:
    """Write ca.pem and server.pem (certificate and key) into the folder. Returns the right and a wrong CA as text."""
    other = folder / "other"
    other.mkdir()
    return make_certificates(folder, HOST).ca.read_text(), make_certificates(other, HOST).ca.read_text()


def salted_sha1(password: str) -> str:
    """A password as both servers store it where we say so: many at once cost nothing."""
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def ldif(dn: str, attributes: dict[str, Any]) -> str:
    """One entry for a bulk load; values in base64, so that they may hold anything."""
    lines = [("dn", dn), *((name, value) for name, values in attributes.items() for value in _listed(values))]
    return "\n".join(f"{name}:: {base64.b64encode(value.encode()).decode()}" for name, value in lines) + "\n\n"


def skeleton(further: dict[str, dict[str, Any]] | None = None) -> Iterator[str]:
    """LDIF of what every test directory holds: its folders and its accounts. `further` attributes are by DN."""
    more = further or {}
    base = {"objectClass": ["top", "dcObject", "organization"], "dc": "example", "o": "Example"}
    yield ldif(BASE_DN, base | more.get(BASE_DN, {}))
    for name in ("people", "groups", "accounts", "policies", "bulk"):
        yield ldif(f"ou={name},{BASE_DN}", {"objectClass": ["top", "organizationalUnit"], "ou": name})
    password = salted_sha1(ACCOUNT_PASSWORD)
    for dn in (ACCOUNT, POWERFUL_ACCOUNT, READING_ACCOUNT):
        classes = ["top", "applicationProcess", "simpleSecurityObject"]
        attributes = {"objectClass": classes, "cn": dn[3:].partition(",")[0], "userPassword": password}
        yield ldif(dn, attributes | more.get(dn, {}))


def crowd(people: int, **further: str) -> Iterator[str]:
    """LDIF of many people, number00000 and so on, who share a password's digest and further attributes."""
    password = salted_sha1(START_PASSWORD)
    for number in range(people):
        uid = f"number{number:05d}"
        attributes = {
            "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
            "uid": uid,
            "cn": f"First {number}",
            "sn": f"Last {number}",
            "givenName": "First",
            "mail": f"{uid}@example.test",
            "mobile": f"+15550{number:06d}",
            "userPassword": password,
        }
        yield ldif(f"uid={uid},{BULK}", attributes | further)


def _listed(values: Any) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _octets(values: Any) -> list[bytes]:
    return [value.encode() for value in _listed(values)]
