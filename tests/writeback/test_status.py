"""Six sentences on how a directory is doing, from rows alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Directory, Tenant
from writeback.models import Agent, Connector
from writeback.status import State, Status, is_old, is_too_old, status_of, warnings_of

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.get_default_timezone())
APPROVED = Agent.Status.APPROVED


def direct(**fields: Any) -> Connector:
    known: dict[str, Any] = {
        "servers": "ldaps://dc1.acme.example", "base_dn": "dc=x", "account": "cn=svc,dc=x", "sealed_password": b"sealed",
        "looked_at": NOW, "reached_at": NOW,
    }  # fmt: skip
    tenant = Tenant(pk=1, may_connect_directly=True)
    return Connector(tenant=tenant, directory=Directory(pk=1), way=Connector.Way.DIRECT, **{**known, **fields})


def agent(**fields: Any) -> Agent:
    known: dict[str, Any] = {"status": APPROVED, "seen_at": NOW, "is_reaching": True, "version": "1.0.0"}
    return Agent(**{**known, **fields})


def of(connector: Connector, *agents: Agent) -> Status:
    return status_of(connector, agents, NOW)


def through(*agents: Agent) -> Status:
    return of(Connector(tenant=Tenant(pk=1), way=Connector.Way.AGENTS), *agents)


def test_a_directory_that_was_reached_just_now_is_up_and_running() -> None:
    assert (of(direct()).state, of(direct()).tone, of(direct()).sentence) == (State.RUNNING, "good", "Up and running.")
    assert through(agent()).state == State.RUNNING


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"servers": ""}, "No server is named."),
        ({"base_dn": ""}, "base DN"),
        ({"account": ""}, "service account is missing"),
        ({"sealed_password": b""}, "password is missing"),
        ({"answer": "not_trusted: 0x51"}, "certificate is not trusted"),
        ({"answer": "no_rights: 50"}, "lacks the right"),
        ({"answer": "The base DN or the service account is missing."}, "base DN"),
    ],
)
def test_what_is_not_set_up_properly_is_named(missing: dict[str, Any], named: str) -> None:
    status = of(direct(**missing))
    assert status.state == State.NOT_SET_UP
    assert named in status.hint


def test_without_the_operators_word_the_direct_way_is_not_set_up() -> None:
    connector = direct()
    connector.tenant.may_connect_directly = False
    assert of(connector).state == State.NOT_SET_UP


def test_a_directory_that_does_not_answer_is_shown_with_its_raw_code() -> None:
    status = of(direct(answer="unreachable: 0x5b connect error", reached_at=None))
    assert (status.state, status.code) == (State.UNREACHABLE, "unreachable: 0x5b connect error")


@pytest.mark.parametrize("looked_at", [None, NOW - timedelta(minutes=2)])
def test_where_no_worker_looks_it_may_be_our_side(looked_at: datetime | None) -> None:
    assert of(direct(looked_at=looked_at)).state == State.OUR_SIDE


def test_a_worker_that_lacks_the_library_is_our_side() -> None:
    assert of(direct(answer="not_supported: python-ldap is not installed", reached_at=None)).state == State.OUR_SIDE


def test_without_an_approved_agent_it_is_not_set_up() -> None:
    assert through().state == State.NOT_SET_UP
    assert through(agent(status=Agent.Status.PENDING)).state == State.NOT_SET_UP
    assert through(agent(seen_at=None)).state == State.NOT_SET_UP


def test_an_old_agent_is_said_and_a_much_older_one_believed_nothing() -> None:
    assert through(agent(version="0.9.9")).state == State.TOO_OLD
    assert through(agent(version="")).state == State.TOO_OLD
    assert through(agent(), agent(version="0.9.9")).state == State.OLD_VERSION


def test_agents_that_do_not_reach_it_say_why() -> None:
    status = through(agent(is_reaching=False, report={"answer": "unreachable: 0x5b"}))
    assert (status.state, status.code) == (State.UNREACHABLE, "unreachable: 0x5b")
    assert through(agent(is_reaching=False, report={"answer": "not_trusted: x"})).state == State.NOT_SET_UP


def test_a_silent_agent_is_its_own_trouble_and_several_at_once_are_ours() -> None:
    long_ago = NOW - timedelta(minutes=9)
    assert through(agent(seen_at=long_ago)).state == State.UNREACHABLE
    assert through(agent(seen_at=long_ago), agent(seen_at=long_ago + timedelta(seconds=9))).state == State.OUR_SIDE
    assert through(agent(seen_at=long_ago), agent(seen_at=NOW - timedelta(minutes=2))).state == State.UNREACHABLE
    assert through(agent(seen_at=long_ago), agent()).state == State.RUNNING


@pytest.mark.parametrize(
    ("version", "old", "too_old"),
    [("1.0.0", False, False), ("2.0.0", False, False), ("0.9", True, True), ("x", True, True), ("1", True, False)],
)
def test_versions_compare_by_their_numbers(version: str, old: bool, too_old: bool) -> None:
    assert (is_old(version), is_too_old(version)) == (old, too_old)


def test_warnings_and_what_it_can_not_do_are_said_in_words() -> None:
    seen = {"warnings": ["no_password_policy", "new_one"], "capabilities": {"unlocks": True, "requires_change": False}}
    assert warnings_of(direct(seen=seen)) == [
        "The directory has no password policy, and so no lock after wrong passwords.",
        "new_one",
        "This directory can't ask for a new password at the next sign-in.",
    ]
