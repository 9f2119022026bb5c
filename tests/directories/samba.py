"""A private Samba domain controller (Active Directory's protocol and rules) on a loopback address of its own.

Its ports are compiled in, so every server has an address: 127.x.y.z, of which Linux routes all to the loopback. It is
provisioned once per test run; a further one starts from a copy in under a second. Needs root.
"""

import base64
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests import servers
from tests.certificates import make_certificates
from writeback.connectors.base import Access, Kind, Server

REALM, DOMAIN, BASE = "CORP.EXAMPLE.TEST", "CORP", "DC=corp,DC=example,DC=test"
ADMINISTRATOR, ADMINISTRATOR_PASSWORD = f"CN=Administrator,CN=Users,{BASE}", "Adm1n-Passw0rd!"
ACCOUNT, ACCOUNT_PASSWORD = f"CN=Rekey,CN=Users,{BASE}", "Acc0unt-Passw0rd!"
PEOPLE, OUTSIDE = f"OU=People,{BASE}", f"OU=Outside,{BASE}"
PASSWORD = "0ld-Passw0rd!"
PORTS = (389, 636)
DEBIANS_PYTHON = "/usr/bin/python3"  # has Samba's own bindings
DISABLED, NEVER_EXPIRES, NORMAL = 0x2, 0x10000, 0x200

USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
# What a delegated account needs at least, on user objects below a place (MS-ADTS section 5.1.3.2): the right to reset
# passwords, and to read and write lockoutTime and pwdLastSet.
LEAST_RIGHTS = (
    f"(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;{USER_CLASS};{{sid}})"
    f"(OA;CIIO;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;{USER_CLASS};{{sid}})"
    f"(OA;CIIO;RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2;{USER_CLASS};{{sid}})"
)
CANNOT_CHANGE = "(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;PS)(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)"

CONFIGURATION = """[global]
netbios name = DC1
workgroup = {domain}
realm = {realm}
server role = active directory domain controller
server services = ldap
interfaces = {address}/8
bind interfaces only = yes
disable netbios = yes
load printers = no
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/run
ncalrpc dir = {folder}/ncalrpc
winbindd socket directory = {folder}/winbindd
ntp signd socket directory = {folder}/ntp
binddns dir = {folder}/state/bind-dns
log file = {folder}/log
logging = file
ldb:nosync = yes
old password allowed period = 0
tls enabled = yes
tls cafile = {folder}/tls/ca.pem
tls certfile = {folder}/tls/server.pem
tls keyfile = {folder}/tls/server.pem
[sysvol]
path = {folder}/state/sysvol
[netlogon]
path = {folder}/state/sysvol/scripts
"""


@dataclass(frozen=True)
class Rules:
    """The domain's password policy. `min_age` in days, `lock_minutes` both for how long and for how far apart."""

    min_length: int = 10
    history: int = 5
    min_age: int = 0
    lock_threshold: int = 5
    lock_minutes: int = 30

    def arguments(self) -> list[str]:
        return [
            f"--min-pwd-length={self.min_length}",
            f"--history-length={self.history}",
            f"--min-pwd-age={self.min_age}",
            "--complexity=on",
            f"--account-lockout-threshold={self.lock_threshold}",
            f"--account-lockout-duration={self.lock_minutes}",
            f"--reset-account-lockout-after={self.lock_minutes}",
        ]


def missing_programs() -> str | None:
    """What is not installed, or why it can't run; None when everything is there."""
    for program in ("samba", "samba-tool", "ldbadd", "ldbmodify"):
        if shutil.which(program) is None:
            return program
    if not Path("/usr/share/samba/setup").is_dir():
        return "samba-ad-provision"
    return None if os.geteuid() == 0 else "root"


def free_address() -> str:
    """A loopback address on whose LDAP ports nobody listens: by process id, so that parallel runs don't meet."""
    for last in range(2, 250):
        address = f"127.{64 + os.getpid() // 250 % 128}.{1 + os.getpid() % 250}.{last}"
        if all(_is_free(address, port) for port in PORTS):
            return address
    raise RuntimeError("no loopback address is free")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@dataclass
