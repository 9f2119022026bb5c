"""What the connectors of OpenLDAP and of 389 Directory Server have in common. No Django here."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from ldap.filter import escape_filter_chars

from writeback.connectors.base import Access, Connector, DirectoryError, Entry, Reason
from writeback.connectors.connection import Connection, Found, open_connection
from writeback.connectors.failures import LdapError
from writeback.connectors.password_policy import Said, policy_request, policy_said
from writeback.connectors.pool import reading
from writeback.connectors.protected import is_same, why_place_is_protected

# What a person is; nothing else that has a password (an application, an administrator's role) is ever found.
PERSON = "(|(objectClass=person)(objectClass=account)(objectClass=posixAccount))"
# The directories keep the time of the last password in whole seconds. Two passwords set within one would leave the mark
# as it was, so nobody is told of a mark whose second is still running, give or take what our clock and theirs differ.
MARK_RESOLUTION = timedelta(seconds=1)
CLOCK_DIFFERENCE = timedelta(seconds=0.3)
LOGIN_ATTRIBUTES = ("uid", "mail")


class LdapConnector(Connector):
    """One LDAP directory. Subclasses know how theirs keeps its policy and its locks."""

    anchor_attribute: str
    attributes: tuple[str, ...]

    @abstractmethod
    def entry(self, found: Found, now: datetime) -> Entry:
        """What was read, understood."""

    @abstractmethod
    def marked_at(self, found: Found) -> datetime | None:
        """The second in the entry's mark."""

    def find(self, anchor: str) -> Entry:
        found = self._found(anchor)
        if wait := _until_settled(self.marked_at(found), datetime.now(UTC)):
            time.sleep(wait)
            found = self._found(anchor)
        return self.entry(found, datetime.now(UTC))

    def find_anchor(self, login: str) -> str:
        """The anchor of whoever signs in with this user ID or mail address. Raises DirectoryError with NOT_FOUND."""
        either = "".join(f"({attribute}={_literal(login)})" for attribute in LOGIN_ATTRIBUTES)
        return self._one(f"(|{either})", (self.anchor_attribute,)).text(self.anchor_attribute.lower()).lower()

    def _found(self, anchor: str) -> Found:
        where = f"({self.anchor_attribute}={_literal(anchor)})"
        return self._one(where, (self.anchor_attribute, *self.attributes))

    def _one(self, where: str, attributes: Sequence[str]) -> Found:
        """Raises DirectoryError: NOT_FOUND for none, UNKNOWN for several."""
        person = f"(&{where}{PERSON})"
        found = reading(self.access, lambda connection: connection.search(self.access.base_dn, person, attributes))
        if not found:
            raise DirectoryError(Reason.NOT_FOUND)
        if len(found) > 1:
            raise DirectoryError(Reason.UNKNOWN, f"{len(found)} entries fit")
        return found[0]

    def ensure_writable(self, entry: Entry) -> None:
        """Raises DirectoryError with PROTECTED or DISABLED."""
        if entry.protected:
            raise DirectoryError(Reason.PROTECTED, entry.protected)
        if entry.is_disabled:
            raise DirectoryError(Reason.DISABLED)

    def ensure_takable(self, new: str) -> None:
        """Raises DirectoryError with POLICY for what is no text, and for a NUL, where a bind would end."""
        try:
            octets = new.encode()
        except UnicodeEncodeError:
            raise DirectoryError(Reason.POLICY, "not encodable") from None
        if b"\0" in octets:
            raise DirectoryError(Reason.POLICY, "not encodable")

    def verify(self, entry: Entry, password: str) -> None:
        with self.bound_as(entry, password) as connection:
            if policy_said(connection.said_at_bind) is Said.CHANGE_AFTER_RESET:
                raise DirectoryError(Reason.MUST_CHANGE)

    @contextmanager
    def bound_as(self, entry: Entry, password: str) -> Iterator[Connection]:
        """A connection of the person's own. Raises DirectoryError with the reason."""
        try:
            connection = open_connection(self.access, entry.dn, password, [policy_request()])
        except LdapError as error:
            raise self.bind_refusal(entry, error) from None
        try:
            yield connection
        finally:
            connection.close()

    @abstractmethod
    def bind_refusal(self, entry: Entry, error: LdapError) -> DirectoryError:
        """Why a person was not let in."""


def _literal(value: str) -> str:
    """For a filter. Raises DirectoryError with NOT_FOUND for what nobody is called: 389 reads no further than to a NUL."""
    if not value.isprintable():
        raise DirectoryError(Reason.NOT_FOUND, "characters that can't be printed")
    return str(escape_filter_chars(value))


def why_protected(access: Access, dn: str) -> str:
    """Why nothing is written to this entry; empty where it may be."""
    own = "the account that writes" if is_same(dn, access.account) else ""
    return own or why_place_is_protected(dn, access.denied)


def _until_settled(marked: datetime | None, now: datetime) -> float:
    """Seconds until the mark's second is over; 0 where it is, or where the two clocks have nothing in common."""
    if marked is None:
        return 0.0
    left = marked + MARK_RESOLUTION + CLOCK_DIFFERENCE - now
    return left.total_seconds() if timedelta() < left <= MARK_RESOLUTION + 2 * CLOCK_DIFFERENCE else 0.0
