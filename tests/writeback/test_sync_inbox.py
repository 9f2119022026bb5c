"""What an agent sends in pages: in any order, twice, half of it, too much of it, or not its own."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Tenant, User
from accounts.tenants import opened
from tests.writeback.directory import FakeDirectory, conflicts, make_connector, members, names
from writeback.connectors.reading import GroupEntry, Person
from writeback.connectors.records import (
    BadRecord,
    Record,
    anchor_pages,
    anchors_record,
    group_pages,
    group_records,
    people_pages,
    person_record,
    read_page,
)
from writeback.models import Agent, Connector, SyncPage, SyncRun
from writeback.sync import Busy, Result, TooManyDisabled, inbox
from writeback.sync.inbox import FullWanted, Incomplete, NoSuchRun, TooMuch


@pytest.fixture
def agent(acme: Tenant, connector: Connector) -> Agent:
    return make_agent(connector, "one")


def make_agent(connector: Connector, name: str) -> Agent:
    with opened(connector.tenant):
        return Agent.objects.create(tenant=connector.tenant, connector=connector, name=name, status="approved")


def pages_of(corp: FakeDirectory, since: str | None = None, size: int = 2) -> Iterator[list[Record]]:
    """As they arrive: through JSON."""
    for page in [*people_pages(corp.people(since), size), *group_pages(corp.groups(since), size)]:
        yield json.loads(json.dumps(page))


def send(agent: Agent, connector: Connector, corp: FakeDirectory, since: str | None = None) -> Result:
    run = inbox.begin(agent, connector, since is None, corp.mark())
    sent = list(enumerate(pages_of(corp, since), start=1))
    for number, page in reversed(sent):
        inbox.add(run, number, page, agent)
        inbox.add(run, number, page, agent)
    return inbox.finish(run, agent)


def test_what_an_agent_sends_comes_in_as_if_it_were_read_here(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory
) -> None:
    for number in range(5):
        corp.put(f"a{number}", mobile_phone="+49 15112345647")
    corp.put_group("g", "Sales", "a0", "a1", "a4")
    result = send(agent, connector, corp)
    assert (result.added, result.memberships, result.is_full) == (5, 3, True)
    assert members(acme, "Sales") == {"a0", "a1", "a4"}
    with opened(acme):
        assert not SyncPage.objects.exists()
        assert Connector.objects.get().sync_mark == corp.mark()
    since = corp.mark()
    corp.put("a1", given_name="New")
    result = send(agent, connector, corp, since)
    assert (result.is_full, result.read, result.changed) == (False, 1, 1)


def test_pages_are_sealed_while_they_wait(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory
) -> None:
    corp.put("a1", given_name="Geheimrat")
    run = inbox.begin(agent, connector, True, "1")
    inbox.add(run, 1, next(pages_of(corp)), agent)
    with opened(acme):
        assert b"Geheimrat" not in bytes(SyncPage.objects.get().sealed)
        assert not User.objects.exists()


def test_with_a_page_missing_nothing_happens_until_it_comes(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory
) -> None:
    for number in range(5):
        corp.put(f"a{number}")
    first, second, third = pages_of(corp)
    run = inbox.begin(agent, connector, True, "1")
    inbox.add(run, 1, first, agent)
    inbox.add(run, 3, third, agent)
    with pytest.raises(Incomplete):
        inbox.finish(run, agent)
    assert names(acme) == []
    inbox.add(run, 2, second, agent)
    assert inbox.finish(run, agent).added == 5
    with pytest.raises(NoSuchRun):
        inbox.finish(run, agent)


def test_an_agent_that_starts_anew_drops_what_it_sent_before_and_another_one_waits(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory
) -> None:
    corp.put("a1")
    first = inbox.begin(agent, connector, True, "1")
    inbox.add(first, 1, next(pages_of(corp)), agent)
    with pytest.raises(Busy):
        inbox.begin(make_agent(connector, "two"), connector, True, "1")
    second = inbox.begin(agent, connector, True, "1")
    with pytest.raises(NoSuchRun):
        inbox.add(first, 2, [], agent)
    assert inbox.finish(second, agent).read == 0


def test_another_agents_and_another_tenants_runs_are_not_there(
    acme: Tenant, globex: Tenant, connector: Connector, agent: Agent
) -> None:
    run = inbox.begin(agent, connector, True, "1")
    theirs = make_agent(make_connector(globex), "theirs")
    for stranger in (theirs, make_agent(connector, "two")):
        with pytest.raises(NoSuchRun):
            inbox.add(run, 1, [], stranger)
        with pytest.raises(NoSuchRun):
            inbox.finish(run, stranger)
    with pytest.raises(NoSuchRun):
        inbox.begin(theirs, connector, True, "1")
    with pytest.raises(NoSuchRun):
        inbox.add(uuid4(), 1, [], agent)


def test_changes_alone_are_refused_where_everything_is_wanted(connector: Connector, agent: Agent) -> None:
    with pytest.raises(FullWanted):
        inbox.begin(agent, connector, False, "1")


def test_a_run_holds_so_much_and_no_more(
    connector: Connector, agent: Agent, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.put("a1")
    page = next(pages_of(corp))
    run = inbox.begin(agent, connector, True, "1")
    for number in (0, inbox.MOST_PAGES + 1):
        with pytest.raises(TooMuch):
            inbox.add(run, number, page, agent)
    inbox.add(run, 1, page, agent)
    monkeypatch.setattr(inbox, "MOST_BYTES", 200)
    with pytest.raises(TooMuch):
        inbox.add(run, 2, page, agent)
    monkeypatch.setattr(inbox, "MOST_PAGE_BYTES", 10)
    with pytest.raises(TooMuch):
        inbox.add(run, 3, page, agent)


def test_the_guard_holds_for_agents_too_and_erases_what_came(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory
) -> None:
    for number in range(10):
        corp.put(f"a{number}")
    send(agent, connector, corp)
    for number in range(9):
        corp.delete(f"a{number}")
    with pytest.raises(TooManyDisabled):
        send(agent, connector, corp)
    with opened(acme):
        assert User.objects.filter(is_enabled=True).count() == 10
        assert not SyncPage.objects.exists()
        assert SyncRun.objects.filter(status="stopped").count() == 1


def test_anchors_alone_say_who_is_gone(acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory) -> None:
    corp.put("a1")
    corp.put("a2")
    send(agent, connector, corp)
    corp.delete("a1")
    run = inbox.begin(agent, connector, False, corp.mark())
    for number, page in enumerate(anchor_pages(corp.anchors()), start=1):
        inbox.add(run, number, page, agent)
    assert inbox.finish(run, agent).gone == 1


# --- records ----------------------------------------------------------------------------------------------------------

ANN = Person("a1", "cn=ann", {"principal_name": "ann@acme.example"}, False, "Domain Admins", True)


def test_records_come_back_as_they_went() -> None:
    group = GroupEntry("g", "cn=g", "Sales", tuple(f"cn={number}" for number in range(2500)))
    records = [person_record(ANN), *group_records(group), anchors_record(["a1"])]
    page = read_page(json.loads(json.dumps(records)))
    assert (page.people, page.anchors) == ((ANN,), ("a1",))
    assert [len(part.members) for part in page.groups] == [1000, 1000, 500]
    assert {part.anchor for part in page.groups} == {"g"}


def test_pages_of_groups_are_bounded_by_members() -> None:
    groups = [GroupEntry(str(number), f"cn={number}", "G", ("cn=x",) * 400) for number in range(5)]
    assert [len(page) for page in group_pages(groups)] == [2, 2, 1]
    assert list(anchor_pages([])) == [[anchors_record([])]]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "printer"},
        {"anchor": ""},
        {"anchor": "x" * 101},
        {"anchor": 7},
        {"dn": None},
        {"dn": "cn=\0"},
        {"dn": "cn=\ud800"},
        {"fields": []},
        {"fields": {"mail": 1}},
        {"fields": {"mail": "x" * 1001}},
        {"enabled": "yes"},
        {"protected": True},
    ],
)
def test_what_is_no_record_is_refused_without_repeating_it(change: dict[str, Any]) -> None:
    with pytest.raises(BadRecord):
        read_page([person_record(ANN) | change])


@pytest.mark.parametrize("page", [{}, None, "x", [1], [[]], [{"kind": "anchors"}], [{"kind": "group", "anchor": "g"}]])
def test_nor_is_a_page_of_anything_else(page: Any) -> None:
    with pytest.raises(BadRecord):
        read_page(page)


def test_fields_nobody_knows_are_ignored() -> None:
    record = person_record(ANN) | {"later": 1}
    record["fields"]["shoe_size"] = "42"
    assert read_page([record]).people == (ANN,)


def test_conflicts_of_what_an_agent_sends_are_kept(
    acme: Tenant, connector: Connector, agent: Agent, corp: FakeDirectory, alice: User
) -> None:
    corp.put("a1", "alice")
    assert send(agent, connector, corp).conflicts == 1
    assert conflicts(connector) == {"a1": "name_taken"}
