"""The one way out: every connection that this server opens to somewhere else goes through here.

A name is resolved once, every address it has is checked, and the connection goes to the address that was checked,
with TLS verified against the name. Redirects are not followed. What lies in private networks is reached only where
the operator lists it in EGRESS_ALLOW_PRIVATE.
"""

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Timer
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_BYTES = 65_536
MOST_TIMEOUTS = 3
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """This server does not go there. The text says why, without credentials."""


class Unreachable(Exception):
    """No answer. `may_have_arrived` says whether the other side can have seen the request nevertheless."""

    def __init__(self, text: str, may_have_arrived: bool = False) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Target:
    """Where a checked URL leads: to this address, as this name."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    address: str


def request(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout: float | None = None,
    only_public: bool = False,
) -> Response:
    """Send one request over a connection of its own. Raises Refused or Unreachable; any status is an answer.

    `timeout` is in seconds, for connecting and for each read; after MOST_TIMEOUTS times as long all is over. An answer is
    read up to MOST_BYTES. `only_public`: anybody may have chosen this URL, so what the operator allows in private networks
    is not for it.
    """
    target = checked(url, only_public)
    seconds = timeout if timeout is not None else settings.DELIVERY_TIMEOUT_SECONDS
    try:
        with _Deadline(MOST_TIMEOUTS * seconds) as deadline, _pool(target, seconds, deadline) as pool:
            answer = pool.urlopen(
                method,
                target.path,
                body=body,
                headers={**headers, "Host": _authority(target), "Connection": "close"},
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
            )
            return Response(answer.status, _body(answer, seconds))
    except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
        raise Unreachable(f"{target.host} was not reached ({_reason(error)})") from None
    except (HTTPError, OSError) as error:
        raise Unreachable(f"{target.host} did not answer ({_reason(error)})", may_have_arrived=True) from None


def checked(url: str, only_public: bool = False) -> Target:
    """Resolve and check a URL's host. Raises Refused, or Unreachable when the name has no address."""
    parts = _split(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = resolve_checked(host, port)
    if only_public and not all(is_public(address) for address in addresses):
        raise Refused(f"{host} lies in a private network")
    if parts.scheme == "http" and not all(is_allowed_private(address) for address in addresses):
        raise Refused(f"{host} is only reached by https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, addresses[0])


def resolve_checked(host: str, port: int, loopback: bool = False) -> list[str]:
    """The addresses of a host, every one of them public or allowed by EGRESS_ALLOW_PRIVATE (or loopback, where asked).

    Raises Refused for a host with any other address, and Unreachable when it has none. Connect to what this returns and
    not to the name: resolving twice could lead elsewhere.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"{host} has no address") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not (is_public(address) or is_allowed_private(address) or (loopback and is_loopback(address))):
            raise Refused(f"{host} lies in a network that is not allowed; EGRESS_ALLOW_PRIVATE lists those that are")
    if not addresses:
        raise Unreachable(f"{host} has no address")
    return addresses


def is_public(address: str) -> bool:
    """Whether an address is an ordinary one of the Internet, and so is every IPv4 address inside it."""
    parsed = _parsed(address)
    if parsed is None or not all(_is_ordinary(part) for part in (parsed, *_embedded(parsed))):
        return False
    return "%" not in address


def is_loopback(address: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def is_allowed_private(address: str) -> bool:
    """Whether the operator lists the network of this address."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in _allowed(tuple(settings.EGRESS_ALLOW_PRIVATE)))


def problems_of(url: str) -> list[str]:
    """What is wrong with the shape of a URL, in words that never show what is in it besides its host."""
    try:
        _split(url)
    except Refused as error:
        return [str(error)]
    return []


def network_problems() -> list[str]:
    """Entries of EGRESS_ALLOW_PRIVATE that are no networks."""
    wrong = []
    for text in settings.EGRESS_ALLOW_PRIVATE:
        try:
            ipaddress.ip_network(text.strip())
        except ValueError:
            wrong.append(f"EGRESS_ALLOW_PRIVATE holds {text!r}, which is no network such as 10.0.0.0/8")
    return wrong


def _split(url: str):  # type: ignore[no-untyped-def]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Refused("this is no web address") from None
    if parts.scheme not in ("https", "http"):
        raise Refused("a web address begins with https://")
    if not host or any(char.isspace() or not char.isprintable() for char in url):
        raise Refused("this is no web address")
    if parts.username is not None or parts.password is not None:
        raise Refused("a web address must not carry a user name or a password")
    return parts


def _parsed(address: str) -> Address | None:
    """The address, an IPv4 one where it is only wrapped into IPv6; None for what is no address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that a packet to this IPv6 address may end up at (6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[Address | None] = [address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [part for part in inner if part is not None]


def _is_ordinary(address: Address) -> bool:
    special = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified,
        address.is_reserved and address not in NAT64, getattr(address, "is_site_local", False),
    )  # fmt: skip
    return not any(special) and (address.is_global or address in NAT64)


@lru_cache(maxsize=8)
def _allowed(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """The listed networks; what is no network allows nothing (and is reported by `network_problems`)."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip()))
        except ValueError:
            continue
    return tuple(networks)


class _Deadline:
    """Breaks a request's connection off when its time is over.

    A limit for each read is none for all of them: a server that sends a byte now and then would hold a worker for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._break_off)
        self._timer.daemon = True
        self._held: list[socket.socket] = []

    def hold(self, connection: socket.socket) -> None:
        """TLS takes the socket itself over; a twin of it still reaches the connection."""
        self._held.append(connection.dup())

    def _break_off(self) -> None:
        for connection in self._held:
            with suppress(OSError):  # it is over already
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for connection in self._held:
            connection.close()


class _Timed:
    """A connection under a deadline."""

    def __init__(self, *given: Any, deadline: _Deadline, **options: Any) -> None:
        super().__init__(*given, **options)
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._deadline.hold(connected)
        return connected


class _Plain(_Timed, HTTPConnection):
    pass


class _Secure(_Timed, HTTPSConnection):
    pass


def _pool(target: Target, seconds: float, deadline: _Deadline) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=seconds, read=seconds)
    host = f"[{target.address}]" if ":" in target.address else target.address
    if target.scheme == "http":
        pool = urllib3.HTTPConnectionPool(host, target.port, timeout=timeout, deadline=deadline)
        pool.ConnectionCls = _Plain
        return pool
    secure = urllib3.HTTPSConnectionPool(
        host,
        target.port,
        timeout=timeout,
        ssl_context=ssl.create_default_context(),
        server_hostname=target.host,
        assert_hostname=target.host,
        deadline=deadline,
    )
    secure.ConnectionCls = _Secure
    return secure


def _body(answer: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """What of the body arrives in time and fits. The status is an answer already: breaking off is no error."""
    ends, body = monotonic() + seconds, b""
    try:
        while len(body) < MOST_BYTES and monotonic() < ends:
            part = answer.read1(MOST_BYTES - len(body), decode_content=False)
            if not part:
                break
            body += part
    except (HTTPError, OSError):
        return body
    finally:
        answer.close()
    return body


def _authority(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == (443 if target.scheme == "https" else 80) else f"{host}:{target.port}"


def _reason(error: Exception) -> str:
    """A word for an error. Texts of errors may show paths, so only a certificate's fault is spelled out."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    return type(error).__name__
