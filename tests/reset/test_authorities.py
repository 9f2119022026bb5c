"""Who keeps the passwords of a domain, and what a reset of its people comes to while writeback is on, off or away."""

from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts import facts, people, tenants
from accounts.models import Domain, Tenant
from policy import rules
from policy.decisions import Decision, Refusal, decide_reset
from policy.models import ResetPolicy
from reset.beginning import authority_of
from tests.reset.in_directory import NORA, North, make_north
from writeback.models import Connector

ON: dict[str, Any] = {}
OFF = {"is_on": False}
AWAY = {"answer": "unreachable"}
HELD = {"answer": "unreachable", "patience": Connector.Patience.HOLD}
NOTHING: tuple[Refusal, ...] = ()
NOT_CONNECTED, UNREACHABLE = (Refusal.DIRECTORY_NOT_CONNECTED,), (Refusal.DIRECTORY_UNREACHABLE,)
IN_DIRECTORY: dict[str, dict[str, Any]] = {
    "checked by the directory": {"authority": "directory"},
    "with copies that follow": {"authority": "directory", "copies_minutes": 2},
    "federated": {"authority": "federated", "home_url": "https://idp.north.example/"},
}


@pytest.fixture
def north(acme: Tenant, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch) -> North:
    return make_north(acme, monkeypatch)


def decide(north: North, name: str = NORA) -> Decision:
    now = north.connector.reached_at
    assert now is not None
    found = people.find(name)
    assert found.tenant is not None
    with tenants.opened(found.tenant):
        known = facts.load([found.user] if found.user else [], False, now)
        person = known.get(found.user.pk) if found.user else None
        policies, tenant = rules.load(found.tenant), rules.tenant_facts(found.tenant)
        return decide_reset(person, policies, tenant, authority_of(found, now))


@pytest.mark.parametrize("kept", list(IN_DIRECTORY))
@pytest.mark.parametrize(
    ("state", "refusals"), [(ON, NOTHING), (OFF, NOT_CONNECTED), (AWAY, UNREACHABLE), (HELD, NOTHING)]
)
def test_passwords_in_a_directory_are_reset_as_far_as_they_can_be_written(
    kept: str, state: dict[str, Any], refusals: tuple[Refusal, ...], north: North
) -> None:
    north.set(**state)
    with scopes_disabled():
        Domain.objects.filter(pk=north.domain.pk).update(**IN_DIRECTORY[kept])
    assert decide(north).refusals == refusals


@pytest.mark.parametrize("state", [ON, OFF, AWAY, HELD])
def test_passwords_kept_here_need_no_directory(state: dict[str, Any], north: North, alice: Any) -> None:
    north.set(**state)
    assert decide(north, "alice@acme.example").refusals == NOTHING


@pytest.mark.parametrize("state", [ON, OFF, AWAY, HELD])
def test_passwords_at_another_organisation_are_never_reset_here(state: dict[str, Any], north: North) -> None:
    north.set(**state)
    with scopes_disabled():
        Domain.objects.filter(pk=north.domain.pk).update(
            authority="external", home_name="Home", home_url="https://home.example/", directory=None
        )
    assert Refusal.EXTERNAL in decide(north).refusals


def test_a_directory_that_nobody_connected_is_said_to_be_none(north: North) -> None:
    with scopes_disabled():
        Connector.objects.all().delete()
    assert decide(north).refusals == NOT_CONNECTED


def test_without_the_operators_word_a_direct_directory_is_out_of_reach(north: North, acme: Tenant) -> None:
    acme.may_connect_directly = False
    acme.save()
    assert decide(north).refusals == UNREACHABLE
