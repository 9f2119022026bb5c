"""Reading the people and groups of OpenLDAP and of 389 Directory Server. No Django here."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import ldap
import ldap.dn

from writeback.connectors.base import Access, Reason
from writeback.connectors.connection import Connection, Found, open_connection
from writeback.connectors.failures import LdapError
from writeback.connectors.ldap_directory import why_protected
from writeback.connectors.openldap import ADMINISTRATIVE_LOCK
from writeback.connectors.pool import reading
from writeback.connectors.protected import is_within
from writeback.connectors.reading import GroupEntry, Mapping, Person, Reader

PEOPLE = "(|(objectClass=inetOrgPerson)(objectClass=posixAccount))"
GROUPS = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
MEMBERS = ("member", "uniquemember")
# RFC 4517 section 3.3.21: a member's name may carry bits that tell it from an earlier one of the same name.
UNIQUE_PART = re.compile(r"#'[01]*'B\Z")
USUAL = {
    "principal_name": "uid",
    "mail": "mail",
    "given_name": "givenName",
    "family_name": "sn",
    "display_name": "displayName",
    "language": "preferredLanguage",
    "office_phone": "telephoneNumber",
    "mobile_phone": "mobile",
}
INSTEAD_OF_DISPLAY_NAME = "cn"
# Answers that mean: this account may not read so much at once (sizeLimitExceeded, adminLimitExceeded).
LIMITED = frozenset({4, 11})
ANYTHING = "(objectClass=*)"
# How far back to look for the newest change, a step at a time: most directories changed within the hour.
LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))


class LdapReader(Reader):
    """One directory read as its account, whose searches must not be limited in size."""

    anchors_are_cheap = True
    anchor_attribute: str
    lock_attribute: str

    def __init__(self, access: Access, mapping: Mapping | None = None) -> None:
        super().__init__(access)
        self.mapping: Mapping = mapping or Mapping({})
        self._attributes = USUAL | self.mapping.attributes
        self._domain = domain_of(access.base_dn)

    @abstractmethod
    def changed_since(self, mark: str) -> str:
        """A filter for entries changed since, the mark's own moment included."""

    @abstractmethod
    def is_enabled(self, found: Found) -> bool: ...

    def people(self, since: str | None) -> Iterator[Person]:
        wanted = [*self._attributes.values(), INSTEAD_OF_DISPLAY_NAME, self.anchor_attribute, self.lock_attribute]
        where = self._filter(self.mapping.people_filter or PEOPLE, since)
        return map(self._person, self.pages(where, wanted))

    def groups(self, since: str | None) -> Iterator[GroupEntry]:
        where = self._filter(self.mapping.groups_filter or GROUPS, since)
        return map(self._group, self.pages(where, ["cn", *MEMBERS, self.anchor_attribute]))

    def anchors(self) -> Iterator[str]:
        found = self.pages(self.mapping.people_filter or PEOPLE, [self.anchor_attribute])
        return map(self._anchor, found)

    def pages(self, where: str, attributes: Sequence[str]) -> Iterator[Found]:
        """Raises DirectoryError: NO_RIGHTS where the account's limits end the search before its end."""
        connection = open_connection(self.access)  # of its own: a reading may be left half done
        try:
            yield from connection.pages(self.access.base_dn, where, list(dict.fromkeys(attributes)))
        except LdapError as error:
            raise error.because(Reason.NO_RIGHTS) if error.result in LIMITED else error from None
        finally:
            connection.close()

    def newest(self, attribute: str, form: str) -> str:
        """The greatest value of a change number that begins with a time; `form` is how one is written."""
        now = datetime.now(UTC)
        for start in (*(now - back for back in LOOK_BACK), None):
            where = f"({attribute}>={start.strftime(form)})" if start else ANYTHING
            found = (each.text(attribute.lower()) for each in self.pages(where, [attribute]))
            if newest := max(found, default=""):
                return newest
        return now.strftime(form)

    def _filter(self, where: str, since: str | None) -> str:
        return where if since is None else f"(&{where}{self.changed_since(since)})"

    def _anchor(self, found: Found) -> str:
        return found.text(self.anchor_attribute.lower()).lower()

    def _person(self, found: Found) -> Person:
        read = {field: found.text(attribute.lower()).strip() for field, attribute in self._attributes.items()}
        read["display_name"] = read["display_name"] or found.text(INSTEAD_OF_DISPLAY_NAME).strip()
        name = read["principal_name"]
        if name and "@" not in name and self._domain:
            read["principal_name"] = f"{name}@{self._domain}"
        return Person(
            anchor=self._anchor(found),
            dn=spelled_alike(found.dn),
            fields={field: value for field, value in read.items() if value},
            is_enabled=self.is_enabled(found),
            protected=why_protected(self.access, found.dn),
        )

    def _group(self, found: Found) -> GroupEntry:
        members = [UNIQUE_PART.sub("", member) for name in MEMBERS for member in found.texts(name)]
        return GroupEntry(
            self._anchor(found), spelled_alike(found.dn), found.text("cn"), tuple(map(spelled_alike, members))
        )


class OpenLdapReader(LdapReader):
    """A mark is the database's contextCSN: one change number for each server that writes, by that server's clock."""

    anchor_attribute = "entryUUID"
    lock_attribute = "pwdAccountLockedTime"

    def mark(self) -> str:
        """Without the syncprov overlay, which keeps it, the newest number that an entry has."""
        numbers = reading(self.access, self._numbers)
        return " ".join(sorted(numbers)) or self.newest("entryCSN", "%Y%m%d%H%M%S.000000Z#000000#000#000000")

    def _numbers(self, connection: Connection) -> list[str]:
        """They stand at the top of the database, which may be above our base."""
        tops = connection.read("", ["namingContexts"]).texts("namingcontexts")
        top = next((each for each in tops if is_within(self.access.base_dn, each)), self.access.base_dn)
        return connection.read(top, ["contextCSN"]).texts("contextcsn")

    def changed_since(self, mark: str) -> str:
        """From the oldest number on: a filter can't tell whose a number is, so some of the others' are found again."""
        return f"(entryCSN>={min(mark.split())})"

    def is_enabled(self, found: Found) -> bool:
        return not found.text("pwdaccountlockedtime").startswith(ADMINISTRATIVE_LOCK)


class Ds389Reader(LdapReader):
    """A mark is the second of the newest change, as the server wrote it: its clock and ours need not agree.

    What another server wrote earlier and sent here later is older than the mark: the next full reading finds it.
    """

    anchor_attribute = "nsUniqueId"
    lock_attribute = "nsAccountLock"

    def mark(self) -> str:
        return self.newest("modifyTimestamp", "%Y%m%d%H%M%SZ")

    def changed_since(self, mark: str) -> str:
        """The mark's own second again: it wasn't over when the mark was taken."""
        return f"(modifyTimestamp>={mark})"

    def is_enabled(self, found: Found) -> bool:
        return found.text("nsaccountlock").lower() != "true"


def spelled_alike(dn: str) -> str:
    """A name in one way of escaping (RFC 4514), since a member is named as whoever added it liked. Case stays."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn)))
    except ldap.DECODING_ERROR:
        return dn


def domain_of(base_dn: str) -> str:
    """example.test of dc=example,dc=test (RFC 2247); nothing where the base has no such parts."""
    pairs = [pair for rdn in ldap.dn.str2dn(base_dn) for pair in rdn]
    return ".".join(value for name, value, _flags in pairs if name.lower() == "dc").lower()
