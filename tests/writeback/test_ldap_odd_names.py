"""Names, user IDs and passwords that mean something in LDAP: taken literally, in OpenLDAP and 389 alike."""

import pytest

from tests.directories.ldap_server import LdapServer
from tests.writeback.asking import refused
from writeback.connectors.base import Reason
from writeback.connectors.finding import connector_for
from writeback.connectors.ldap_directory import LdapConnector

pytestmark = pytest.mark.directory


ODD_NAMES = (
    "Smith, John",
    "#hash",
    " leading space",
    "a+b=c",
    'the "quoted" <one>;',
    "back\\slash",
    "Zoë Ünïcode 山田",
    "star*(paren)",
)
ODD_LOGINS = ("*", "number0000*", ")(uid=*", "admin)(|(uid=*", r"\2a", "number00000\x00", "(", "", "\\")
# 389 refuses any three letters in a row that also stand in the person's name or mail address.
ODD_PASSWORDS = (
    """"hi"there'Xyzzy""",
    "$(touch x)`id`;Xyzzy",
    "line\r\nbreak-Xyzzy",
    "back\\bone\\00*)(Xyzzy",
    " spaces around Xyzzy ",
    "tab\tXyzzy-123456",
    "Zürich-山田-🔑🔑🔑🔑",
    "long-Xyzzy-" + "0123456789" * 25,
)


def finder(directory: LdapServer) -> LdapConnector:
    connector = connector_for(directory.access())
    assert isinstance(connector, LdapConnector)
    return connector


@pytest.mark.parametrize("name", ODD_NAMES)
def test_w2_a_name_with_reserved_characters_is_only_a_name(directory: LdapServer, name: str) -> None:
    person = directory.add_person(f"odd-{ODD_NAMES.index(name)}", rdn=name)
    connector = finder(directory)
    entry = connector.find(person.anchor)
    connector.set_password(entry, "Brand-new-77")
    connector.verify(connector.find(person.anchor), "Brand-new-77")
    assert directory.binds(person.dn, "Brand-new-77")
    assert connector_for(directory.access(denied=(person.dn,))).find(person.anchor).protected
    directory.remove(person.dn)


@pytest.mark.parametrize("login", ODD_LOGINS)
def test_w2_a_user_id_is_never_a_filter(directory: LdapServer, login: str) -> None:
    with refused(Reason.NOT_FOUND):
        finder(directory).find_anchor(login)


def test_an_anchor_is_found_by_user_id_and_by_mail(directory: LdapServer) -> None:
    person = directory.somebody()
    connector = finder(directory)
    assert connector.find_anchor(person.uid) == person.anchor
    assert connector.find_anchor(f"{person.uid}@example.test") == person.anchor


def test_w3_odd_passwords_arrive_as_they_were_typed(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry, current = connector.find(person.anchor), person.password
    for odd in ODD_PASSWORDS:
        connector.set_password(entry, odd)
        assert directory.binds(person.dn, odd), odd
        assert not directory.binds(person.dn, odd.strip() if odd != odd.strip() else odd + "x")
        connector.unlock(entry)
        connector.set_password(entry, f"between-Xyzzy-{ODD_PASSWORDS.index(odd)}", odd)
        assert not directory.binds(person.dn, current)
        connector.unlock(entry)


def test_w3_a_password_that_looks_like_a_digest_is_not_taken_for_one(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    with refused(Reason.COMPLEXITY):
        connector.set_password(connector.find(person.anchor), "{SSHA}DyrdWXvPUtf5mjxV2Odt5BUz9edkgJyA")
    assert directory.binds(person.dn, person.password)


@pytest.mark.parametrize("cut", ["Xyzzy-77-long\0rest", "Xyzzy-77-long\ud83d"])
def test_w3_what_a_bind_would_cut_or_cannot_carry_is_neither_set_nor_tried(directory: LdapServer, cut: str) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    with refused(Reason.POLICY, "not encodable"):
        connector.set_password(entry, cut)
    with refused(Reason.WRONG_PASSWORD):
        connector.verify(entry, person.password + cut[-5:])
