"""Looking at directories: one that hangs holds up nobody else's."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Tenant
from tests.conftest import make_tenant
from tests.writeback.directory import make_connector
from writeback import looking
from writeback.models import Connector
from writeback.models.connectors import LOOK_EVERY


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], Event, Event]]:
    """The names looked at; set when the last of them was; and what lets those go that hang."""
    seen: list[str] = []
    done, release = Event(), Event()

    def look(connector: Connector) -> None:
        seen.append(connector.directory.name)
        if connector.directory.name.startswith("hanging"):
            release.wait(10)
        else:
            done.set()

    monkeypatch.setattr(looking, "is_installed", lambda: True)
    monkeypatch.setattr(looking, "LOOKS", looking._Looks())
    monkeypatch.setattr(looking, "look", look)
    yield seen, done, release
    release.set()


def direct(tenant: Tenant, *names: str) -> None:
    tenant.may_connect_directly = True
    tenant.save()
    for name in names:
        make_connector(tenant, name, way=Connector.Way.DIRECT)


def test_a_directory_that_hangs_makes_no_other_look_away(acme: Tenant, looked: Any) -> None:
    """Neither one organisation's own nor another's: what nobody looks at for a minute counts as away."""
    seen, done, _release = looked
    other = make_tenant("globex", "globex.example")
    direct(acme, *(f"hanging {number}" for number in range(looking.AT_ONCE_OF_ONE_TENANT + 4)))
    direct(other, "Globex")
    now = timezone.now()
    looking.look_at_due(now)
    assert done.wait(5)
    assert len(seen) == looking.AT_ONCE_OF_ONE_TENANT + 1
    done.clear()
    looking.look_at_due(now + LOOK_EVERY)
    assert done.wait(5)
    assert seen.count("Globex") == 2
    assert seen.count("hanging 0") == 1
