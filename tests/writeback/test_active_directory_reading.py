"""People and groups as they are read from a real domain controller."""

import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest

from tests import servers
from tests.certificates import make_certificates
from tests.directories import samba
from tests.directories.samba import BASE, DISABLED, NORMAL, OUTSIDE, PEOPLE, Samba
from tests.directories.stand_in import stand_in
from writeback.connectors.active_directory import ActiveDirectory
from writeback.connectors.active_directory_reading import ActiveDirectoryReader
from writeback.connectors.base import Access, DirectoryError, Kind, Reason, Server
from writeback.connectors.connection import Found, open_connection
from writeback.connectors.finding import reader_for
from writeback.connectors.reading import GroupEntry, Mapping, Person

pytestmark = pytest.mark.directory
CROWD, CROWD_MEMBERS = 10_000, 4_000


@pytest.fixture
def reader(domain: Samba) -> ActiveDirectoryReader:
    return ActiveDirectoryReader(domain.access())


def person(reader: ActiveDirectoryReader, dn: str, since: str | None = None) -> Person:
    return next(each for each in reader.people(since) if each.dn == dn)


def group(reader: ActiveDirectoryReader, dn: str, since: str | None = None) -> GroupEntry:
    return next(each for each in reader.groups(since) if each.dn == dn)


def test_everything_that_is_known_of_a_person_is_read(domain: Samba, reader: ActiveDirectoryReader) -> None:
    given = {
        "userPrincipalName": "jane@corp.example.test",
        "mail": "jane@example.com",
        "givenName": "Jane",
        "sn": "O'Neil, PhD",
        "displayName": "Jane 李",
        "preferredLanguage": "fr",
        "telephoneNumber": "+33 1 23 45",
        "mobile": "+33 6 78 90",
    }
    jane = person(reader, domain.add_user(**given))
    assert jane.fields == {
        "principal_name": "jane@corp.example.test",
        "mail": "jane@example.com",
        "given_name": "Jane",
        "family_name": "O'Neil, PhD",
        "display_name": "Jane 李",
        "language": "fr",
        "office_phone": "+33 1 23 45",
        "mobile_phone": "+33 6 78 90",
    }
    assert (jane.is_enabled, jane.protected, jane.cannot_change) == (True, "", False)


def test_who_has_no_principal_name_is_called_by_their_account_s(domain: Samba, reader: ActiveDirectoryReader) -> None:
    dn = domain.add_user(sAMAccountName="plainname")
    domain.modify(dn, userPrincipalName=None)
    assert person(reader, dn).fields == {"principal_name": "plainname@corp.example.test"}


def test_the_mapping_and_its_filter_may_be_others(domain: Samba) -> None:
    chosen = domain.add_user(employeeID="E1", mail="e1@example.com")
    domain.add_user(mail="e2@example.com")
    mapping = Mapping({"principal_name": "mail"}, people_filter="(&(objectClass=user)(employeeID=*))")
    people = list(ActiveDirectoryReader(domain.access(), mapping).people(None))
    fields = {"principal_name": "e1@example.com", "mail": "e1@example.com"}  # the others are filled as usual
    assert [(each.dn, each.fields) for each in people] == [(chosen, fields)]


def test_who_is_disabled_protected_or_may_not_change_is_told(domain: Samba, reader: ActiveDirectoryReader) -> None:
    disabled = domain.add_user(userAccountControl=str(NORMAL | DISABLED))
    stuck, inner, outside = domain.add_user(), domain.add_user(), domain.add_user(place=OUTSIDE)
    domain.deny_change(stuck)
    domain.add_group("Read Middle", [domain.add_group("Read Inner", [inner])])
    domain.tool("group", "addmembers", "Server Operators", "Read Middle")
    people = {each.dn: each for each in ActiveDirectoryReader(domain.access(denied=(OUTSIDE,))).people(None)}
    assert not people[disabled].is_enabled
    assert people[stuck].cannot_change
    assert people[inner].protected == "member of a privileged group"
    assert people[outside].protected == "in a part that is denied"
    assert people[samba.ADMINISTRATOR].protected
    assert people[f"CN=krbtgt,CN=Users,{BASE}"].protected


def test_what_a_person_is_read_as_is_what_they_are_found_as(domain: Samba, reader: ActiveDirectoryReader) -> None:
    dn = domain.add_user()
    directory = ActiveDirectory(domain.access())
    assert person(reader, dn).anchor == directory.find_anchor(domain.logins[dn])


def test_only_those_changed_since_are_read_and_the_privileged(domain: Samba, reader: ActiveDirectoryReader) -> None:
    before, later = domain.add_user(), domain.add_user()
    mark = reader.mark()
    added = domain.add_user()
    domain.modify(later, displayName="New")
    people = {each.dn: each for each in reader.people(mark)}
    assert {added, later} <= set(people)
    assert before not in people
    assert all(each.protected for dn, each in people.items() if dn not in (added, later))
    assert {each.dn for each in reader.people(reader.mark())}.isdisjoint({added, later})


def test_who_becomes_privileged_is_read_although_only_the_group_changed(
    domain: Samba, reader: ActiveDirectoryReader
) -> None:
    dn = domain.add_user()
    mark = reader.mark()
    domain.tool("group", "addmembers", "Print Operators", domain.logins[dn])
    assert person(reader, dn, mark).protected


