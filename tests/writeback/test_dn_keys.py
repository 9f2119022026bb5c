"""One name has one key, however it is written; two names have two."""

import pytest

from writeback.connectors.dn_keys import dn_key

SAME = [
    ("CN=Ann,OU=People,DC=acme", "cn=ann,ou=people,dc=acme"),
    ("cn=ann, ou=people , dc = acme", "cn=ann,ou=people,dc=acme"),
    ("cn=ann;ou=people;dc=acme", "cn=ann,ou=people,dc=acme"),
    (r"cn=Doe\, Ann,dc=acme", 'cn="Doe, Ann",dc=acme'),
    (r"cn=Doe\, Ann,dc=acme", r"cn=doe\2c Ann,dc=acme"),
    (r"cn=M\C3\BCller,dc=acme", "cn=müller,dc=acme"),
    (r"cn=a\=b,dc=acme", "cn=a=b,dc=acme"),
    ("cn=ann  maria,dc=acme", "cn=ann maria,dc=acme"),
    ("cn=ann+uid=1,dc=acme", "CN=ann + UID=1,dc=acme"),
]
DIFFERENT = [
    ("cn=ann,dc=acme", "cn=anna,dc=acme"),
    (r"cn=doe\,ou=people,dc=acme", "cn=doe,ou=people,dc=acme"),
    ("cn=ann,ou=b", "cn=ann+ou=b"),
    ("cn=ss", "cn=s"),
    (r"cn=a\\,dc=b", r"cn=a\,dc=b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_ways_to_write_a_name_dont_count(one: str, other: str) -> None:
    assert dn_key(one) == dn_key(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_names_have_other_keys(one: str, other: str) -> None:
    assert dn_key(one) != dn_key(other)


@pytest.mark.parametrize("text", ["", "garbage\\", 'cn="open', ",,,", "=", "\\", '"'])
def test_what_is_no_name_has_a_key_too(text: str) -> None:
    assert len(dn_key(text)) == 32
