"""What only OpenLDAP does, or does in its own way."""

from collections.abc import Iterator

import pytest

from tests.directories.ldap_server import BASE_DN, LdapServer, Rules
from tests.directories.openldap import openldap
from tests.writeback.asking import carried_out, refused
from writeback.connectors.base import Reason
from writeback.connectors.finding import connector_for, reader_for
from writeback.connectors.orders import Operation, Order, Outcome, Step, StepResult

pytestmark = pytest.mark.directory

NEW = "Brand-new-Xyzzy-77"
LOCKED_BY_ADMINISTRATOR = "000001010000Z"


@pytest.fixture
def own_policy(openldap_server: LdapServer) -> Iterator[str]:
    """The DN of a policy that a test may change; whoever wants it names it in pwdPolicySubentry."""
    dn = f"cn=own,ou=policies,{BASE_DN}"
    classes = ["applicationProcess", "pwdPolicy"]
    attributes = {"objectClass": classes, "cn": "own", "pwdAttribute": "userPassword", "pwdCheckQuality": "2"}
    openldap_server.add(dn, attributes | {"pwdLockout": "TRUE", "pwdMaxFailure": "7", "pwdMinLength": "4"})
    yield dn
    openldap_server.remove(dn)


def test_an_administrators_lock_is_refused_before_anything_is_written(openldap_server: LdapServer) -> None:
    """A reset would take that lock away with the others, and let somebody back in who had been put out."""
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(person.dn, "pwdAccountLockedTime", LOCKED_BY_ADMINISTRATOR)
    entry = connector.find(person.anchor)
    assert (entry.is_disabled, entry.is_locked) == (True, False)
    with refused(Reason.DISABLED):
        connector.set_password(entry, NEW)
    with refused(Reason.DISABLED):
        connector.unlock(entry)
    for operation in (Operation.RESET, Operation.CHANGE, Operation.UNLOCK, Operation.VERIFY):
        order = Order(operation, person.anchor, new=NEW, current=person.password, unlock=True)
        report = carried_out(connector, order)
        assert (report.outcome, report.reason, report.steps) == (Outcome.FAILED, Reason.DISABLED, {})
    assert openldap_server.read(person.dn, "pwdAccountLockedTime") == [LOCKED_BY_ADMINISTRATOR]


def test_the_current_password_again_counts_as_used_before(openldap_server: LdapServer) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    entry = connector.find(person.anchor)
    connector.set_password(entry, NEW)
    with refused(Reason.IN_HISTORY, "19 ppolicy 8"):
        connector.set_password(entry, NEW)


def test_a_password_that_is_too_young(strict_openldap: LdapServer) -> None:
    person, connector = strict_openldap.somebody(), connector_for(strict_openldap.access())
    connector.set_password(connector.find(person.anchor), NEW)
    for current in ("", NEW):
        with refused(Reason.TOO_YOUNG, "19 ppolicy 7"):
            connector.set_password(connector.find(person.anchor), "Another-Xyzzy-78", current)
    assert connector.find(person.anchor).tries_left is None


def test_an_expired_password_can_be_changed_by_whoever_knows_it() -> None:
    with openldap(Rules(max_age=3600), people=1, pwdChangedTime="20200101000000Z") as server:
        person, connector = server.somebody(), connector_for(server.access())
        entry = connector.find(person.anchor)
        assert entry.is_password_expired
        with refused(Reason.PASSWORD_EXPIRED, "49 ppolicy 0"):
            connector.verify(entry, person.password)
        with refused(Reason.WRONG_PASSWORD):
            connector.set_password(entry, NEW, "Not-that-one")
        connector.set_password(entry, NEW, person.password)
        assert server.binds(person.dn, NEW)


def test_a_change_where_people_may_not_write_their_own() -> None:
    """The account sets it then, after the person's bind has shown that they know the current one."""
    with openldap(people=1, own_passwords=False) as server:
        person, connector = server.somebody(), connector_for(server.access())
        entry = connector.find(person.anchor)
        with refused(Reason.WRONG_PASSWORD):
            connector.set_password(entry, NEW, "Not-that-one")
        with refused(Reason.TOO_SHORT):
            connector.set_password(entry, "Xyz-777", person.password)
        connector.set_password(entry, NEW, person.password)
        assert server.binds(person.dn, NEW)


def test_a_policy_of_their_own_counts_its_own_tries(openldap_server: LdapServer, own_policy: str) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(person.dn, "pwdPolicySubentry", own_policy)
    openldap_server.fail_to_bind(person.dn)
    assert connector.find(person.anchor).tries_left == 6
    other = openldap_server.somebody()
    assert connector.find(other.anchor).tries_left == 4, "with two policies the stricter one is assumed"


def test_a_policy_that_lets_nobody_change_theirs(openldap_server: LdapServer, own_policy: str) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(own_policy, "pwdAllowUserChange", "FALSE")
    openldap_server.write(person.dn, "pwdPolicySubentry", own_policy)
    entry = connector.find(person.anchor)
    assert entry.cannot_change
    with refused(Reason.CANNOT_CHANGE, "50 ppolicy 3"):
        connector.set_password(entry, NEW, person.password)


def test_a_policy_that_wants_the_old_password_lets_no_account_reset(
    openldap_server: LdapServer, own_policy: str
) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(own_policy, "pwdSafeModify", "TRUE")
    openldap_server.write(person.dn, "pwdPolicySubentry", own_policy)
    entry = connector.find(person.anchor)
    with refused(Reason.NO_RIGHTS):
        connector.set_password(entry, NEW)
    connector.set_password(entry, NEW, person.password)
    assert openldap_server.binds(person.dn, NEW)


def test_a_must_change_that_the_policy_ignores_is_said_to_be_impossible(
    openldap_server: LdapServer, own_policy: str
) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(person.dn, "pwdPolicySubentry", own_policy)
    report = carried_out(connector, Order(Operation.RESET, person.anchor, new=NEW, must_change=True))
    assert report.outcome is Outcome.APPLIED
    assert report.steps == {Step.PASSWORD: StepResult.DONE, Step.MUST_CHANGE: StepResult.NOT_POSSIBLE}


def test_a_lock_ends_by_itself(openldap_server: LdapServer) -> None:
    person, connector = openldap_server.somebody(), connector_for(openldap_server.access())
    openldap_server.write(person.dn, "pwdAccountLockedTime", "20200101000000Z")
    assert not connector.find(person.anchor).is_locked


def test_changes_are_found_without_the_overlay_that_numbers_them() -> None:
    with openldap(people=10, syncprov=False) as server:
        reading = reader_for(server.access())
        person = server.somebody()
        mark = reading.mark()
        server.write(person.dn, "displayName", "Somebody New")
        assert person.anchor in {each.anchor for each in reading.people(mark)}
        assert reading.mark() > mark
