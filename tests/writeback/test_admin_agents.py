"""Agents in the console: invited, compared, approved and cut off by global administrators with a fresh proof."""

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from accounts import boxes
from accounts.audit import Activity
from accounts.models import AuditEvent, Tenant
from accounts.roles import Role
from accounts.tenants import opened
from tests.administrators import make_administrator, signed_in
from tests.writeback.consoles import page_of, told
from tests.writeback.directory import make_connector
from writeback import agents
from writeback.agents import PublicKeys
from writeback.models import Agent, Connector

BOSS = "boss@acme.example"
CODE = re.compile(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){4}")


@pytest.fixture
def connector(acme: Tenant) -> Connector:
    return make_connector(acme, way=Connector.Way.AGENTS)


@pytest.fixture
def console(acme: Tenant) -> Client:
    make_administrator(acme, "other@acme.example")
    return signed_in(make_administrator(acme, BOSS))


def enrolled(connector: Connector, name: str = "dc1") -> Agent:
    _agent, code = agents.invite(connector, name, None, timezone.now())
    signing = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    keys = PublicKeys(boxes.PrivateKey.generate().public, signing)
    return agents.enrol(code, keys, "1.0.0", timezone.now())


def page(agent: Agent, which: str) -> str:
    return f"/admin/writeback/agent/{agent.pk}/{which}/"


def again(agent: Agent) -> Agent:
    with opened(agent.tenant):
        return Agent.objects.get(pk=agent.pk)


def test_the_code_is_shown_once_with_what_to_type(acme: Tenant, console: Client, connector: Connector) -> None:
    answer = console.post(page_of(connector.directory, "invite"), {"name": "dc1"})
    body = answer.content.decode()
    assert len(CODE.findall(body)) == 1
    assert "python -m writeback.agent enrol" in body
    assert "no-store" in answer["Cache-Control"]
    with opened(acme):
        agent = Agent.objects.get()
        [event] = AuditEvent.objects.filter(activity=Activity.AGENT_INVITED)
    assert event.actor_name == BOSS
    for address in (page_of(connector.directory), page(agent, "change"), "/admin/writeback/agent/"):
        assert not CODE.search(console.get(address).content.decode())
    assert told(acme) == 1


def test_a_name_that_an_agent_has_is_refused(console: Client, connector: Connector) -> None:
    enrolled(connector, "dc1")
    body = console.post(page_of(connector.directory, "invite"), {"name": "dc1"}).content.decode()
    assert "Choose another one." in body


def test_approving_takes_the_last_group_which_the_page_does_not_show(
    acme: Tenant, console: Client, connector: Connector
) -> None:
    agent = enrolled(connector)
    *shown, last = agent.fingerprint.split()
    body = console.get(page(agent, "approve")).content.decode()
    assert all(group in body for group in shown)
    assert f" {last}" not in body
    wrong = "0000" if last != "0000" else "1111"
    assert "not the end of this agent" in console.post(page(agent, "approve"), {"last_group": wrong}).content.decode()
    assert again(agent).status == Agent.Status.PENDING
    assert console.post(page(agent, "approve"), {"last_group": last.lower()}).status_code == 302
    with opened(acme):
        assert again(agent).approved_by is not None
    assert again(agent).status == Agent.Status.APPROVED
    assert told(acme) == 1


def test_an_agent_whose_row_was_tampered_with_is_not_approved(console: Client, connector: Connector) -> None:
    agent = enrolled(connector)
    with opened(agent.tenant):
        Agent.objects.update(mac="test1:00")
    body = console.post(page(agent, "approve"), {"last_group": agent.fingerprint.split()[-1]}).content.decode()
    assert "tampered with" in body
    assert again(agent).status == Agent.Status.PENDING


def test_only_one_that_waits_can_be_approved(console: Client, connector: Connector) -> None:
    agent = agents.invite(connector, "dc1", None, timezone.now())[0]
    answer = console.post(page(agent, "approve"), {"last_group": "0000"}, follow=True)
    assert "has enrolled and waits" in answer.content.decode()


def test_cutting_off_asks_first_and_is_told(acme: Tenant, console: Client, connector: Connector) -> None:
    agent = enrolled(connector)
    assert "cut off at once" in console.get(page(agent, "revoke")).content.decode()
    assert again(agent).status == Agent.Status.PENDING
    assert console.post(page(agent, "revoke")).status_code == 302
    assert again(agent).status == Agent.Status.REVOKED
    console.post(page(agent, "revoke"))
    assert told(acme) == 1


def test_without_a_fresh_proof_nothing_of_it_is_done(acme: Tenant, connector: Connector) -> None:
    console = signed_in(make_administrator(acme, BOSS), is_proved=False)
    agent = enrolled(connector)
    for address in (page(agent, "approve"), page(agent, "revoke"), page_of(connector.directory, "invite")):
        for method in (console.get, console.post):
            answer = method(address, {"name": "x", "last_group": agent.fingerprint.split()[-1]})
            assert answer["Location"].startswith(f"/security-info/prove/?next={address}")
    assert again(agent).status == Agent.Status.PENDING


@pytest.mark.parametrize("role", [Role.HELPDESK_ADMINISTRATOR, Role.REPORTS_READER, Role.USER_ADMINISTRATOR])
def test_others_only_look(acme: Tenant, connector: Connector, role: str) -> None:
    agent = enrolled(connector)
    desk = signed_in(make_administrator(acme, "desk@acme.example", role))
    body = desk.get(page(agent, "change")).content.decode()
    assert agent.fingerprint in body
    assert "approve" not in body.lower().replace("waits for approval", "").replace("approved", "")
    for which in ("approve", "revoke"):
        assert desk.get(page(agent, which)).status_code == 403
        assert desk.post(page(agent, which), {"last_group": agent.fingerprint[-4:]}).status_code == 403


def test_an_agent_of_another_organisation_is_not_there(globex: Tenant, connector: Connector) -> None:
    agent = enrolled(connector)
    stranger = signed_in(make_administrator(globex, "boss@globex.example"))
    for which in ("approve", "revoke"):
        assert stranger.get(page(agent, which)).status_code == 404
        assert stranger.post(page(agent, which)).status_code == 404


def test_agents_are_listed_with_their_directory_and_version(console: Client, connector: Connector) -> None:
    agent = enrolled(connector)
    with opened(agent.tenant):
        Agent.objects.update(version="0.9.0", seen_at=timezone.now() - timedelta(hours=2))
    body = console.get("/admin/writeback/agent/").content.decode()
    assert "too old" in body
    assert agent.fingerprint in body
    inside = console.get(page_of(connector.directory)).content.decode()
    assert "out of date" in inside
    assert "2\xa0hours ago" in inside