class Samba:
    """A running domain controller; `folder` holds all of it. `logins` are the account names of added users by DN."""

    folder: Path
    address: str
    rules: Rules
    process: subprocess.Popen[bytes] | None = None
    logins: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def configuration(self) -> Path:
        return self.folder / "smb.conf"

    @property
    def database(self) -> Path:
        return self.folder / "private" / "sam.ldb"

    @property
    def ca_pem(self) -> str:
        return (self.folder / "tls" / "ca.pem").read_text()

    def access(self, *, administrator: bool = False, starttls: bool = False, **fields: object) -> Access:
        """As the delegated account, or as the Administrator who may do everything."""
        known: dict[str, object] = {
            "kind": Kind.ACTIVE_DIRECTORY,
            "servers": (Server(self.address, 389 if starttls else 636, starttls),),
            "base_dn": BASE,
            "account": ADMINISTRATOR if administrator else ACCOUNT,
            "password": ADMINISTRATOR_PASSWORD if administrator else ACCOUNT_PASSWORD,
            "ca_pem": self.ca_pem,
        }
        return Access(**(known | fields))  # type: ignore[arg-type]

    def start(self) -> None:
        options = ["-F", "--no-process-group", "-M", "single", "-s", str(self.configuration)]
        with (self.folder / "output").open("ab") as output:
            command = [*servers.tied_to_us(None, "TERM"), str(shutil.which("samba")), *options]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        servers.wait_until(lambda: all(self._listens(port) for port in PORTS), self.process, self.folder / "log")

    def stop(self) -> None:
        if self.process:
            servers.stop(self.process)
            self.process = None

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex((self.address, port)) == 0

    def tool(self, *arguments: str) -> str:
        command = ["samba-tool", *arguments, "-s", str(self.configuration)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"samba-tool {arguments[:2]}: {done.stderr[-500:]}")
        return done.stdout

    def add(self, ldif: str) -> None:
        self._ldb("ldbadd", self.database, ldif)

    def modify(self, dn: str, **values: str | None) -> None:
        """Replace attributes (None: remove them), with the domain's rules for it."""
        self._ldb("ldbmodify", self.database, changes(dn, values))

    def force(self, dn: str, **values: str | None) -> None:
        """The same below the rules, for what nobody may write: adminCount, an old pwdLastSet."""
        folder = self.folder / "private" / "sam.ldb.d"
        parts = [path for path in folder.glob("DC=*.ldb") if "DNSZONES" not in path.name.upper()]
        self._ldb("ldbmodify", min(parts, key=lambda path: len(path.name)), changes(dn, values))

    def rename(self, dn: str, new: str) -> None:
        command = ["ldbrename", "-H", str(self.database), f"--configfile={self.configuration}", dn, new]
        subprocess.run(command, check=True, capture_output=True)
        self.logins[new] = self.logins[dn]

    def _ldb(self, program: str, database: Path, ldif: str) -> None:
        command = [program, "-H", str(database), f"--configfile={self.configuration}"]
        done = subprocess.run(command, check=False, input=ldif, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-500:]} {done.stdout[-500:]}")

    def add_user(self, name: str = "", place: str = PEOPLE, dn: str = "", **values: str) -> str:
        """A user with PASSWORD. Returns the DN. Values replace the usual ones; userAccountControl is a number."""
        login = f"user{next(self._numbers)}"
        dn = dn or f"CN={name or login},{place}"
        known = {
            "objectClass": "user",
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@{REALM.lower()}",
            "userAccountControl": str(NORMAL),
        }
        self.logins[dn] = (known | values)["sAMAccountName"]
        secret = base64.b64encode(f'"{PASSWORD}"'.encode("utf-16-le")).decode()
        lines = [ldif_line("dn", dn), *(ldif_line(key, value) for key, value in (known | values).items())]
        self.add("\n".join([*lines, f"unicodePwd:: {secret}"]) + "\n")
        return dn

    def add_group(self, name: str, members: Sequence[str] = (), place: str = PEOPLE) -> str:
        dn = f"CN={name},{place}"
        lines = [ldif_line("dn", dn), "objectClass: group", ldif_line("sAMAccountName", name)]
        self.add("\n".join([*lines, *(ldif_line("member", member) for member in members)]) + "\n")
        return dn

    def deny_change(self, dn: str) -> None:
        """What the administration tools do for *User cannot change password*."""
        self.tool("dsacl", "set", f"--objectdn={dn}", f"--sddl={CANNOT_CHANGE}", "-H", str(self.database))

    def age_password(self, dn: str, days: int) -> None:
        since = datetime.now(UTC) - timedelta(days=days) - datetime(1601, 1, 1, tzinfo=UTC)
        self.force(dn, pwdLastSet=str(int(since.total_seconds()) * 10_000_000))


