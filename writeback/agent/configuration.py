"""What an agent is told by its file (TOML). A word that is wrong stops it with a sentence; no sentence shows a secret."""

import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from writeback.connectors.base import Access, Kind, Server

DEFAULT_PATH = "/etc/rekey-agent/agent.toml"
DEFAULT_STATE = "/var/lib/rekey-agent"
PORTS = {"ldaps": 636, "starttls": 389}
MOST_THREADS = 32
OPEN_TO_OTHERS = stat.S_IRWXO | stat.S_IWGRP

TOP = frozenset({"server", "ca_file", "proxy", "proxy_file", "state_directory", "threads", "directory"})
DIRECTORY = frozenset(
    {
        "kind",
        "servers",
        "base_dn",
        "account",
        "password_file",
        "ca_file",
        "denied",
        "limit_dn",
        "most_resets_per_minute",
        "timeout",
    }
)
Value = TypeVar("Value")


class Unusable(Exception):
    """The agent can't work like this. The text is a sentence for its operator."""


@dataclass(frozen=True)
class Configuration:
    """`limit_dn`: who is not at or below it is not touched, whatever the server says. `proxy` may hold credentials."""

    server: str
    state_directory: Path
    access: Access
    limit_dn: str
    most_resets_per_minute: int
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    threads: int = 4


def read(path: str) -> Configuration:
    """Raises Unusable."""
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path} can't be read: {os.strerror(error.errno or 0)}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} is not TOML: {error}.") from None
    top = _Table(given, TOP, "")
    directory = _Table(top.get("directory", dict, None), DIRECTORY, "directory.")
    access, server = _access(directory), _server_url(top.get("server", str, None))
    return Configuration(
        server=server,
        state_directory=Path(top.get("state_directory", str, DEFAULT_STATE)),
        access=access,
        limit_dn=directory.get("limit_dn", str, access.base_dn),
        most_resets_per_minute=directory.number("most_resets_per_minute", 60, 100_000),
        ca_file=_readable(top.get("ca_file", str, "")),
        proxy=_proxy(top, urlsplit(server).hostname or ""),
        threads=top.number("threads", 4, MOST_THREADS),
    )


class _Table:
    """One table of the file; a name that it doesn't know is a mistake, not a wish."""

    def __init__(self, given: dict[str, Any], known: frozenset[str], prefix: str) -> None:
        unknown = sorted(set(given) - known)
        if unknown:
            raise Unusable(f"There is no setting {prefix}{unknown[0]}. There are: {', '.join(sorted(known))}.")
        self._given, self._prefix = given, prefix

    def get(self, name: str, kind: type[Value], default: Value | None) -> Value:
        value = self._given.get(name, default)
        if value is None:
            raise Unusable(f"{self._prefix}{name} is missing.")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Unusable(f"{self._prefix}{name} has to be a {kind.__name__}.")
        return value

    def number(self, name: str, default: int, most: int) -> int:
        value = self.get(name, int, default)
        if not 0 < value <= most:
            raise Unusable(f"{self._prefix}{name} has to be between 1 and {most}.")
        return value

    def texts(self, name: str, default: list[str] | None) -> tuple[str, ...]:
        values = self.get(name, list, default)
        if not all(isinstance(value, str) for value in values):
            raise Unusable(f"{self._prefix}{name} has to be a list of texts.")
        return tuple(values)


def _access(table: _Table) -> Access:
    kind = table.get("kind", str, None)
    if kind not in list(Kind):
        raise Unusable(f"directory.kind has to be one of {', '.join(Kind)}.")
    servers = tuple(map(_directory_server, table.texts("servers", None)))
    if not servers:
        raise Unusable("directory.servers names no server.")
    ca_file = _readable(table.get("ca_file", str, ""))
    return Access(
        kind=Kind(kind),
        servers=servers,
        base_dn=table.get("base_dn", str, None),
        account=table.get("account", str, None),
        password=secret_in(table.get("password_file", str, None)),
        ca_pem=Path(ca_file).read_text(encoding="utf-8") if ca_file else "",
        timeout=float(table.number("timeout", 5, 30)),
        denied=table.texts("denied", []),
    )


def _server_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Unusable("server has to begin with https://: an agent never speaks plain http.")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise Unusable("server has to be an address like https://reset.example.com, and nothing behind it.")
    return f"https://{parts.netloc}"


def _directory_server(text: str) -> Server:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in PORTS or "@" in parts.netloc or parts.path.strip("/"):
        raise Unusable("directory.servers are like ldaps://dc1.corp.example or starttls://dc2.corp.example:389.")
    return Server(host, port or PORTS[parts.scheme], parts.scheme == "starttls")


def _proxy(table: _Table, host: str) -> str:
    """From the file, or a file of its own (it may hold credentials), or HTTPS_PROXY unless NO_PROXY names the server."""
    path = table.get("proxy_file", str, "")
    given = table.get("proxy", str, "") or (secret_in(path) if path else "")
    url = given or ("" if proxy_bypass(host) else getproxies().get("https", ""))
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise Unusable("The proxy has to begin with http:// or https://.")
    return url


def _readable(path: str) -> str:
    try:
        if path:
            Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unusable(f"{path} can't be read.") from None
    return path


def secret_in(path: str) -> str:
    """The text of a file that others can't read. Raises Unusable."""
    try:
        if os.stat(path).st_mode & OPEN_TO_OTHERS:
            raise Unusable(f"{path} may be read by every user of this machine. Run `chmod o=,g-w {path}`.")
        return Path(path).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Unusable(f"{path} can't be read.") from None
