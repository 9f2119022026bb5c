"""What OpenLDAP and 389 Directory Server do alike."""

import pytest

from tests.directories.ldap_server import ACCOUNT, BULK, PEOPLE, READING_ACCOUNT, LdapServer
from tests.directories.people import refusal
from tests.writeback.asking import refused
from writeback.connectors.base import Reason
from writeback.connectors.finding import connector_for

pytestmark = pytest.mark.directory

NEW = "Brand-new-Xyzzy-77"
NEWER = "Even-newer-Xyzzy-78"
OWN_WORDS = "Something-0f-my-own"


def test_a_reset_lets_the_new_password_in_and_the_old_one_no_more(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    connector.set_password(connector.find(person.anchor), NEW)
    assert directory.binds(person.dn, NEW)
    assert not directory.binds(person.dn, person.password)


def test_a_change_by_whoever_knows_the_current_password(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    connector.set_password(connector.find(person.anchor), NEW, person.password)
    assert directory.binds(person.dn, NEW)
    assert not directory.binds(person.dn, person.password)


def test_a_change_with_a_wrong_current_password(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    with refused(Reason.WRONG_PASSWORD):
        connector.set_password(connector.find(person.anchor), NEW, OWN_WORDS)
    assert directory.binds(person.dn, person.password)


def test_a_password_that_is_too_short(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    with refused(Reason.TOO_SHORT):
        connector.set_password(entry, "Xyz-777")
    with refused(Reason.TOO_SHORT):
        connector.set_password(entry, "Xyz-777", person.password)
    assert directory.binds(person.dn, person.password)


def test_an_earlier_password_is_refused_for_a_reset_and_for_a_change(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    connector.set_password(entry, NEW)
    directory.wait_for_history(person.dn, 1)
    connector.set_password(entry, NEWER)
    directory.wait_for_history(person.dn, 2)
    with refused(Reason.IN_HISTORY):
        connector.set_password(entry, NEW)
    with refused(Reason.IN_HISTORY):
        connector.set_password(entry, NEW, NEWER)
    assert directory.binds(person.dn, NEWER)


def test_no_password_stands_in_what_is_said_of_a_refusal(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    assert refusal(connector, entry, "Xyz-777") is Reason.TOO_SHORT
    assert refusal(connector, entry, NEW, OWN_WORDS) is Reason.WRONG_PASSWORD
    assert refusal(connector, entry, "Xyz-777", person.password) is Reason.TOO_SHORT
    without_rights = connector_for(directory.access(account=READING_ACCOUNT))
    assert refusal(without_rights, entry, NEW) is Reason.NO_RIGHTS


def test_a_sign_in_does_not_change_the_mark(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    mark = connector.find(person.anchor).mark
    connector.verify(connector.find(person.anchor), person.password)
    assert connector.find(person.anchor).mark == mark


def test_wrong_passwords_lock_and_an_unlock_opens(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    assert connector.find(person.anchor).tries_left == 4
    directory.fail_to_bind(person.dn)
    assert connector.find(person.anchor).tries_left == 3
    directory.fail_to_bind(person.dn, 3)
    entry = connector.find(person.anchor)
    assert (entry.is_locked, entry.is_disabled, entry.tries_left) == (True, False, 0)
    with refused(Reason.LOCKED):
        connector.verify(entry, person.password)
    with refused(Reason.LOCKED):
        connector.set_password(entry, NEW, person.password)
    connector.unlock(entry)
    opened = connector.find(person.anchor)
    assert (opened.is_locked, opened.tries_left) == (False, 4)
    connector.verify(opened, person.password)


def test_an_unlock_where_nothing_is_locked_does_no_harm(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    connector.unlock(connector.find(person.anchor))
    assert directory.binds(person.dn, person.password)


def test_a_reset_ends_a_lock(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    directory.fail_to_bind(person.dn, 4)
    connector.set_password(connector.find(person.anchor), NEW)
    assert not connector.find(person.anchor).is_locked
    assert directory.binds(person.dn, NEW)


def test_a_must_change_is_asked_for_and_ends_with_the_change(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    connector.set_password(entry, NEW)
    connector.require_change(entry)
    asked = connector.find(person.anchor)
    assert asked.must_change
    with refused(Reason.MUST_CHANGE):
        connector.verify(asked, NEW)
    with refused(Reason.WRONG_PASSWORD):
        connector.verify(asked, OWN_WORDS)
    connector.set_password(asked, NEWER, NEW)
    done = connector.find(person.anchor)
    assert not done.must_change
    connector.verify(done, NEWER)


def test_verifying_a_right_and_a_wrong_and_an_empty_password(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    entry = connector.find(person.anchor)
    connector.verify(entry, person.password)
    for wrong in (OWN_WORDS, ""):
        with refused(Reason.WRONG_PASSWORD):
            connector.verify(entry, wrong)


def test_the_mark_changes_with_each_password_and_not_with_a_failed_sign_in(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    marks = [connector.find(person.anchor).mark]
    for number in range(3):
        connector.set_password(connector.find(person.anchor), f"{NEW}{number}")
        marks.append(connector.find(person.anchor).mark)
    assert len(set(marks)) == 4
    directory.fail_to_bind(person.dn, 2)
    assert connector.find(person.anchor).mark == marks[-1]


def test_a_person_is_found_under_a_new_name_and_in_a_new_place(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    before = connector.find(person.anchor)
    dn = directory.rename(person.dn, f"uid=moved{person.uid}", PEOPLE)
    after = connector.find(person.anchor)
    assert (before.dn.lower(), after.dn.lower()) == (person.dn, dn)
    connector.set_password(after, NEW)
    assert directory.binds(dn, NEW)
    with refused(Reason.NOT_FOUND):
        connector.set_password(before, NEWER)


def test_nobody_has_this_anchor(directory: LdapServer) -> None:
    connector = connector_for(directory.access())
    person = directory.add_person(f"leaving-{directory.taken}")
    connector.find(person.anchor)
    directory.remove(person.dn)
    for anchor in (person.anchor, "no anchor", "*", ""):
        with refused(Reason.NOT_FOUND):
            connector.find(anchor)


def test_an_account_that_may_only_read_has_no_rights(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access(account=READING_ACCOUNT))
    entry = connector.find(person.anchor)
    with refused(Reason.NO_RIGHTS):
        connector.set_password(entry, NEW)
    with refused(Reason.NO_RIGHTS):
        connector.unlock(entry)
    assert directory.binds(person.dn, person.password)


def test_an_account_whose_password_is_wrong_has_no_rights_and_the_text_does_not_tell_it(directory: LdapServer) -> None:
    connector = connector_for(directory.access(password=OWN_WORDS))
    with pytest.raises(Exception, match="no_rights") as caught:
        connector.probe()
    assert OWN_WORDS not in f"{caught.value!r} {caught.value}"


def test_a_probe_names_the_server_and_has_nothing_to_warn_of(directory: LdapServer) -> None:
    probe = connector_for(directory.access()).probe()
    assert probe.server == f"ldaps://127.0.0.1:{directory.tls_port}"
    assert probe.vendor.startswith("OpenLDAP" if directory.kind == "openldap" else "389-Directory/")
    assert (probe.honours_history_on_reset, probe.warnings) == (True, ())


def test_a_probe_warns_of_an_account_above_the_policy_and_harms_nobody(directory: LdapServer) -> None:
    with directory.as_administrator() as connection:
        before = connection.search_s(BULK, 1, "(uid=number0000*)", ["userPassword", "modifyTimestamp"])
    access = directory.access(account=directory.administrator, password="Adm1nistrator-here")
    powerful = directory.access(account=ACCOUNT.replace("rekey", "powerful"))
    for each in (access, powerful):
        probe = connector_for(each).probe()
        assert "policy_not_enforced" in probe.warnings
        assert not probe.honours_history_on_reset
    with directory.as_administrator() as connection:
        assert connection.search_s(BULK, 1, "(uid=number0000*)", ["userPassword", "modifyTimestamp"]) == before


def test_a_probe_of_a_base_that_is_not_there(directory: LdapServer) -> None:
    with refused(Reason.NOT_FOUND):
        connector_for(directory.access(base_dn="dc=elsewhere,dc=test")).probe()


def test_q9_nothing_is_written_in_a_denied_part_however_its_name_is_written(directory: LdapServer) -> None:
    person = directory.somebody()
    spellings = ("OU=Bulk, DC=EXAMPLE, DC=test", r"2.5.4.11=b\75lk,dc=example,dc=test", person.dn.upper(), "no name")
    for denied in spellings:
        connector = connector_for(directory.access(denied=(denied,)))
        entry = connector.find(person.anchor)
        assert entry.protected, denied
        with refused(Reason.PROTECTED):
            connector.set_password(entry, NEW)
        with refused(Reason.PROTECTED):
            connector.unlock(entry)
    elsewhere = connector_for(directory.access(denied=(PEOPLE, "ou=lk,dc=example,dc=test")))
    assert not elsewhere.find(person.anchor).protected
    assert directory.binds(person.dn, person.password)


def test_q9_the_account_itself_is_never_written_to(directory: LdapServer) -> None:
    person = directory.somebody()
    connector = connector_for(directory.access(account=person.dn.replace("uid=", "UID = "), password=person.password))
    entry = connector.find(person.anchor)
    assert entry.protected
    with refused(Reason.PROTECTED):
        connector.set_password(entry, NEW)


def test_q9_what_is_no_person_is_not_found(directory: LdapServer) -> None:
    anchor = directory.read(ACCOUNT, directory.anchor_attribute)[0].lower()
    with refused(Reason.NOT_FOUND):
        connector_for(directory.access()).find(anchor)
