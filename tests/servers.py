"""Real servers for tests: private, on free loopback ports, known by process id, gone with whoever started them.

`with postgresql() as url` gives postgres://postgres@127.0.0.1:PORT/postgres; `with redis() as server` has `url`,
`stop()` and `start()` (again on the same port).
"""

import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POSTGRESQL_FOLDERS = "/usr/lib/postgresql"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 30.0
STOP_SECONDS = 10.0
# Debian's packages by the pytest mark that needs them.
PACKAGES = {
    "postgres": ["postgresql"],
    "redis": ["redis-server"],
    "browser": ["chromium", "fonts-noto-core"],
    "directory": [
        *("samba-ad-dc", "samba-ad-provision", "winbind", "ldb-tools", "slapd", "ldap-utils", "389-ds-base"),
        *("libnss3-tools", "libldap-dev", "libsasl2-dev", "gcc", "python3-dev", "iproute2"),
    ],
}
# What of them the tests of directories look for.
DIRECTORY_PROGRAMS = (
    *(
        "samba",
        "samba-tool",
        "ldbadd",
        "ldbmodify",
        "ldbrename",
        "slapd",
        "slapadd",
        "ldapmodify",
        "ns-slapd",
        "certutil",
    ),
)


class ServerMissing(Exception):
    """The program is not installed."""


def program(name: str) -> str | None:
    """Path of a program, also of those for administrators, which are off a user's PATH."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def postgresql_program(name: str) -> str | None:
    """Path of a PostgreSQL server program, which Debian keeps off the PATH; the newest version wins."""
    versions = sorted(Path(POSTGRESQL_FOLDERS).glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else shutil.which(name)


def browser_program() -> str | None:
    """Path of Chromium."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def has_python_ldap() -> bool:
    return any(True for _found in importlib.metadata.distributions(name="python-ldap"))


def missing_for_directories() -> str | None:
    """Why directory servers can't be run or spoken to here; None when they can."""
    programs = all(shutil.which(name) or shutil.which(f"/usr/sbin/{name}") for name in DIRECTORY_PROGRAMS)
    if not programs or not Path("/usr/share/samba/setup").is_dir():
        return f"needs Debian's {' '.join(PACKAGES['directory'])}"
    if not has_python_ldap():
        return (
            "needs python-ldap (requirements-ldap.lock), built with Debian's libldap-dev libsasl2-dev gcc python3-dev"
        )
    return None if os.geteuid() == 0 else "needs root: Samba's ports are below 1024"


def missing() -> dict[str, str]:
    """Marks whose server is not on this machine, with the reason to show."""
    found = {
        "postgres": postgresql_program("initdb"),
        "redis": shutil.which("redis-server"),
        "browser": browser_program(),
    }
    reasons = {mark: f"needs Debian's {' '.join(PACKAGES[mark])}" for mark, path in found.items() if path is None}
    directories = missing_for_directories()
    return reasons | ({"directory": directories} if directories else {})


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Return when `ready` says so. Raises RuntimeError when the process ends before, or takes too long."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if ready():
            return
        time.sleep(0.02)
    said = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
    raise RuntimeError(f"{process.args!r} did not get ready (exit code {process.poll()}). {said}")


def stop(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", by: int = signal.SIGTERM) -> None:
    """End a process by its id, kindly first."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def tied_to_us(user: str | None, end_by: str) -> list[str]:
    """A command prefix: run as `user` (root only) and get a signal when this process dies, however it dies."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if user:
            raise ServerMissing("PostgreSQL does not run as root, and setpriv is missing")
        return []
    become = [f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    return [setpriv, *become, f"--pdeathsig={end_by}", "--"]


def _database_user() -> str | None:
    """Whom PostgreSQL runs as: it refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _initialise(folder: Path, user: str | None) -> None:
    initdb = postgresql_program("initdb")
    if initdb is None:
        raise ServerMissing("PostgreSQL is not installed")
    if user:
        shutil.chown(folder, user, user)
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [*tied_to_us(user, "TERM"), initdb, "-D", str(folder / "data"), *options],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def postgresql(*settings: str) -> Iterator[str]:
    """A new PostgreSQL cluster (fsync on); `settings` are further ones as name=value. Raises ServerMissing."""
    folder = Path(tempfile.mkdtemp(prefix="rekey-pg-"))
    try:
        with postgresql_in(folder, free_port(), *settings) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql_in(folder: Path, port: int, *settings: str) -> Iterator[str]:
    """The same in a folder that is kept, so that a test can stop the server and start it again."""
    user = _database_user()
    if not (folder / "data").exists():
        _initialise(folder, user)
    given = ["fsync=on", "listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", *settings]
    options = [part for setting in given for part in ("-c", setting)]
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*tied_to_us(user, "INT"), str(postgresql_program("postgres")), "-D", str(folder / "data"), *options],
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: _accepts_connections(folder), process, log)
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        stop(process, signal.SIGINT)  # "fast" shutdown: doesn't wait for clients


def _accepts_connections(folder: Path) -> bool:
    """Its port opens earlier than it answers; its pid file says when it does."""
    try:
        return (folder / "data" / "postmaster.pid").read_text().rstrip().endswith("ready")
    except OSError:
        return False


class Redis:
    """One Redis server without persistence, to be stopped and started at will."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises ServerMissing."""
        redis_server = shutil.which("redis-server")
        if redis_server is None:
            raise ServerMissing("redis-server is not installed")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen(
            [*tied_to_us(None, "TERM"), redis_server, *options, "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: listens(self.port), self.process)

    def stop(self) -> None:
        if self.process:
            stop(self.process)
            self.process = None


@contextmanager
def redis() -> Iterator[Redis]:
    """A new Redis server. Raises ServerMissing."""
    with tempfile.TemporaryDirectory(prefix="rekey-redis-") as folder:
        server = Redis(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
