"""The demo's Active Directory: a private Samba on a loopback address, kept under var/ with random passwords."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import ldap

from tests.certificates import make_certificates
from tests.directories import samba
from tests.directories.samba import ACCOUNT, REALM, Rules, Samba

NAMES = {
    "dora": ("Dora", "Baker", "forgot her password"),
    "emil": ("Emil", "Stone", "knows his: sign in, then change it"),
    "farid": ("Farid", "Nasser", "is locked out"),
}
STAFF, NURSES = "Hospital staff", "Nurses"
RULES = Rules(min_length=10, history=5, min_age=0, lock_threshold=5)


@dataclass(frozen=True)
class Person:
    login: str
    shown: str
    password: str
    story: str

    @property
    def principal_name(self) -> str:
        return f"{self.login}@{REALM.lower()}"


@dataclass
class Domain:
    """The running controller and what is known of it. `service_password` is the agent's."""

    server: Samba
    people: list[Person]
    service_password: str


def start(folder: Path) -> Domain:
    """Start the domain in its folder; make it when it is not there (some 10 s)."""
    kept = folder / "domain.json"
    if not kept.exists():
        _make(folder, kept)
    told = json.loads(kept.read_text())
    server = Samba(folder, told["address"], RULES)
    samba.configure(server)
    server.start()
    people = [
        Person(login, f"{NAMES[login][0]} {NAMES[login][1]}", secret, NAMES[login][2])
        for login, secret in told["people"].items()
    ]
    return Domain(server, people, told["service_password"])


def _make(folder: Path, kept: Path) -> None:
    samba.provision(folder)
    server = Samba(folder, samba.free_address(), RULES)
    samba.configure(server)
    make_certificates(folder / "tls", server.address, "dc1.corp.example.test")
    (folder / "tls" / "server.pem").chmod(0o600)
    server.tool("domain", "passwordsettings", "set", *RULES.arguments())
    people = {login: _add(server, login) for login in NAMES}
    members = [f"CN={login},{samba.PEOPLE}" for login in NAMES]
    server.add_group(NURSES, members[:1])
    server.add_group(STAFF, [*members[1:], f"CN={NURSES},{samba.PEOPLE}"])
    service = _password()
    for account, secret in (("Rekey", service), ("Administrator", _password())):
        server.tool("user", "setpassword", account, f"--newpassword={secret}")
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({"address": server.address, "people": people, "service_password": service}))


def _add(server: Samba, login: str) -> str:
    given, family, _story = NAMES[login]
    name = f"{login}@{REALM.lower()}"
    server.add_user(
        login,
        sAMAccountName=login,
        userPrincipalName=name,
        givenName=given,
        sn=family,
        displayName=f"{given} {family}",
        mail=name,
    )
    secret = _password()
    server.tool("user", "setpassword", login, f"--newpassword={secret}")
    return secret


def _password() -> str:
    return f"{secrets.token_urlsafe(9)}-A7"


def lock(domain: Domain, login: str) -> None:
    """Type wrong passwords until the directory locks the account."""
    for _number in range(RULES.lock_threshold):
        connection = ldap.initialize(f"ldaps://{domain.server.address}")
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(domain.server.folder / "tls" / "ca.pem"))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        try:
            connection.simple_bind_s(f"CN={login},{samba.PEOPLE}", "not the password")
        except ldap.INVALID_CREDENTIALS:
            continue


def agent_file(domain: Domain, folder: Path, server_url: str, authority: Path) -> Path:
    """The agent's configuration. Returns its path."""
    folder.mkdir(mode=0o700, exist_ok=True)
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(domain.service_password)
    ca = folder / "directory-ca.pem"
    ca.write_text(domain.server.ca_pem)
    lines = {
        "server": server_url,
        "ca_file": str(authority),
        "state_directory": str(folder / "state"),
    }
    inside = {
        "kind": "active_directory",
        "servers": [f"ldaps://{domain.server.address}"],
        "base_dn": samba.BASE,
        "limit_dn": samba.PEOPLE,
        "account": ACCOUNT,
        "password_file": str(secret),
        "ca_file": str(ca),
    }
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
    text += "[directory]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in inside.items())
    path = folder / "agent.toml"
    path.write_text(text)
    return path
