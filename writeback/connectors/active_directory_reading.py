"""Reading the people and groups of Active Directory, a page at a time.

A mark is the server's own identity and its update sequence number (MS-ADTS section 3.1.1.1.9): another server counts
differently, so a mark of another one reads everything.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from writeback.connectors import protected
from writeback.connectors.access_rules import denies_change
from writeback.connectors.active_directory import DISABLED, ROOT, anchor_of, sd_flags
from writeback.connectors.base import Access, Reason
from writeback.connectors.connection import Connection, Found, open_connection
from writeback.connectors.failures import LdapError
from writeback.connectors.reading import GroupEntry, Mapping, Person, Reader

PEOPLE = "(&(objectCategory=person)(objectClass=user))"
GROUPS = "(objectCategory=group)"
DEFAULT = Mapping(
    {
        "principal_name": "userPrincipalName",
        "mail": "mail",
        "given_name": "givenName",
        "family_name": "sn",
        "display_name": "displayName",
        "language": "preferredLanguage",
        "office_phone": "telephoneNumber",
        "mobile_phone": "mobile",
    }
)
DOMAIN_USERS = 513
RANGE = "member;range="

PERSON = [
    *("objectGUID", "objectSid", "objectClass", "sAMAccountName", "userAccountControl", "adminCount", "primaryGroupID"),
    "nTSecurityDescriptor",
]
MEMBER = ["objectGUID", "objectSid", "objectClass", "member"]
GROUP = ["objectGUID", "objectSid", "cn", "member"]


class Privileged:
    """Who is in a privileged group, looked up once for all: those with their objectGUID, and by their primary group."""

    def __init__(self, guids: frozenset[bytes], primary_groups: frozenset[int]) -> None:
        self.guids, self.primary_groups = guids, primary_groups

    def why(self, user: Found) -> str:
        is_in = user.values["objectguid"][0] in self.guids or user.number("primarygroupid") in self.primary_groups
        return "member of a privileged group" if is_in else ""


class ActiveDirectoryReader(Reader):
    anchors_are_cheap = True

    def __init__(self, access: Access, mapping: Mapping | None = None) -> None:
        super().__init__(access)
        # What a mapping leaves out is the usual one.
        given = mapping or DEFAULT
        self.mapping: Mapping = replace(given, attributes=DEFAULT.attributes | given.attributes)

    def mark(self) -> str:
        with self._connection() as connection:
            return (
                f"{self._server(connection)}:{connection.read('', ['highestCommittedUSN']).text('highestcommittedusn')}"
            )

    def people(self, since: str | None) -> Iterator[Person]:
        """Those changed since, and always whoever is privileged: joining a group changes the group only."""
        with self._connection() as connection:
            privileged = self._privileged(connection)
            changed = self._changed(connection, since)
            attributes = [*PERSON, *self.mapping.attributes.values()]
            where = f"(&{changed}{self.mapping.people_filter or PEOPLE})"
            seen: set[bytes] = set()
            for user in connection.pages(self.access.base_dn, where, attributes, [sd_flags()]):
                if changed:
                    seen.add(user.values["objectguid"][0])
                yield self._person(user, privileged)
            if changed:
                for guid in privileged.guids - seen:
                    yield from self._people_of(connection, guid, attributes, privileged)

    def groups(self, since: str | None) -> Iterator[GroupEntry]:
        """Without Domain Users: everybody is in it, and no member is listed."""
        with self._connection() as connection:
            by_primary_group = self._by_primary_group(connection)
            where = f"(&{self._changed(connection, since)}{self.mapping.groups_filter or GROUPS})"
            for group in connection.pages(self.access.base_dn, where, GROUP):
                number = protected.rid(protected.sid_text(group.values["objectsid"][0]))
                if number != DOMAIN_USERS:
                    members = [*self._members(connection, group), *by_primary_group.get(number, ())]
                    yield GroupEntry(anchor_of(group), group.dn, group.text("cn"), tuple(members))

    def anchors(self) -> Iterator[str]:
        with self._connection() as connection:
            where = self.mapping.people_filter or PEOPLE
            for user in connection.pages(self.access.base_dn, where, ["objectGUID"]):
                yield anchor_of(user)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Of its own: a reading may be left half done, and takes longer than a job may wait."""
        connection = open_connection(self.access)
        try:
            yield connection
        finally:
            connection.close()

    def _server(self, connection: Connection) -> str:
        """Which database answers: its invocationId, new also after a restore; else the server's name."""
        name = connection.read("", ["dsServiceName"]).text("dsservicename")
        try:
            own = connection.read(name, ["invocationId"])
            return str(uuid.UUID(bytes_le=own.values["invocationid"][0]))
        except (LdapError, KeyError):
            return name

    def _changed(self, connection: Connection, since: str | None) -> str:
        """The filter of what changed; empty where everything is to be read."""
        server, _colon, number = (since or "").rpartition(":")
        if not number.isdigit() or server != self._server(connection):
            return ""
        return f"(uSNChanged>={int(number) + 1})"

    def _person(self, user: Found, privileged: Privileged) -> Person:
        fields = {name: value for name, of in self.mapping.attributes.items() if (value := user.text(of.lower()))}
        if "principal_name" not in fields:
            fields["principal_name"] = f"{user.text('samaccountname')}@{self._domain(user.dn)}"
        flags = user.number("useraccountcontrol")
        sid = protected.sid_text(user.values["objectsid"][0])
        why = (
            protected.why_account_is_protected(sid, flags, user.number("admincount"), user.texts("objectclass"))
            or privileged.why(user)
            or protected.why_place_is_protected(user.dn, self.access.denied)
        )
        return Person(
            anchor_of(user),
            user.dn,
            fields,
            is_enabled=not flags & DISABLED,
            protected=why,
            cannot_change=any(denies_change(each) for each in user.values.get("ntsecuritydescriptor", ())),
        )

    def _domain(self, dn: str) -> str:
        """The DNS name that the DC parts of a DN spell."""
        return ".".join(part[3:] for part in dn.lower().split(",") if part.startswith("dc="))

    def _people_of(
        self, connection: Connection, guid: bytes, attributes: list[str], privileged: Privileged
    ) -> Iterator[Person]:
        where = f"(&{self.mapping.people_filter or PEOPLE}(objectGUID={escaped(guid)}))"
        for user in connection.search(self.access.base_dn, where, attributes, [sd_flags()]):
            yield self._person(user, privileged)

    def _privileged(self, connection: Connection) -> Privileged:
        """Down from the groups, member by member: they are few, and a filter for chains would look at everybody."""
        domain = connection.read("", ROOT).text("defaultnamingcontext")
        domain_sid = protected.sid_text(connection.read(domain, ["objectSid"]).values["objectsid"][0])
        sids = "".join(f"(objectSid={sid})" for sid in protected.privileged_groups(domain_sid))
        waiting = connection.search(domain, f"(|{sids})", MEMBER)
        guids: set[bytes] = set()
        primary: set[int] = set()
        while waiting:
            group = waiting.pop()
            primary.add(protected.rid(protected.sid_text(group.values["objectsid"][0])))
            for member in self._entries(connection, self._members(connection, group)):
                if member.values["objectguid"][0] not in guids and "group" in member.texts("objectclass"):
                    waiting.append(member)
                guids.add(member.values["objectguid"][0])
        return Privileged(frozenset(guids), frozenset(primary))

    def _entries(self, connection: Connection, dns: Iterable[str]) -> Iterator[Found]:
        for dn in dns:
            try:
                yield connection.read(dn, MEMBER)
            except LdapError as error:
                if error.reason is not Reason.NOT_FOUND:  # gone meanwhile
                    raise

    def _by_primary_group(self, connection: Connection) -> dict[int, list[str]]:
        """The few whose primary group is another than Domain Users: they are not among its listed members."""
        found: dict[int, list[str]] = {}
        where = f"(&{self.mapping.people_filter or PEOPLE}(!(primaryGroupID={DOMAIN_USERS})))"
        for user in connection.pages(self.access.base_dn, where, ["primaryGroupID"]):
            found.setdefault(user.number("primarygroupid"), []).append(user.dn)
        return found

    def _members(self, connection: Connection, group: Found) -> Iterator[str]:
        """All of them: Active Directory lists 1500 at a time (MS-ADTS section 3.1.1.3.1.3.3)."""
        yield from group.texts("member")
        while part := next((name for name in group.values if name.startswith(RANGE)), ""):
            yield from group.texts(part)
            last = part.removeprefix(RANGE).partition("-")[2]
            if last == "*":
                return
            group = connection.read(group.dn, [f"{RANGE}{int(last) + 1}-*"])


def escaped(value: bytes) -> str:
    """For a filter (RFC 4515)."""
    return "".join(f"\\{byte:02x}" for byte in value)
