"""People and groups through an agent: asked for by the server, read and sent by the agent, brought in once all is there."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.agents.conftest import make_connector
from tests.agents.far_side import FarSide
from tests.writeback.directory import FakeDirectory, members, names
from writeback.agent import bringing_in, protocol
from writeback.agent.client import Client, NotReached, NotTaken, NotThere
from writeback.agent_api.refusals import NotAllowed, NotFound
from writeback.connectors.base import Access, DirectoryError, Kind, Reason
from writeback.connectors.reading import Mapping
from writeback.models import Connector, SyncRun

ACCESS = Access(Kind.OPENLDAP, (), "dc=acme", "cn=rekey", "secret")
LOOK = {
    "version": "1.0.0",
    "reachable": True,
    "server": "ldaps://dc1",
    "vendor": "In memory",
    "capabilities": {},
    "warnings": [],
    "honours_history": True,
    "answer": "",
}
USUAL: dict[str, Any] = {"since": None, "attributes": {}, "people_filter": "", "groups_filter": ""}


class Through(Client):
    """The agent's client, which reaches the server's functions without a network; `loses` are lost before they arrive."""

    def __init__(self, far: FarSide, *loses: str) -> None:
        self.far, self.loses = far, list(loses)

    def ask(self, name: str, content: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
        if name in self.loses:
            self.loses.remove(name)
            raise NotReached("lost")
        try:
            return self.far.says(name, **content)
        except NotFound:
            raise NotThere from None
        except NotAllowed as error:
            raise NotTaken(str(error)) from None


@pytest.fixture
def corp(monkeypatch: pytest.MonkeyPatch) -> FakeDirectory:
    directory = FakeDirectory()
    for number in range(3):
        directory.put(f"person{number}")
    directory.put_group("staff", "Staff", "person0", "person1")

    def reader(_access: Access, mapping: Mapping | None) -> FakeDirectory:
        assert mapping is not None
        return directory

    monkeypatch.setattr(bringing_in, "reader_for", reader)
    return directory


def wanted(far: FarSide) -> Any:
    return far.says(protocol.HEARTBEAT, **LOOK)["sync"]


def test_what_the_directory_holds_comes_in(far: FarSide, acme: Tenant, corp: FakeDirectory) -> None:
    assert bringing_in.bring_in(Through(far), ACCESS, wanted(far))
    assert names(acme) == [f"person{number}@acme.example" for number in range(3)]
    assert members(acme, "Staff") == {"person0", "person1"}


def test_it_is_asked_for_when_it_is_time_and_then_for_changes_alone(
    far: FarSide, acme: Tenant, office: Connector, corp: FakeDirectory
) -> None:
    assert wanted(far) == USUAL
    bringing_in.bring_in(Through(far), ACCESS, wanted(far))
    assert wanted(far) is None
    with scopes_disabled():
        Connector.objects.filter(pk=office.pk).update(synced_at=timezone.now() - timedelta(hours=1))
    corp.put("newcomer")
    assert wanted(far)["since"] == "4"
    assert bringing_in.bring_in(Through(far), ACCESS, wanted(far))
    assert "newcomer@acme.example" in names(acme)
    with scopes_disabled():
        assert [run.is_full for run in SyncRun.objects.order_by("created_at")] == [True, False]


@pytest.mark.parametrize("changes", [{"sync_is_on": False}, {"way": Connector.Way.DIRECT}])
def test_it_is_not_asked_for_where_nobody_wants_it(
    changes: dict[str, Any], far: FarSide, office: Connector, corp: FakeDirectory
) -> None:
    with scopes_disabled():
        Connector.objects.filter(pk=office.pk).update(**changes)
    assert wanted(far) is None
    assert not bringing_in.bring_in(Through(far), ACCESS, USUAL)


def test_one_agent_at_a_time_brings_in(far: FarSide, office: Connector, corp: FakeDirectory) -> None:
    second = FarSide.approved(office, "two")
    far.says(protocol.SYNC_BEGIN, full=True, mark="1")
    assert wanted(second) is None
    assert not bringing_in.bring_in(Through(second), ACCESS, USUAL)


def test_a_page_that_got_lost_is_sent_again(far: FarSide, acme: Tenant, corp: FakeDirectory) -> None:
    assert bringing_in.bring_in(Through(far, protocol.SYNC_PAGE, protocol.SYNC_PAGE), ACCESS, USUAL)
    assert len(names(acme)) == 3


def test_a_server_that_stays_away_gets_it_another_time(far: FarSide, acme: Tenant, corp: FakeDirectory) -> None:
    assert not bringing_in.bring_in(Through(far, *[protocol.SYNC_PAGE] * 3), ACCESS, USUAL)
    assert names(acme) == []


def test_a_mark_that_leads_nowhere_makes_it_read_everything(
    far: FarSide, acme: Tenant, office: Connector, corp: FakeDirectory
) -> None:
    corp.knows_marks = False
    assert bringing_in.bring_in(Through(far), ACCESS, USUAL | {"since": "3"})
    assert len(names(acme)) == 3


def test_a_directory_that_cant_be_read_is_outlived(
    far: FarSide, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> str:
        raise DirectoryError(Reason.UNREACHABLE)

    monkeypatch.setattr(corp, "mark", away)
    assert not bringing_in.bring_in(Through(far), ACCESS, USUAL)


@pytest.mark.parametrize(
    "asked",
    [
        {"attributes": {"mail": "userPassword"}},
        {"attributes": {"mail": "unicodePwd"}},
        {"attributes": {"mail": "ms-Mcs-AdmPwd"}},
        {"attributes": {"mail": "msLAPS-EncryptedPassword"}},
        {"attributes": {"mail": "krbPrincipalKey"}},
        {"attributes": {"shoe_size": "mail"}},
        {"attributes": []},
        {"since": 7},
        {"people_filter": None},
    ],
)
def test_a_server_that_asks_for_secrets_or_nonsense_gets_nothing(
    asked: dict[str, Any], far: FarSide, corp: FakeDirectory
) -> None:
    with pytest.raises(protocol.Malformed):
        bringing_in.understood(USUAL | asked)
    assert not bringing_in.bring_in(Through(far), ACCESS, USUAL | asked)


def test_q5_runs_of_others_are_as_if_they_were_not(far: FarSide, globex: Tenant) -> None:
    other = FarSide.approved(make_connector(globex, "Elsewhere"))
    run = far.says(protocol.SYNC_BEGIN, full=True, mark="1")["run"]
    for name, content in ((protocol.SYNC_PAGE, {"number": 1, "records": []}), (protocol.SYNC_FINISH, {})):
        with pytest.raises(NotFound):
            other.says(name, run=run, **content)


@pytest.mark.parametrize("records", [None, {}, [7], [{"kind": "secret"}], [{"kind": "person"}]])
def test_pages_that_are_none_are_malformed(records: Any, far: FarSide) -> None:
    run = far.says(protocol.SYNC_BEGIN, full=True, mark="1")["run"]
    with pytest.raises(protocol.Malformed):
        far.says(protocol.SYNC_PAGE, run=run, number=1, records=records)


def test_people_outside_of_the_agents_limit_stay_out(far: FarSide, acme: Tenant, corp: FakeDirectory) -> None:
    inside = next(iter(corp.people(None))).dn
    assert bringing_in.bring_in(Through(far), ACCESS, wanted(far), limit_dn=inside)
    assert names(acme) == ["person0@acme.example"]