def test_the_mark_of_another_server_reads_everything(domain: Samba, reader: ActiveDirectoryReader) -> None:
    dn = domain.add_user()
    number = reader.mark().rpartition(":")[2]
    for mark in (f"00000000-0000-0000-0000-000000000000:{number}", "nonsense", "", ":"):
        assert person(reader, dn, mark).dn == dn


def test_groups_are_read_with_people_and_groups_in_them(domain: Samba, reader: ActiveDirectoryReader) -> None:
    somebody = domain.add_user(name='Doe\\, \\#1 \\+ \\"x\\"')
    inner = domain.add_group("Inner", [somebody])
    outer = domain.add_group("Outer", [inner, somebody])
    empty = domain.add_group("Empty")
    found = group(reader, outer)
    assert (found.name, set(found.members)) == ("Outer", {inner, somebody})
    assert group(reader, empty).members == ()


def test_a_group_is_read_again_when_its_members_change(domain: Samba, reader: ActiveDirectoryReader) -> None:
    first, second = domain.add_user(), domain.add_user()
    changed, unchanged = domain.add_group("Changed", [first]), domain.add_group("Unchanged", [first])
    mark = reader.mark()
    domain.tool("group", "addmembers", "Changed", domain.logins[second])
    found = {each.dn: each for each in reader.groups(mark)}
    assert set(found[changed].members) == {first, second}
    assert unchanged not in found


def test_members_by_primary_group_are_members_and_domain_users_is_left_out(
    domain: Samba, reader: ActiveDirectoryReader
) -> None:
    dn = domain.add_user()
    domain.tool("group", "addmembers", "Domain Guests", domain.logins[dn])
    domain.modify(dn, primaryGroupID="514")
    assert dn in group(reader, f"CN=Domain Guests,CN=Users,{BASE}").members
    assert f"CN=Domain Users,CN=Users,{BASE}" not in {each.dn for each in reader.groups(None)}


def test_who_is_gone_is_missing_among_the_anchors(domain: Samba, reader: ActiveDirectoryReader) -> None:
    dn = domain.add_user()
    anchor = person(reader, dn).anchor
    assert anchor in set(reader.anchors())
    domain.tool("user", "delete", domain.logins[dn])
    assert anchor not in set(reader.anchors())


def test_members_that_come_in_ranges_are_all_read(tmp_path: Path) -> None:
    """Windows lists 1500 at a time; Samba lists all at once."""
    certificates = make_certificates(tmp_path, "127.0.0.1")
    with stand_in(certificates.server) as server:
        server.entries = {"": {}, "CN=Big": {"member;range=2-*": [b"CN=c"]}}
        given = (Server("127.0.0.1", server.port),)
        access = Access(Kind.ACTIVE_DIRECTORY, given, "DC=x", "CN=a", "pw", certificates.ca.read_text())
        connection = open_connection(access)
        big = Found("CN=Big", {"member": [], "member;range=0-1": [b"CN=a", b"CN=b"]})
        assert list(ActiveDirectoryReader(access)._members(connection, big)) == ["CN=a", "CN=b", "CN=c"]
        connection.close()


def test_an_unreachable_directory_is_said_to_be_so(domain: Samba) -> None:
    reader = reader_for(domain.access(servers=(Server("127.0.0.1", servers.free_port()),)))
    with pytest.raises(DirectoryError) as refused:
        list(reader.people(None))
    assert refused.value.reason is Reason.UNREACHABLE


@pytest.fixture(scope="module")
def crowd(ad_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """A domain with ten thousand people, and a group of four thousand (20 s)."""
    folder = tmp_path_factory.mktemp("crowd")
    for name in ("private", "state"):
        subprocess.run(["cp", "-a", str(ad_template / name), str(folder)], check=True)
    samba.fill(folder, CROWD, "Crowd", CROWD_MEMBERS)
    with samba.samba(folder) as server:
        yield server


def test_ten_thousand_people_are_read_in_flat_memory(crowd: Samba) -> None:
    reader = ActiveDirectoryReader(crowd.access())
    assert sum(1 for each in reader.people(None) if each.dn.endswith(PEOPLE)) == CROWD
    tracemalloc.start()
    try:
        for _each in reader.people(None):
            pass
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000  # a page, not the crowd


def test_a_hundred_changes_among_ten_thousand_are_read_and_nothing_else(crowd: Samba) -> None:
    reader = ActiveDirectoryReader(crowd.access())
    mark = reader.mark()
    connection = open_connection(crowd.access(administrator=True))
    changed = {f"CN=bulk{number:05d},{PEOPLE}" for number in range(0, CROWD, 100)}
    for dn in changed:
        connection.modify(dn, [(ldap.MOD_REPLACE, "displayName", [b"Changed"])])
    connection.close()
    assert {each.dn for each in reader.people(mark) if not each.protected} == changed


def test_a_group_of_thousands_is_read_whole(crowd: Samba) -> None:
    reader = ActiveDirectoryReader(crowd.access())
    assert len(group(reader, f"CN=Crowd,{PEOPLE}").members) == CROWD_MEMBERS
