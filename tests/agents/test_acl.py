"""The rights that are printed are exactly those that are needed."""

import pytest

from writeback.connectors import acl
from writeback.connectors.acl import Unprintable, Wanted, rights
from writeback.connectors.base import Kind

WANTED = Wanted("CN=Rekey,CN=Users,DC=corp,DC=example", "OU=Staff,DC=corp,DC=example", r"CORP\rekey")


def test_for_active_directory_in_both_dialects() -> None:
    text = rights(Kind.ACTIVE_DIRECTORY, WANTED)
    assert r'dsacls "OU=Staff,DC=corp,DC=example" /I:S /G "CORP\rekey:CA;Reset Password;user"' in text
    assert r'/G "CORP\rekey:RPWP;lockoutTime;user"' in text
    assert r'/G "CORP\rekey:RPWP;pwdLastSet;user"' in text
    assert 'samba-tool user show "Rekey"' in text
    assert acl.sddl("$SID") in text


def test_sddl_gives_a_right_and_two_attributes_of_users_below_and_nothing_else() -> None:
    assert acl.sddl("S-1-5-21-1").count("(OA;CIIO;") == 3
    assert acl.sddl("S-1-5-21-1").count(acl.USER) == 3


def test_for_openldap_passwords_are_written_and_never_read() -> None:
    text = rights(Kind.OPENLDAP, WANTED)
    assert "=xw by * break" in text
    assert "manage by" not in text
    assert text.index("attrs=userPassword,pwdHistory") < text.index("to * by")


def test_for_389_nothing_is_above_the_policy() -> None:
    text = rights(Kind.DS389, WANTED)
    assert 'targetattr != "userPassword' in text
    assert 'allow (write) userdn = "ldap:///CN=Rekey,CN=Users,DC=corp,DC=example"' in text
    assert "nsPagedLookThroughLimit: -1" in text


@pytest.mark.parametrize("mark", ['"', "\n", "$(reboot)", "`reboot`", "'"])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_name_that_could_end_what_it_stands_in_is_not_printed(mark: str, kind: Kind) -> None:
    for wanted in (Wanted(f"CN=x{mark}", WANTED.ou), Wanted(WANTED.account, f"OU={mark}"), Wanted("a", "b", mark)):
        with pytest.raises(Unprintable):
            rights(kind, wanted)
