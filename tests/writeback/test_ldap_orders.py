"""Whole orders in OpenLDAP and 389: each operation, and what a repeat of it finds."""

from dataclasses import replace

import pytest

from tests.directories.ldap_server import LdapServer
from tests.writeback.asking import carried_out, refused
from writeback.connectors.base import Reason
from writeback.connectors.finding import connector_for
from writeback.connectors.orders import Operation, Order, Outcome, Step, StepResult

pytestmark = pytest.mark.directory

NEW = "Brand-new-Xyzzy-77"
NEWER = "Even-newer-Xyzzy-78"


def test_a_reset_with_unlock_and_must_change(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    directory.fail_to_bind(person.dn, 4)
    told: list[tuple[Step, StepResult]] = []
    order = Order(Operation.RESET, person.anchor, new=NEW, unlock=True, must_change=True)
    report = carried_out(connector, order, told=told)
    assert report.outcome is Outcome.APPLIED
    assert list(report.steps) == [Step.PASSWORD, Step.UNLOCK, Step.MUST_CHANGE]
    assert set(report.steps.values()) == {StepResult.DONE}
    assert told == list(report.steps.items())
    entry = connector.find(person.anchor)
    assert (entry.is_locked, entry.must_change) == (False, True)
    assert directory.binds(person.dn, NEW)
    assert not directory.binds(person.dn, person.password)


@pytest.mark.parametrize("operation", [Operation.RESET, Operation.CHANGE])
def test_a_repeat_after_success_says_applied_and_not_that_the_password_was_used(
    directory: LdapServer, operation: Operation
) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    marks: list[str] = []
    order = Order(operation, person.anchor, new=NEW, current=person.password)
    assert carried_out(connector, order, marks=marks).outcome is Outcome.APPLIED
    again = carried_out(connector, replace(order, first_mark=marks[0]))
    assert (again.outcome, again.reason) == (Outcome.APPLIED, None)
    assert again.steps == {Step.PASSWORD: StepResult.DONE}
    assert directory.binds(person.dn, NEW)


def test_a_repeat_of_an_attempt_that_never_wrote_writes(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    mark = connector.find(person.anchor).mark
    directory.fail_to_bind(person.dn)
    report = carried_out(connector, Order(Operation.RESET, person.anchor, new=NEW, first_mark=mark))
    assert report.outcome is Outcome.APPLIED
    assert directory.binds(person.dn, NEW)


def test_two_resets_within_one_second_are_told_apart(directory: LdapServer) -> None:
    """The directory's own mark has whole seconds only."""
    person, connector = directory.somebody(), connector_for(directory.access())
    connector.set_password(connector.find(person.anchor), NEW)
    marks: list[str] = []
    order = Order(Operation.RESET, person.anchor, new=NEWER)
    assert carried_out(connector, order, marks=marks).outcome is Outcome.APPLIED
    assert carried_out(connector, replace(order, first_mark=marks[0])).outcome is Outcome.APPLIED


def test_a_repeat_after_somebody_else_set_another_password(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    mark = connector.find(person.anchor).mark
    connector.set_password(connector.find(person.anchor), NEWER)
    report = carried_out(connector, Order(Operation.RESET, person.anchor, new=NEW, first_mark=mark))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.CHANGED_ELSEWHERE)
    assert directory.binds(person.dn, NEWER)


def test_a_change_and_a_rejected_one(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    short = Order(Operation.CHANGE, person.anchor, new="Xyz-777", current=person.password)
    report = carried_out(connector, short)
    assert (report.outcome, report.reason) == (Outcome.REJECTED, Reason.TOO_SHORT)
    assert carried_out(connector, replace(short, new=NEW)).outcome is Outcome.APPLIED
    used = carried_out(connector, replace(short, new=NEW, current=NEW))
    assert (used.outcome, used.reason) == (Outcome.REJECTED, Reason.IN_HISTORY)
    wrong = carried_out(connector, replace(short, new=NEWER))
    assert (wrong.outcome, wrong.reason) == (Outcome.FAILED, Reason.WRONG_PASSWORD)


def test_an_unlock_alone_and_again(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    directory.fail_to_bind(person.dn, 4)
    for result in (StepResult.DONE, StepResult.NOT_NEEDED):
        report = carried_out(connector, Order(Operation.UNLOCK, person.anchor))
        assert (report.outcome, report.steps) == (Outcome.APPLIED, {Step.UNLOCK: result})
    assert directory.binds(person.dn, person.password)


def test_credentials_are_verified_until_the_lock_comes_near(directory: LdapServer) -> None:
    person, connector = directory.somebody(), connector_for(directory.access())
    right = Order(Operation.VERIFY, person.anchor, current=person.password)
    wrong = replace(right, current=NEWER)
    assert carried_out(connector, right).outcome is Outcome.APPLIED
    reasons = [carried_out(connector, wrong).reason for _attempt in range(4)]
    near = [Reason.TOO_FEW_TRIES] * 2
    assert reasons == [Reason.WRONG_PASSWORD, Reason.WRONG_PASSWORD, *near]
    assert directory.binds(person.dn, person.password)


def test_nobody_is_there(directory: LdapServer) -> None:
    report = carried_out(connector_for(directory.access()), Order(Operation.RESET, "nobody", new=NEW))
    assert (report.outcome, report.reason, report.steps) == (Outcome.FAILED, Reason.NOT_FOUND, {})


@pytest.mark.parametrize("anchor", ["00000000-0000-4000-8000-000000000000", ""])
def test_e2_a_name_nobody_has_costs_a_bind_that_is_refused(directory: LdapServer, anchor: str) -> None:
    connector = connector_for(directory.access())
    with refused(Reason.WRONG_PASSWORD):
        connector.verify_nobody(NEW)
    report = carried_out(connector, Order(Operation.VERIFY, anchor, current=NEW))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.NOT_FOUND)
