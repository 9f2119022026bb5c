"""A rotation of keys takes service accounts' passwords along, and keeps the keys that agents are checked with."""

import io
from datetime import date
from typing import Any

from django.conf import settings as live
from django.core.management import call_command

from accounts import secrets
from accounts.keyfiles import shared_key
from accounts.models import Tenant
from accounts.tenants import opened
from config.environment import shared_keys
from tests.writeback.consoles import the_connector
from tests.writeback.directory import make_connector
from tests.writeback.test_admin_agents import enrolled
from writeback import agents
from writeback.models import Agent, Connector


def rotate(settings: Any) -> str:
    sealing, digest = (shared_keys(shared_key(date(2026, 11, 21)), "KEYS")[0] for _ in range(2))
    settings.SEALING_KEYS = (sealing, *live.SEALING_KEYS)
    settings.DIGEST_KEYS = (digest, *live.DIGEST_KEYS)
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


def test_a_stored_password_is_sealed_with_the_newest_key(acme: Tenant, settings: Any) -> None:
    connector = make_connector(acme)
    with opened(acme):
        Connector.objects.update(sealed_password=secrets.seal(b"service-secret", connector.place))
    rotate(settings)
    moved = the_connector(acme)
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    assert secrets.open_sealed(bytes(moved.sealed_password), moved.place) == b"service-secret"


def test_the_key_that_an_agent_is_checked_with_is_kept(acme: Tenant, settings: Any) -> None:
    agent = enrolled(make_connector(acme, way=Connector.Way.AGENTS))
    old = live.DIGEST_KEYS[0].id
    said = rotate(settings)
    assert old in said
    with opened(acme):
        assert agents.is_genuine(Agent.objects.get(pk=agent.pk))
