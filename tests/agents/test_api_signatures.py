"""Whoever is not an approved agent with a fresh signature gets one answer: no."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import boxes, signing
from accounts.models import Tenant, User
from config.environment import SharedKey
from tests.agents.far_side import FarSide, again, submit
from writeback import agents
from writeback.agent import protocol
from writeback.agent_api import endpoints
from writeback.agent_api.signed import NONCES, Nonces, NotKnown, Signed, sender, standing
from writeback.models import Agent, Connector, WritebackJob

OF_NEWCOMERS = (protocol.ENROL, protocol.STATUS)
ASKED = (endpoints.poll, *(one for name, one in endpoints.ENDPOINTS.items() if name not in OF_NEWCOMERS))
LOOKED = {"version": "1.0.0", "reachable": False, "answer": "unreachable"}


def test_an_agent_is_known_by_its_signature(far: FarSide) -> None:
    assert sender(far.signed(protocol.POLL, {})).pk == int(far.agent)


def test_the_same_request_is_not_taken_twice(far: FarSide) -> None:
    request = far.signed(protocol.POLL, {})
    sender(request)
    with pytest.raises(NotKnown):
        sender(request)


@pytest.mark.parametrize("off", [-61, 61, -3600])
def test_a_signature_is_good_for_a_minute(off: int, far: FarSide) -> None:
    with pytest.raises(NotKnown):
        sender(far.signed(protocol.POLL, {}, at=time.time() + off))


@pytest.mark.parametrize("changed", ["path", "body", "agent", "time", "nonce", "signature"])
def test_nothing_of_a_request_can_be_changed(changed: str, far: FarSide, office: Connector) -> None:
    other = FarSide.approved(office, "two")
    request = far.signed(protocol.POLL, {"keys": []})
    values: dict[str, Any] = {
        "path": protocol.PREFIX + protocol.RESULT,
        "body": b"{}",
        "agent": other.agent,
        "time": str(int(request.time) + 1),
        "nonce": "0" * 32,
        "signature": bytes(64),
    }
    with pytest.raises(NotKnown):
        sender(Signed(**{**request.__dict__, changed: values[changed]}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {protocol.TIME: "now"},
        {protocol.TIME: "1" * 400},
        {protocol.TIME: "²"},
        {protocol.NONCE: "short"},
        {protocol.NONCE: "x" * 65},
        {protocol.NONCE: "n\n" * 10},
        {protocol.SIGNATURE: "!"},
    ],
)
def test_headers_of_another_shape_are_refused(headers: dict[str, str]) -> None:
    usual = {protocol.AGENT: "1", protocol.TIME: "1", protocol.NONCE: "0" * 32, protocol.SIGNATURE: "AAAA"}
    with pytest.raises(NotKnown):
        Signed.read("/", (usual | headers) if headers else {}, b"")


@pytest.mark.parametrize("number", ["0", "999999", "new", "-1", "1.0", "９", "1" * 30, ""])
@pytest.mark.django_db
def test_numbers_of_nobody_are_refused(number: str) -> None:
    with pytest.raises(NotKnown):
        sender(FarSide(agent=number).signed(protocol.POLL, {}))


def test_before_approval_an_agent_can_ask_only_whether_it_is_approved(office: Connector) -> None:
    far = FarSide()
    _, code = agents.invite(office, "one", None, timezone.now())
    far.agent = str(agents.enrol(code, far.keys, "1", timezone.now()).pk)
    assert far.says(protocol.STATUS)["status"] == Agent.Status.PENDING
    for ask in ASKED:
        with pytest.raises(NotKnown):
            ask(far.signed(protocol.POLL, {"keys": []} | LOOKED))


def test_q5_a_revoked_agent_is_cut_off_at_once(far: FarSide, dora: User, office: Connector) -> None:
    job = submit(dora, office)
    far.takes(job)
    agents.revoke(far.row, None, timezone.now())
    for ask in (*ASKED, endpoints.status):
        with pytest.raises(NotKnown):
            ask(far.signed(protocol.POLL, {"keys": []}))
    with pytest.raises(NotKnown):
        far.takes(job)
    assert again(job).status == WritebackJob.Status.CLAIMED


def test_an_agent_of_an_organisation_that_was_closed_is_cut_off(far: FarSide, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(is_active=False)
    with pytest.raises(NotKnown):
        sender(far.signed(protocol.POLL, {}))


@pytest.mark.parametrize("changed", ["connector", "status", "keys"])
def test_q6_a_row_that_this_server_did_not_write_is_nobodys(
    changed: str, far: FarSide, office: Connector, globex: Tenant
) -> None:
    """A writer to the database can neither add a reader nor approve one."""
    stranger = FarSide(agent=far.agent)
    choices: dict[str, dict[str, Any]] = {
        "connector": {"tenant": globex},
        "status": {"status": Agent.Status.APPROVED},
        "keys": {"signing_key": stranger.keys.signing, "public_key": stranger.sealing.public},
    }
    if changed == "status":
        agents.revoke(far.row, None, timezone.now())
    with scopes_disabled():
        Agent.objects.filter(pk=int(far.agent)).update(**choices[changed])
    with pytest.raises(NotKnown):
        standing(int(far.agent))


def test_q6_nothing_is_sealed_to_a_key_that_was_slipped_in(far: FarSide, dora: User, office: Connector) -> None:
    thief = FarSide()
    with scopes_disabled():
        Agent.objects.create(
            tenant=office.tenant,
            connector=office,
            name="slipped in",
            status=Agent.Status.APPROVED,
            public_key=thief.sealing.public,
            signing_key=thief.keys.signing,
            mac=far.row.mac,
        )
    assert boxes.box_for(bytes(submit(dora, office).sealed), thief.sealing.key_id) is None


def test_a_newcomer_signs_with_the_key_it_brings(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, timezone.now())
    far, other = FarSide(), FarSide()

    def brings(who: FarSide) -> dict[str, str]:
        texts = {"sealing": who.keys.sealing, "signing": who.keys.signing}
        return {"code": code, "version": "1"} | {name: protocol.to_text(key) for name, key in texts.items()}

    with pytest.raises(NotKnown):
        endpoints.enrol(far.signed(protocol.ENROL, brings(other)))
    answer = endpoints.enrol(far.signed(protocol.ENROL, brings(far)))
    assert answer["connector"] == office.pk
    assert protocol.from_text(answer["server_key"]) == signing.public_key()


def test_new_keys_are_signed_by_old_and_new(far: FarSide) -> None:
    fresh = FarSide(agent=far.agent)
    texts = {"sealing": protocol.to_text(fresh.keys.sealing), "signing": protocol.to_text(fresh.keys.signing)}
    text = protocol.rolled_text(int(far.agent), fresh.keys.sealing, fresh.keys.signing)
    with pytest.raises(NotKnown):
        far.says(protocol.ROLL, **texts, proof=protocol.to_text(far.signing.sign(text)))
    with pytest.raises(NotKnown):
        fresh.says(protocol.ROLL, **texts, proof=protocol.to_text(fresh.signing.sign(text)))
    far.says(protocol.ROLL, **texts, proof=protocol.to_text(fresh.signing.sign(text)))
    with pytest.raises(NotKnown):
        far.says(protocol.STATUS)
    assert fresh.says(protocol.STATUS)["status"] == Agent.Status.APPROVED


def test_a_look_at_the_directory_is_written_down(far: FarSide, office: Connector) -> None:
    look = {
        "version": "0.9",
        "reachable": True,
        "server": "ldaps://dc1",
        "vendor": "Samba\x00",
        "capabilities": {"unlocks": True, "evil": "x" * 1000},
        "warnings": ["powerful_account"],
        "honours_history": False,
        "answer": "",
    }
    answer = far.says(protocol.HEARTBEAT, **look)
    assert (answer["roll"], answer["current_version"]) == (False, "1.0.0")
    row = far.row
    assert (row.is_reaching, row.version, row.report["vendor"]) == (True, "0.9", "Samba")
    assert row.connector.was_reached(timezone.now())
    assert row.connector.seen["capabilities"]["unlocks"]
    assert "evil" not in row.connector.seen["capabilities"]
    far.says(protocol.HEARTBEAT, **LOOKED)
    assert not far.row.is_reaching
    assert far.row.connector.answer == "unreachable"


def test_its_mac_follows_new_digest_keys(far: FarSide, settings: Any) -> None:
    old = far.row.mac
    settings.DIGEST_KEYS = (SharedKey("newer", b"n" * 32), *settings.DIGEST_KEYS)
    far.says(protocol.HEARTBEAT, **LOOKED)
    assert far.row.mac.startswith("newer:")
    assert far.row.mac != old
    settings.DIGEST_KEYS = settings.DIGEST_KEYS[:1]
    assert standing(int(far.agent))


def test_one_agent_that_reaches_nothing_does_not_hide_another_that_does(far: FarSide, office: Connector) -> None:
    second = FarSide.approved(office, "two")
    look = LOOKED | {"reachable": True, "warnings": [], "honours_history": True, "answer": ""}
    far.says(protocol.HEARTBEAT, **look)
    second.says(protocol.HEARTBEAT, **LOOKED)
    assert far.row.connector.answer == ""


def test_earlier_keys_are_kept_while_a_job_may_need_them(far: FarSide, dora: User, office: Connector) -> None:
    agent, now = far.row, timezone.now()
    job = submit(dora, office)
    with scopes_disabled():
        assert agents.may_need_earlier_keys(agent, now)
        later = now + timedelta(minutes=20)
        assert agents.may_need_earlier_keys(agent, later)
        WritebackJob.objects.filter(pk=job.pk).update(status=WritebackJob.Status.APPLIED)
        assert not agents.may_need_earlier_keys(agent, later)


def test_nonces_are_forgotten_when_their_time_is_over() -> None:
    nonces = Nonces()
    assert nonces.is_new("1", "a", 1000.0)
    assert not nonces.is_new("1", "a", 1119.0)
    assert nonces.is_new("2", "a", 1119.0)
    assert nonces.is_new("1", "a", 1121.0)
    assert NONCES is not nonces
