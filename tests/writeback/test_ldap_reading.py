"""People and groups read from OpenLDAP and 389: all of them, and what changed since."""

import itertools
import tracemalloc

import pytest

from tests.directories.ldap_server import BULK, PEOPLE, POWERFUL_ACCOUNT, LdapServer
from tests.writeback.asking import refused
from writeback.connectors.base import Access, Kind, Reason
from writeback.connectors.finding import reader_for
from writeback.connectors.ldap_reading import domain_of
from writeback.connectors.reading import Mapping, Reader

pytestmark = pytest.mark.directory

CROWD = 10_000


def reader(access: Access, mapping: Mapping | None = None) -> Reader:
    return reader_for(access, mapping)


def test_everybody_is_read_page_by_page_in_flat_memory(directory: LdapServer) -> None:
    reading = reader(directory.access(base_dn=BULK))
    people = sum(1 for _person in reading.people(None))
    anchors = set(reading.anchors())
    assert people == len(anchors) > CROWD - 500  # some of the crowd move during other tests
    tracemalloc.start()
    for _person in reading.people(None):
        pass
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024, "a page is held, not the directory"


def test_what_is_read_of_a_person(directory: LdapServer) -> None:
    uid = "carla"
    person = directory.add_person(
        uid,
        rdn="Díaz, Carla",
        sn="Díaz",
        givenName="Carla",
        mail="carla.diaz@mail.test",
        preferredLanguage="es",
        telephoneNumber="+34 600 000 001",
        mobile="+34 600 000 002",
    )
    read = {each.anchor: each for each in reader(directory.access(base_dn=PEOPLE)).people(None)}[person.anchor]
    assert read.fields == {
        "principal_name": "carla",
        "mail": "carla.diaz@mail.test",
        "given_name": "Carla",
        "family_name": "Díaz",
        "display_name": "Díaz, Carla",
        "language": "es",
        "office_phone": "+34 600 000 001",
        "mobile_phone": "+34 600 000 002",
    } | {"principal_name": "carla@example.test"}
    assert (read.is_enabled, read.protected) == (True, "")
    assert "carla" not in repr(read).replace(read.dn, "")
    mapped = reader(directory.access(base_dn=PEOPLE), Mapping({"principal_name": "mail"}, f"(uid={uid})"))
    assert [each.fields["principal_name"] for each in mapped.people(None)] == ["carla.diaz@mail.test"]
    directory.remove(person.dn)


def test_who_is_disabled_or_protected_says_so(directory: LdapServer) -> None:
    person = directory.somebody()
    lock, value = {
        Kind.OPENLDAP: ("pwdAccountLockedTime", "000001010000Z"),
        Kind.DS389: ("nsAccountLock", "true"),
    }[directory.kind]
    directory.write(person.dn, lock, value)
    only = Mapping({}, f"(uid={person.uid})")
    (read,) = reader(directory.access(denied=(BULK,)), only).people(None)
    assert (read.is_enabled, bool(read.protected)) == (False, True)
    directory.write(person.dn, lock)
    (read,) = reader(directory.access(), only).people(None)
    assert (read.is_enabled, read.protected) == (True, "")


def test_groups_inside_groups_with_all_their_members(directory: LdapServer) -> None:
    person = directory.add_person("member", rdn="Odd, #name")
    inner = directory.add_group("Inner, group", person.dn)
    outer = directory.add_group("Outer", inner, person.dn)
    unique = f"cn=unique,{outer.partition(',')[2]}"
    classes = ["groupOfUniqueNames"]
    directory.add(unique, {"objectClass": classes, "cn": "unique", "uniqueMember": f"{person.dn}#'0101'B"})
    groups = {group.name: group for group in reader(directory.access()).groups(None)}
    (read,) = reader(directory.access(), Mapping({}, "(uid=member)")).people(None)
    assert read.dn.lower() == person.dn.lower()
    assert [dn.lower() for dn in groups["Inner, group"].members] == [person.dn.lower()]
    assert {dn.lower() for dn in groups["Outer"].members} == {inner.lower(), person.dn.lower()}
    assert [dn.lower() for dn in groups["unique"].members] == [person.dn.lower()]
    for dn in (unique, outer, inner, person.dn):
        directory.remove(dn)


def test_only_what_changed_since_a_mark_is_read(directory: LdapServer) -> None:
    reading = reader(directory.access())
    first = reading.mark()
    people = [directory.somebody() for _number in range(100)]
    for person in people:
        directory.write(person.dn, "displayName", "Somebody New")
    changed = list(reading.people(first))
    assert {person.anchor for person in people} <= {each.anchor for each in changed}
    assert len(changed) < 300
    second = reading.mark()
    assert second > first
    renamed = directory.rename(people[0].dn, f"uid=other{people[0].uid}", PEOPLE)
    assert renamed.lower() in {each.dn.lower() for each in reading.people(second)}


def test_a_changed_group_comes_with_all_its_members(directory: LdapServer) -> None:
    reading = reader(directory.access())
    first, second = (directory.somebody() for _number in range(2))
    group = directory.add_group("Growing", first.dn)
    mark = reading.mark()
    directory.write(group, "member", first.dn, second.dn)
    members = {each.name: each.members for each in reading.groups(mark)}["Growing"]
    assert {dn.lower() for dn in members} == {first.dn, second.dn}
    directory.remove(group)


def test_whoever_left_is_missing_among_the_anchors(directory: LdapServer) -> None:
    person = directory.add_person("leaver")
    reading = reader(directory.access(base_dn=PEOPLE))
    assert person.anchor in set(reading.anchors())
    directory.remove(person.dn)
    assert person.anchor not in set(reading.anchors())


def test_an_account_whose_searches_are_limited_has_no_rights_for_this(ds389_server: LdapServer) -> None:
    with refused(Reason.NO_RIGHTS, "11"):
        list(reader(ds389_server.access(account=POWERFUL_ACCOUNT)).people(None))


def test_reading_may_stop_in_the_middle(directory: LdapServer) -> None:
    reading = reader(directory.access(base_dn=BULK))
    assert len(list(itertools.islice(reading.people(None), 1500))) == 1500
    assert len(list(itertools.islice(reading.people(None), 1500))) == 1500


def test_the_domain_of_a_base() -> None:
    assert domain_of("ou=people,DC=Example,dc=test") == "example.test"
    assert domain_of("o=Example,c=ES") == ""
