"""One LDAP connection, encrypted and verified before anything is said on it. No Django here.

Traps of python-ldap that are kept away from its users: a socket given by its number speaks in clear even for ldaps://;
TLS options count only from OPT_X_TLS_NEWCTX on; an empty password binds as nobody and succeeds (RFC 4513 section 5.1.2);
a password is cut at its first NUL, so that a right one with something after it would be right.
"""

import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import ldap
import ldap.extop
from ldap.controls import RequestControl, ResponseControl, SimplePagedResultsControl

from writeback.connectors.base import Access, DirectoryError, Reason, Server
from writeback.connectors.failures import LdapError, ldap_error
from writeback.connectors.preflight import check_handshake

ANYTHING = "(objectClass=*)"
PAGE = 1000  # Active Directory's own limit
PAGED_RESULTS = SimplePagedResultsControl.controlType

Change = tuple[int, str, list[bytes] | None]
"""ldap.MOD_ADD, MOD_DELETE or MOD_REPLACE; the attribute; its values (None: all of them)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One entry as read. Names of attributes are in lower case."""

    dn: str
    values: dict[str, list[bytes]] = field(repr=False)

    def text(self, name: str) -> str:
        """The first value; empty where there is none."""
        values = self.values.get(name)
        return values[0].decode("utf-8", "replace") if values else ""

    def texts(self, name: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in self.values.get(name, ())]

    def number(self, name: str) -> int:
        """The first value; 0 where there is none or it is no number."""
        values = self.values.get(name)
        try:
            return int(values[0]) if values else 0
        except ValueError:
            return 0


class EncodedControl(ResponseControl):  # type: ignore[misc]
    """A response control whose value is left as it came."""

    encoded = b""

    def decodeControlValue(self, encodedControlValue: bytes | None) -> None:
        self.encoded = encodedControlValue or b""


class Connection:
    """Bound to one server. Not shared between threads. Each call raises LdapError.

    `is_lost` is set when the connection itself failed: nothing more will come of it.
    """

    def __init__(self, access: Access, server: Server) -> None:
        """Encrypted, not bound yet. Raises DirectoryError with UNREACHABLE or NOT_TRUSTED."""
        self.access, self.server, self.is_lost = access, server, False
        self.said_at_bind: dict[str, bytes] = {}
        check_handshake(access, server)
        self._raw = ldap.initialize(server.url)
        try:
            self._set_options()
            self._encrypt()
        except ldap.LDAPError as error:
            self.close()
            failure = ldap_error(error)
            raise DirectoryError(failure.reason, f"{failure.code} after a good handshake") from None
        except DirectoryError:
            self.close()
            raise

    def _set_options(self) -> None:
        raw, seconds = self._raw, self.access.timeout
        raw.timeout = seconds
        raw.protocol_version = ldap.VERSION3
        raw.set_option(ldap.OPT_REFERRALS, 0)
        raw.set_option(ldap.OPT_NETWORK_TIMEOUT, seconds)
        raw.set_option(ldap.OPT_TIMEOUT, seconds)
        raw.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        raw.set_option(ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2)
        if not self.access.ca_pem:
            _trust_system(raw)
            raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
            return
        with tempfile.NamedTemporaryFile("w", prefix="rekey-ca-", suffix=".pem") as file:
            file.write(self.access.ca_pem)
            file.flush()
            raw.set_option(ldap.OPT_X_TLS_CACERTFILE, file.name)
            try:
                raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # reads the file
            except (ldap.LDAPError, ValueError):
                raise DirectoryError(Reason.NOT_TRUSTED, "the trusted certificates can't be read") from None

    def _encrypt(self) -> None:
        """Connect and verify. With LDAPS libldap does so at the first question, which must not be one with a password."""
        if self.server.starttls:
            self._raw.start_tls_s()
        else:
            try:
                self._raw.search_ext_s("", ldap.SCOPE_BASE, ANYTHING, ["1.1"])
            except ldap.LDAPError as error:
                if ldap_error(error).is_connection_lost:
                    raise
        self._check_address()

    def _check_address(self) -> None:
        """Whoever answers stands where the name was allowed to lead."""
        if not self.server.addresses:
            return
        with socket.socket(fileno=os.dup(self._raw.fileno())) as copy:
            if copy.getpeername()[0] not in self.server.addresses:
                raise DirectoryError(Reason.UNREACHABLE, "the name leads to an address that was not allowed")

    def bind(self, dn: str, password: str, controls: Sequence[RequestControl] = ()) -> dict[str, bytes]:
        """Returns the values of the response controls by OID."""
        if not dn or not password or "\0" in password:
            raise LdapError(Reason.WRONG_PASSWORD, "49", 49)
        try:
            self.said_at_bind = self._answer(self._raw.simple_bind(dn, password, serverctrls=list(controls)))
            return self.said_at_bind
        except UnicodeEncodeError:  # half a character: nobody's password
            raise LdapError(Reason.WRONG_PASSWORD, "49", 49) from None
        except ldap.LDAPError as error:
            self._fail(error)

    def read(
        self, dn: str, attributes: Sequence[str], where: str = ANYTHING, controls: Sequence[RequestControl] = ()
    ) -> Found:
        """One entry by its DN. Raises LdapError with NOT_FOUND, also where `where` doesn't fit it."""
        found = self._search(dn, ldap.SCOPE_BASE, where, attributes, controls)
        if not found:
            raise LdapError(Reason.NOT_FOUND, "32", 32)
        return found[0]

    def search(
        self, base: str, where: str, attributes: Sequence[str], controls: Sequence[RequestControl] = ()
    ) -> list[Found]:
        """Everything at and below `base` that fits, in one answer: for a few entries. See `pages` for many."""
        return self._search(base, ldap.SCOPE_SUBTREE, where, attributes, controls)

    def pages(
        self,
        base: str,
        where: str,
        attributes: Sequence[str],
        controls: Sequence[RequestControl] = (),
        size: int = PAGE,
    ) -> Iterator[Found]:
        """Everything at and below `base` that fits, a page at a time."""
        paged = SimplePagedResultsControl(True, size=size, cookie=b"")
        while True:
            try:
                number = self._raw.search_ext(
                    base, ldap.SCOPE_SUBTREE, where, list(attributes), serverctrls=[paged, *controls]
                )
                _type, rows, _number, answered = self._raw.result3(number, timeout=self.access.timeout)
            except ldap.LDAPError as error:
                self._fail(error)
            yield from _entries(rows)
            paged.cookie = next((control.cookie for control in answered if control.controlType == PAGED_RESULTS), b"")
            if not paged.cookie:
                return

    def modify(self, dn: str, changes: list[Change], controls: Sequence[RequestControl] = ()) -> dict[str, bytes]:
        """Returns the values of the response controls by OID."""
        sent = False
        try:
            number = self._raw.modify_ext(dn, changes, serverctrls=list(controls))
            sent = True
            return self._answer(number)
        except ldap.LDAPError as error:
            self._fail(error, sent)

    def extended(self, oid: str, value: bytes, controls: Sequence[RequestControl] = ()) -> dict[str, bytes]:
        """An extended operation that writes, such as RFC 3062. Returns the values of the response controls by OID."""
        sent = False
        try:
            request = ldap.extop.ExtendedRequest(oid, value)
            number = self._raw.extop(request, serverctrls=list(controls))
            sent = True
            return self._answer(number)
        except ldap.LDAPError as error:
            self._fail(error, sent)

    def close(self) -> None:
        with contextlib.suppress(ldap.LDAPError, AttributeError):  # closed already
            self._raw.unbind_ext_s()

    def _search(
        self, base: str, scope: int, where: str, attributes: Sequence[str], controls: Sequence[RequestControl]
    ) -> list[Found]:
        try:
            number = self._raw.search_ext(base, scope, where, list(attributes), serverctrls=list(controls))
            _type, rows, *_rest = self._raw.result4(number, timeout=self.access.timeout)
        except ldap.LDAPError as error:
            self._fail(error)
        return list(_entries(rows))

    def _answer(self, number: int) -> dict[str, bytes]:
        """Wait for one answer. Response controls stay encoded: which of them there are differs by kind."""
        *_start, controls, _name, _value = self._raw.result4(
            number, timeout=self.access.timeout, add_extop=1, resp_ctrl_classes=_AnyControl()
        )
        return {control.controlType: control.encoded for control in controls}

    def _fail(self, error: ldap.LDAPError, was_sent: bool = False) -> NoReturn:
        failure = ldap_error(error, was_sent)
        self.is_lost = self.is_lost or failure.is_connection_lost
        # python-ldap's own error repeats what the directory said word for word: it ends here.
        raise failure from None


