"""What only 389 Directory Server does, or does in its own way."""

import pytest

from tests.agents.installation import until
from tests.directories.ds389 import ds389
from tests.directories.ldap_server import PEOPLE, READING_ACCOUNT, LdapServer, Rules
from tests.writeback.asking import carried_out, refused
from writeback.connectors.base import Reason
from writeback.connectors.finding import connector_for
from writeback.connectors.orders import Operation, Order, Outcome, Step, StepResult

pytestmark = pytest.mark.directory

NEW = "Brand-new-Xyzzy-77"


def test_an_inactivated_account_is_refused_before_anything_is_written(ds389_server: LdapServer) -> None:
    person, connector = ds389_server.somebody(), connector_for(ds389_server.access())
    ds389_server.write(person.dn, "nsAccountLock", "true")
    entry = connector.find(person.anchor)
    assert (entry.is_disabled, entry.is_locked) == (True, False)
    with refused(Reason.DISABLED):
        connector.set_password(entry, NEW)
    with refused(Reason.DISABLED, "53"):
        connector.verify(entry, person.password)
    for operation in (Operation.RESET, Operation.CHANGE, Operation.UNLOCK, Operation.VERIFY):
        order = Order(operation, person.anchor, new=NEW, current=person.password, unlock=True)
        report = carried_out(connector, order)
        assert (report.outcome, report.reason, report.steps) == (Outcome.FAILED, Reason.DISABLED, {})
    ds389_server.write(person.dn, "nsAccountLock")
    assert ds389_server.binds(person.dn, person.password)


def test_a_password_made_of_the_persons_own_name(ds389_server: LdapServer) -> None:
    person, connector = ds389_server.somebody(), connector_for(ds389_server.access())
    with refused(Reason.COMPLEXITY, "19"):
        connector.set_password(connector.find(person.anchor), f"X-{person.uid}-9-y")


def test_a_password_of_too_few_kinds_of_characters(ds389_server: LdapServer) -> None:
    person, connector = ds389_server.somebody(), connector_for(ds389_server.access())
    with refused(Reason.COMPLEXITY, "19"):
        connector.set_password(connector.find(person.anchor), "xyzzyxyzzyxyzzy")


def test_where_the_policy_cannot_be_read_the_reasons_are_vaguer() -> None:
    with ds389(people=2, policy_readable=False) as server:
        person, connector = server.somebody(), connector_for(server.access())
        assert connector.probe().warnings == ("policy_unreadable",)
        entry = connector.find(person.anchor)
        assert entry.tries_left == 3
        connector.set_password(entry, NEW)
        with refused(Reason.COMPLEXITY):
            connector.set_password(entry, "Xyz-777")
        with refused(Reason.NOT_SUPPORTED):
            connector.require_change(entry)


def test_a_password_that_is_too_young(strict_ds389: LdapServer) -> None:
    person, connector = strict_ds389.somebody(), connector_for(strict_ds389.access())
    connector.set_password(connector.find(person.anchor), NEW)
    with refused(Reason.TOO_YOUNG, "19 ppolicy 7"):
        connector.set_password(connector.find(person.anchor), "Another-Xyzzy-78", NEW)
    assert connector.find(person.anchor).tries_left is None


def test_an_expired_password_can_be_changed_by_whoever_knows_it(strict_ds389: LdapServer) -> None:
    person, connector = strict_ds389.somebody(), connector_for(strict_ds389.access())
    strict_ds389.write(person.dn, "passwordExpirationTime", "20200101000000Z")
    entry = connector.find(person.anchor)
    assert entry.is_password_expired
    with refused(Reason.PASSWORD_EXPIRED, "49 ppolicy 0"):
        connector.verify(entry, person.password)
    with refused(Reason.WRONG_PASSWORD):
        connector.set_password(entry, NEW, "Not-that-one")
    connector.set_password(entry, NEW, person.password)
    until(lambda: strict_ds389.binds(person.dn, NEW))  # 389 says yes a moment before it writes the new expiry


def test_a_must_change_that_the_policy_ignores_is_said_to_be_impossible(strict_ds389: LdapServer) -> None:
    person, connector = strict_ds389.somebody(), connector_for(strict_ds389.access())
    report = carried_out(connector, Order(Operation.RESET, person.anchor, new=NEW, must_change=True))
    assert report.outcome is Outcome.APPLIED
    assert report.steps == {Step.PASSWORD: StepResult.DONE, Step.MUST_CHANGE: StepResult.NOT_POSSIBLE}


def test_the_time_of_a_password_is_the_mark_where_the_server_keeps_it() -> None:
    with ds389(Rules(), people=1, config={"passwordTrackUpdateTime": "on"}) as server:
        person, connector = server.somebody(), connector_for(server.access())
        connector.set_password(connector.find(person.anchor), NEW)
        entry = connector.find(person.anchor)
        server.write(person.dn, "sn", "Renamed")
        again = connector.find(person.anchor)
        assert entry.password_set_at is not None
        assert (again.mark, again.password_set_at) == (entry.mark, entry.password_set_at)


def test_a_policy_that_lets_nobody_change_theirs() -> None:
    with ds389(people=1, config={"passwordChange": "off"}) as server:
        person, connector = server.somebody(), connector_for(server.access())
        entry = connector.find(person.anchor)
        assert entry.cannot_change
        with refused(Reason.CANNOT_CHANGE):
            connector.set_password(entry, NEW, person.password)
        assert server.binds(person.dn, person.password)


def test_an_account_without_rights_is_told_apart_from_a_person_who_moved(ds389_server: LdapServer) -> None:
    person = ds389_server.somebody()
    without, connector = (
        connector_for(ds389_server.access(account=READING_ACCOUNT)),
        connector_for(ds389_server.access()),
    )
    entry = connector.find(person.anchor)
    with refused(Reason.NO_RIGHTS):
        without.set_password(entry, NEW)
    ds389_server.rename(person.dn, f"uid=far{person.uid}", PEOPLE)
    with refused(Reason.NOT_FOUND):
        connector.set_password(entry, NEW)


def test_a_policy_of_their_own_counts_its_own_tries(ds389_server: LdapServer) -> None:
    person, connector = ds389_server.somebody(), connector_for(ds389_server.access())
    policy = f"cn=own policy,{PEOPLE}"
    rules = {"passwordLockout": "on", "passwordMaxFailure": "7", "passwordMinLength": "14", "passwordCheckSyntax": "on"}
    classes = ["top", "ldapsubentry", "passwordpolicy", "extensibleObject"]
    ds389_server.add(policy, {"objectClass": classes, "cn": "own policy"} | rules)
    ds389_server.write(person.dn, "pwdPolicySubentry", policy)
    ds389_server.fail_to_bind(person.dn)
    entry = connector.find(person.anchor)
    assert entry.tries_left == 6
    with refused(Reason.TOO_SHORT):
        connector.set_password(entry, "Xyzzy-777-abc")
