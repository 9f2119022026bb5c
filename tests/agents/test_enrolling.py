"""An agent comes in by a code that is good once, and does nothing before a person compared its fingerprint."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.models import AuditEvent, Tenant, User
from tests.agents.conftest import make_connector
from tests.agents.far_side import FarSide
from writeback import agents
from writeback.agents import NameTaken, NotPossible, PublicKeys, WrongCode, WrongFingerprint, WrongKeys
from writeback.models import Agent, Connector

NOW = timezone.now()


def activities() -> list[str]:
    with scopes_disabled():
        return list(AuditEvent.objects.order_by("created_at", "id").values_list("activity", flat=True))


def test_from_invitation_to_approval_everything_is_audited(office: Connector, alice: User) -> None:
    agent, code = agents.invite(office, "one", alice, NOW)
    far = FarSide()
    enrolled = agents.enrol(code.lower().replace("-", " "), far.keys, "1.0.0", NOW)
    agents.approve(enrolled, enrolled.fingerprint.lower(), alice, NOW)
    assert enrolled.pk == agent.pk
    assert enrolled.status == Agent.Status.APPROVED
    assert enrolled.approved_by_id == alice.pk
    assert activities() == [Activity.AGENT_INVITED, Activity.AGENT_ENROLLED, Activity.AGENT_APPROVED]


def test_a_code_is_good_once(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    agents.enrol(code, FarSide().keys, "1", NOW)
    with pytest.raises(WrongCode):
        agents.enrol(code, FarSide().keys, "1", NOW)


def test_a_code_is_good_for_an_hour(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    with pytest.raises(WrongCode):
        agents.enrol(code, FarSide().keys, "1", NOW + timedelta(hours=1))


def test_a_new_invitation_makes_the_old_code_worthless(office: Connector) -> None:
    _, old = agents.invite(office, "one", None, NOW)
    _, new = agents.invite(office, "one", None, NOW)
    with pytest.raises(WrongCode):
        agents.enrol(old, FarSide().keys, "1", NOW)
    agents.enrol(new, FarSide().keys, "1", NOW)


def test_a_name_is_used_once(far: FarSide, office: Connector) -> None:
    with pytest.raises(NameTaken):
        agents.invite(office, "one", None, NOW)


def test_the_database_holds_no_code(office: Connector) -> None:
    agent, code = agents.invite(office, "one", None, NOW)
    agent.refresh_from_db()
    assert code not in agent.code_digest
    assert code.replace("-", "") not in agent.code_digest


def test_a_code_of_an_organisation_that_was_closed_opens_nothing(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    Tenant.objects.filter(pk=office.tenant_id).update(is_active=False)
    with pytest.raises(WrongCode):
        agents.enrol(code, FarSide().keys, "1", NOW)


def test_keys_that_are_none_are_refused_and_the_code_stays_good(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    for keys in (PublicKeys(b"x" * 1216, b"y" * 31), PublicKeys(b"short", b"y" * 32)):
        with pytest.raises(WrongKeys):
            agents.enrol(code, keys, "1", NOW)
    agents.enrol(code, FarSide().keys, "1", NOW)


def test_another_fingerprint_approves_nothing(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    agent = agents.enrol(code, FarSide().keys, "1", NOW)
    with pytest.raises(WrongFingerprint):
        agents.approve(agent, FarSide().keys.fingerprint, None, NOW)
    agent.refresh_from_db()
    assert agent.status == Agent.Status.PENDING


def test_keys_changed_in_the_database_are_not_approved(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, NOW)
    agent = agents.enrol(code, FarSide().keys, "1", NOW)
    other = FarSide()
    with scopes_disabled():
        Agent.objects.filter(pk=agent.pk).update(
            public_key=other.sealing.public, signing_key=other.keys.signing, fingerprint=other.keys.fingerprint
        )
    with pytest.raises(NotPossible):
        agents.approve(agent, other.keys.fingerprint, None, NOW)


def test_revoking_is_for_good(far: FarSide) -> None:
    agent = far.row
    assert agents.revoke(agent, None, NOW)
    assert not agents.revoke(agent, None, NOW)
    with pytest.raises(NotPossible):
        agents.approve(agent, agent.fingerprint, None, NOW)
    assert activities()[-1] == Activity.AGENT_REVOKED


def test_new_keys_come_with_a_new_mac(far: FarSide) -> None:
    agent, fresh = far.row, FarSide()
    agents.roll(agent, fresh.keys, NOW)
    renewed = far.row
    assert bytes(renewed.public_key) == fresh.sealing.public
    assert agents.is_genuine(renewed)
    assert renewed.fingerprint == fresh.keys.fingerprint
    assert activities()[-1] == Activity.AGENT_KEYS_ROLLED


def test_keys_are_old_after_half_a_year(far: FarSide) -> None:
    agent = far.row
    assert agent.keys_made_at
    assert not agents.has_old_keys(agent, agent.keys_made_at + timedelta(days=181))
    assert agents.has_old_keys(agent, agent.keys_made_at + timedelta(days=182))


def test_agents_of_two_directories_may_share_a_name(acme: Tenant, office: Connector) -> None:
    branch = make_connector(acme, "Branch")
    one, other = FarSide.approved(office), FarSide.approved(branch)
    assert one.row.name == other.row.name
    assert one.row.fingerprint != other.row.fingerprint
