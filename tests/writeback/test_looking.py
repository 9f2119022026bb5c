"""The worker looks at directories that this server reaches, so that people hear it first when one is away."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.reset.in_directory import North, make_north
from writeback import looking
from writeback.models import Connector


@pytest.fixture
def north(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> North:
    made = make_north(acme, monkeypatch)
    monkeypatch.setattr(looking, "connector_for", made.memory.connector_for)
    monkeypatch.setattr(looking, "is_installed", lambda: True)
    return made


def row() -> Connector:
    with scopes_disabled():
        return Connector.objects.select_related("tenant", "directory").get()


def test_what_is_found_is_kept(north: North) -> None:
    north.set(reached_at=None, looked_at=None)
    now = timezone.now()
    with scopes_disabled():
        assert looking.look(row(), now) == ""
    assert row().was_reached(now)
    assert row().seen["server"] == "memory"


def test_a_directory_that_is_away_is_said_to_be_and_what_was_known_stays(north: North) -> None:
    now = timezone.now()
    with scopes_disabled():
        looking.look(row(), now)
        north.memory.is_away = True
        assert looking.look(row(), now) == "unreachable: -1"
    assert not row().was_reached(now)
    assert row().seen["vendor"] == "tests"


def test_a_look_that_is_under_way_takes_nothing_back(north: North) -> None:
    now = timezone.now()
    north.set(looked_at=now, reached_at=now - timedelta(seconds=20))
    assert row().was_reached(now)


def test_a_look_is_good_for_a_minute(north: North) -> None:
    now = timezone.now()
    north.set(looked_at=now, reached_at=now - timedelta(seconds=61))
    assert not row().was_reached(now)


@pytest.mark.django_db(transaction=True)
def test_each_directory_is_looked_at_by_one_worker_when_it_is_due(north: North) -> None:
    now = timezone.now()
    north.set(looked_at=now)
    assert looking.look_at_due(now + timedelta(seconds=14)) == 0
    north.set(looked_at=now - timedelta(seconds=15))
    assert looking.look_at_due(now) == 1
    assert looking.look_at_due(now + timedelta(seconds=1)) == 0


def test_what_agents_reach_or_the_operator_forbids_is_not_looked_at(north: North, acme: Tenant) -> None:
    north.set(looked_at=None, way=Connector.Way.AGENTS)
    assert looking.look_at_due() == 0
    north.set(way=Connector.Way.DIRECT)
    acme.may_connect_directly = False
    acme.save()
    assert looking.look_at_due() == 0


def test_a_directory_that_is_not_set_up_is_away_with_a_sentence(north: North) -> None:
    north.set(base_dn="")
    with scopes_disabled():
        assert looking.look(row()) == "The base DN or the service account is missing."
    assert not row().was_reached(timezone.now())
