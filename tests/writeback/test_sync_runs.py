"""One run of a connector at a time; one that is cut short at any point is simply run again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import GroupMembership, Tenant, User
from accounts.tenants import opened
from tests.writeback.directory import FakeDirectory, bring_in, make_connector, members
from writeback.connectors.base import DirectoryError, Reason
from writeback.models import Connector, SyncRun
from writeback.sync import Busy, LeaseLost, due, leases, pages, people
from writeback.sync.tasks import sync_due

Status = SyncRun.Status


def statuses(tenant: Tenant) -> list[str]:
    with opened(tenant):
        return list(SyncRun.objects.order_by("created_at").values_list("status", flat=True))


def test_two_runs_at_once_are_one_and_a_refusal(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    with opened(acme):
        leases.begin(connector, Status.RUNNING, True)
    with pytest.raises(Busy):
        bring_in(connector, corp)
    assert bring_in(make_connector(acme, "Second"), corp).is_full


def test_a_run_whose_process_died_gives_way_when_its_lease_is_over(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    with opened(acme):
        dead = leases.begin(connector, Status.RUNNING, True)
        SyncRun.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    bring_in(connector, corp)
    assert statuses(acme) == ["abandoned", "done"]
    with opened(acme), pytest.raises(LeaseLost):
        leases.renew(dead)


def test_who_lost_the_lease_writes_nothing_more(
    acme: Tenant, connector: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PEOPLE_AT_ONCE", 1)
    corp.put("a1")
    corp.put("a2")

    def lose(phase: str, done: int, _total: int | None) -> None:
        if (phase, done) == ("people", 1):
            SyncRun.objects.update(status=Status.ABANDONED)

    with pytest.raises(LeaseLost):
        bring_in(connector, corp, progress=lose)
    with opened(acme):
        assert User.objects.count() == 1
        assert Connector.objects.get().sync_mark == ""


@pytest.mark.parametrize("step", range(1, 12))
def test_cut_short_anywhere_it_is_run_again_to_the_same_end(
    acme: Tenant, connector: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(pages, "PEOPLE_AT_ONCE", 2)
    for number in range(6):
        corp.put(f"a{number}", mobile_phone=f"+49 151123456{number:02d}")
    corp.put_group("g", "Sales", "a0", "a5")
    left = iter(range(step))
    renew = leases.renew

    def cut(run: SyncRun, now: Any = None) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        renew(run, now)

    monkeypatch.setattr(leases, "renew", cut)
    try:
        bring_in(connector, corp)
    except KeyboardInterrupt:
        assert statuses(acme) == ["failed"]
    monkeypatch.setattr(leases, "renew", renew)
    result = bring_in(connector, corp)
    assert result.added + result.unchanged in (6, 0)
    assert members(acme, "Sales") == {"a0", "a5"}
    with opened(acme):
        assert (User.objects.count(), GroupMembership.objects.count()) == (6, 2)


def test_a_directory_that_breaks_off_changes_nothing_and_says_why(
    acme: Tenant, connector: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.put("a1")

    def broken(_since: str | None) -> Any:
        raise DirectoryError(Reason.UNREACHABLE, "gone")

    monkeypatch.setattr(corp, "groups", broken)
    with pytest.raises(DirectoryError):
        bring_in(connector, corp)
    with opened(acme):
        assert not User.objects.exists()
        assert "unreachable" in Connector.objects.get().sync_result["problem"]
    monkeypatch.undo()
    bring_in(connector, corp)
    with opened(acme):
        assert "problem" not in Connector.objects.get().sync_result


def test_only_a_whole_run_moves_the_mark(
    acme: Tenant, connector: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    corp.put("a1")
    monkeypatch.setattr(people.People, "settle", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring_in(connector, corp)
    with opened(acme):
        assert (Connector.objects.get().sync_mark, Connector.objects.get().synced_at) == ("", None)


# --- by itself --------------------------------------------------------------------------------------------------------


@pytest.fixture
def direct(acme: Tenant) -> Connector:
    Tenant.objects.filter(pk=acme.pk).update(may_connect_directly=True)
    return make_connector(acme, way=Connector.Way.DIRECT)


def test_a_directory_is_due_after_its_minutes(acme: Tenant, direct: Connector) -> None:
    now = timezone.now()
    assert due.due(now) == [direct.pk]
    with opened(acme):
        Connector.objects.update(synced_at=now - timedelta(minutes=29))
        assert due.due(now) == []
        Connector.objects.update(synced_at=now - timedelta(minutes=31))
        assert due.due(now) == [direct.pk]


@pytest.mark.parametrize("change", [{"way": "agents"}, {"sync_is_on": False}])
def test_others_are_not(acme: Tenant, direct: Connector, change: dict[str, Any]) -> None:
    with opened(acme):
        Connector.objects.update(**change)
    assert due.due() == []


@pytest.mark.parametrize("change", [{"may_connect_directly": False}, {"is_active": False}])
def test_nor_those_of_tenants_that_may_not(acme: Tenant, direct: Connector, change: dict[str, Any]) -> None:
    Tenant.objects.filter(pk=acme.pk).update(**change)
    assert due.due() == []


def test_a_directory_that_cant_be_reached_is_asked_again_after_five_minutes(acme: Tenant, direct: Connector) -> None:
    assert due.bring_in(direct.pk) is None
    with opened(acme):
        assert Connector.objects.get().sync_result["problem"] == "No server is named."
    assert due.due() == []
    assert due.due(timezone.now() + timedelta(minutes=6)) == [direct.pk]


def test_the_task_publishes_one_for_each_and_the_worker_does_it(
    acme: Tenant, direct: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr("writeback.sync.tasks.publish", lambda *given: told.append(given))
    monkeypatch.setattr(due, "source_of", lambda _: corp)
    sync_due()
    assert told == [("writeback.tasks.sync_connector", str(direct.pk), "bulk")]
    corp.put("a1")
    result = due.bring_in(direct.pk)
    assert result is not None
    assert (result.added, due.due()) == (1, [])


def test_old_runs_are_forgotten(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    bring_in(connector, corp)
    assert due.prune() == 0
    assert due.prune(timezone.now() + timedelta(days=31)) == 1