class _AnyControl(dict[str, type[EncodedControl]]):
    """For python-ldap, which drops response controls that it has no class for."""

    def __init__(self) -> None:
        super().__init__({"": EncodedControl})  # an empty one counts as none given

    def __missing__(self, _oid: str) -> type[EncodedControl]:
        return EncodedControl


def _entries(rows: list[tuple[str | None, Any]]) -> Iterator[Found]:
    """Without the references to other directories, which stand among the entries without a DN."""
    for dn, values in rows:
        if dn is not None:
            yield Found(dn, {name.lower(): value for name, value in values.items()})


def _trust_system(raw: Any) -> None:
    paths = ssl.get_default_verify_paths()
    for path in (paths.cafile, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if path and Path(path).is_file():
            raw.set_option(ldap.OPT_X_TLS_CACERTFILE, path)
            return
    raw.set_option(ldap.OPT_X_TLS_CACERTDIR, paths.capath or paths.openssl_capath)


def open_connection(
    access: Access, dn: str = "", password: str = "", controls: Sequence[RequestControl] = ()
) -> Connection:
    """Bind to the first server that answers: as the account, or as `dn`.

    Raises DirectoryError: NO_RIGHTS where the account itself is refused, WRONG_PASSWORD (or what the directory says)
    where `dn` is; else what the first untrusted or the last unreachable server said.
    """
    failures: list[DirectoryError] = []
    for server in access.servers:
        try:
            connection = Connection(access, server)
        except DirectoryError as error:
            failures.append(error)
            continue
        try:
            connection.bind(dn or access.account, password if dn else access.password, controls)
        except LdapError as error:
            connection.close()
            if error.is_connection_lost:
                failures.append(error)
                continue
            raise error if dn else error.because(Reason.NO_RIGHTS) from None
        return connection
    untrusted = [failure for failure in failures if failure.reason is Reason.NOT_TRUSTED]
    raise [*untrusted, *failures[-1:], DirectoryError(Reason.UNREACHABLE, "no server")][0] from None
