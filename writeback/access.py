"""From a connector's row to the way this server itself takes to its directory; and what is wrong with it, in sentences."""

from dataclasses import replace
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from accounts import egress, secrets
from writeback.connectors.base import Access, DirectoryError, Kind, Reason, Server
from writeback.models import Connector

PORTS = {"ldaps": 636, "starttls": 389}
MOST_SERVERS = 10


class NotDirect(Exception):
    """This server does not go to that directory. The text is a sentence for people, without credentials."""


def access_of(connector: Connector) -> Access:
    """Everything that is needed to reach a directory from here. Looks names up: never call it inside a transaction.

    Raises NotDirect; or DirectoryError with UNREACHABLE where none of the servers has an address just now. Every address
    of a server is public or listed in EGRESS_ALLOW_PRIVATE, and no password is sent to another one.
    """
    if connector.way != Connector.Way.DIRECT:
        raise NotDirect(_("Agents reach this directory, not this server."))
    if not connector.tenant.may_connect_directly:
        raise NotDirect(
            _("The operator of this server has not allowed this organisation to connect directories to it.")
        )
    problems = problems_of_servers(connector.servers)
    if problems:
        raise NotDirect(" ".join(problems))
    if not (connector.base_dn and connector.account):
        raise NotDirect(_("The base DN or the service account is missing."))
    return Access(
        kind=Kind(connector.directory.kind),
        servers=_reachable(servers_of(connector.servers)),
        base_dn=connector.base_dn,
        account=connector.account,
        password=_password(connector),
        ca_pem=connector.ca_pem,
        denied=tuple(line.strip() for line in connector.denied.splitlines() if line.strip()),
    )


def servers_of(text: str) -> tuple[Server, ...]:
    """The servers of a text that has no problems, one per line."""
    return tuple(_server(line.strip()) for line in text.splitlines() if line.strip())


def problems_of_servers(text: str) -> list[str]:
    """What is wrong with a text of servers, one sentence for each bad line; empty where nothing is."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return [_("No server is named.")]
    if len(lines) > MOST_SERVERS:
        return [_("There are more than %(most)s servers.") % {"most": MOST_SERVERS}]
    return [problem for line in lines if (problem := _problem(line))]


def _problem(line: str) -> str:
    """A sentence, or nothing. A line that may hold a password is not repeated."""
    try:
        parts = urlsplit(line)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if "@" in line:
        return _("A server's line must not carry a user name or a password.")
    if parts.scheme not in PORTS:
        return _("“%(line)s”: write ldaps://host or starttls://host; without TLS nothing is sent.") % {"line": line}
    plain = host and host.isascii() and line.isprintable() and not any(char.isspace() for char in line)
    if not plain or port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
        return _("“%(line)s”: write ldaps://host or ldaps://host:636, and nothing behind it.") % {"line": line}
    return ""


def _server(line: str) -> Server:
    parts = urlsplit(line)
    return Server(parts.hostname or "", parts.port or PORTS[parts.scheme], parts.scheme == "starttls")


def _reachable(servers: tuple[Server, ...]) -> tuple[Server, ...]:
    """Those that have addresses, all of them allowed. A name that leads nowhere today must not stop the others."""
    found = []
    for server in servers:
        try:
            addresses = egress.resolve_checked(server.host, server.port)
        except egress.Unreachable:
            continue
        except egress.Refused as error:
            raise NotDirect(_("This server does not go there: %(reason)s.") % {"reason": error}) from None
        # In one order, whatever order a name server gives: connections that wait are kept by this very access.
        found.append(replace(server, addresses=tuple(sorted(addresses))))
    if not found:
        raise DirectoryError(Reason.UNREACHABLE, "no server has an address")
    return tuple(found)


def _password(connector: Connector) -> str:
    if not connector.sealed_password:
        raise NotDirect(_("The service account's password is missing."))
    try:
        return secrets.open_sealed(bytes(connector.sealed_password), connector.place).decode()
    except (secrets.Damaged, secrets.UnknownKey):
        raise NotDirect(
            _(
                "The service account's password can't be read any more: servers, account or certificates changed, or a "
                "key is gone."
            )
        ) from None