def ldif_line(name: str, value: str) -> str:
    """RFC 2849: encoded, so that no name of anybody can be taken for something else."""
    return f"{name}:: {base64.b64encode(value.encode()).decode()}"


def changes(dn: str, values: dict[str, str | None]) -> str:
    lines = [ldif_line("dn", dn), "changetype: modify"]
    for name, value in values.items():
        lines += [f"delete: {name}", "-"] if value is None else [f"replace: {name}", ldif_line(name, value), "-"]
    return "\n".join(lines) + "\n"


def configure(server: Samba) -> None:
    """Write what the server reads when it starts, for its folder and its address."""
    for name in ("private", "state", "cache", "lock", "run", "winbindd", "tls"):
        (server.folder / name).mkdir(parents=True, exist_ok=True)
    (server.folder / "ncalrpc").mkdir(mode=0o755, exist_ok=True)
    (server.folder / "ntp").mkdir(mode=0o750, exist_ok=True)
    text = CONFIGURATION.format(domain=DOMAIN, realm=REALM, address=server.address, folder=server.folder)
    server.configuration.write_text(text)


def provision(folder: Path) -> None:
    """A domain with the delegated account and its rights, for others to start from (3 to 6 s)."""
    server = Samba(folder, "127.0.0.1", Rules())
    configure(server)
    options = ["--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1", "--quiet"]
    names = [f"--realm={REALM}", f"--domain={DOMAIN}", f"--adminpass={ADMINISTRATOR_PASSWORD}"]
    server.tool("domain", "provision", *options, *names)
    server.tool("user", "create", "Rekey", ACCOUNT_PASSWORD, "--use-username-as-cn")
    server.tool("user", "setexpiry", "Rekey", "--noexpiry")
    for place in (PEOPLE, OUTSIDE):
        server.add(f"dn: {place}\nobjectClass: organizationalUnit\n")
    shown = server.tool("user", "show", "Rekey", "--attributes=objectSid")
    sid = next(line.split()[1] for line in shown.splitlines() if line.startswith("objectSid"))
    rights = LEAST_RIGHTS.format(sid=sid)
    server.tool("dsacl", "set", f"--objectdn={PEOPLE}", f"--sddl={rights}", "-H", str(server.database))


def fill(folder: Path, count: int, group: str, members: int) -> None:
    """Put a crowd into what `provision` made: users without passwords, the first ones members of a new group."""
    server = Samba(folder, "127.0.0.1", Rules())
    configure(server)
    program = [DEBIANS_PYTHON, "-P", str(Path(__file__).with_name("samba_bulk.py")), str(server.configuration)]
    subprocess.run([*program, PEOPLE, str(count), group, str(members)], check=True)


@contextmanager
def samba(template: Path, rules: Rules | None = None) -> Iterator[Samba]:
    """A domain controller of its own, from what `provision` made in `template`."""
    folder = Path(tempfile.mkdtemp(prefix="rekey-ad-"))
    server = Samba(folder, free_address(), rules or Rules())
    try:
        for name in ("private", "state"):
            subprocess.run(["cp", "-a", str(template / name), str(folder)], check=True)
        configure(server)
        make_certificates(folder / "tls", server.address, "dc1.corp.example.test")
        (folder / "tls" / "server.pem").chmod(0o600)
        server.tool("domain", "passwordsettings", "set", *server.rules.arguments())
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_answer(server: Samba, seconds: float = 10) -> None:
    """After a pause. Raises RuntimeError when it doesn't listen again."""
    until = time.monotonic() + seconds
    while not server._listens(636):
        if time.monotonic() > until:
            raise RuntimeError("does not listen again")
        time.sleep(0.02)
