"""Front door for agents: invited by a one-time code, enrolled with keys of their own, approved by a person, revoked.

invite ──▶ enrol (the code, once) ──▶ approve (fingerprints compared) ──▶ roll (new keys) … revoke

Each writes the MAC of the row as it is then, in the same statement or transaction: only a row with a right MAC counts.
"""

import hmac
import secrets as random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit, boxes, secrets, signing
from accounts.audit import Activity, Event
from accounts.models import User
from accounts.tenants import all_opened, opened
from writeback import jobs
from writeback.models import Agent, Connector, WritebackJob

Status = Agent.Status

CODE_LIVES = timedelta(hours=1)
CODE_PURPOSE = "agent-code"
# Without letters and digits that are mistaken for each other. 20 of 32: 100 bits.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH, CODE_GROUP = 20, 4
KEYS_LIVE = timedelta(days=182)
# A job may have been sealed just before new keys came, and be stored just after.
KEYS_OVERLAP = timedelta(minutes=10)
SIGNING_KEY_BYTES = 32
LONGEST_VERSION = 20


class NotPossible(Exception):
    """The agent is not in a state in which this can be done."""


class NameTaken(NotPossible):
    """The directory has an agent of that name already."""


class WrongFingerprint(NotPossible):
    """What was compared is not what the agent has."""


class WrongCode(Exception):
    """No invitation has this code: mistyped, used already, or too old."""


class WrongKeys(Exception):
    """These are no keys."""


@dataclass(frozen=True)
class PublicKeys:
    """What an agent shows of its keys: `sealing` (HPKE) is what passwords are sealed to, `signing` is Ed25519, raw."""

    sealing: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    def check(self) -> None:
        """Raises WrongKeys."""
        try:
            boxes.check_public_key(self.sealing)
        except ValueError:
            raise WrongKeys from None
        if len(self.signing) != SIGNING_KEY_BYTES:
            raise WrongKeys

    @property
    def fingerprint(self) -> str:
        """What people compare. This server's key is part of it, so that one look proves both sides to each other."""
        return boxes.fingerprint(self.sealing, self.signing, signing.public_key())


def invite(connector: Connector, name: str, by: User | None, now: datetime) -> tuple[Agent, str]:
    """Prepare for an agent. Returns it and the code that it enrols with, good once and for CODE_LIVES.

    An invitation of that name that was not used yet gets a new code; the old one is dead. Raises NameTaken.
    """
    code = new_code()
    with transaction.atomic(), opened(connector.tenant):
        agent, is_new = Agent.objects.get_or_create(
            tenant_id=connector.tenant_id, connector=connector, name=name, defaults={"status": Status.INVITED}
        )
        changes = {"code_digest": secrets.digest(CODE_PURPOSE, _plain(code)), "code_expires_at": now + CODE_LIVES}
        if not is_new and agent.status != Status.INVITED:
            raise NameTaken(name)
        _move(agent, Status.INVITED, changes)
        _record(Activity.AGENT_INVITED, agent, by)
    return agent, code


def enrol(code: str, keys: PublicKeys, version: str, now: datetime) -> Agent:
    """Take an agent's keys for its code, which is used up by that. Raises WrongKeys or WrongCode."""
    keys.check()
    digests = secrets.digests(CODE_PURPOSE, _plain(code))
    with all_opened(), transaction.atomic():
        invited = Agent.objects.filter(code_digest__in=digests, status=Status.INVITED, code_expires_at__gt=now)
        found = invited.select_related("connector__directory", "tenant").first()
        if found is None or not found.tenant.is_active:
            raise WrongCode
        changes = {"code_digest": "", "code_expires_at": None, "version": version[:LONGEST_VERSION]}
        try:
            _move(found, Status.INVITED, _changed(found, Status.PENDING, keys, now) | changes, code_digest__in=digests)
        except NotPossible:  # somebody was faster with the same code
            raise WrongCode from None
        _record(Activity.AGENT_ENROLLED, found, None, fingerprint=found.fingerprint)
    return found


def approve(agent: Agent, fingerprint: str, by: User | None, now: datetime) -> None:
    """Let an agent have passwords. `fingerprint` is what a person compared or typed. Raises NotPossible, WrongFingerprint."""
    with transaction.atomic(), opened(agent.tenant):
        held = Agent.objects.select_for_update().get(pk=agent.pk)
        if held.status != Status.PENDING or not is_genuine(held):
            raise NotPossible
        if not hmac.compare_digest(_plain(fingerprint).encode(), _plain(keys_of(held).fingerprint).encode()):
            raise WrongFingerprint
        seen = held.mac
        changes = _changed(held, Status.APPROVED, keys_of(held), held.keys_made_at or now)
        approver = by.pk if by else None
        _move(held, Status.PENDING, changes | {"approved_by": approver, "approved_at": now}, mac=seen)
        _record(Activity.AGENT_APPROVED, held, by, fingerprint=held.fingerprint)
    agent.refresh_from_db()


def revoke(agent: Agent, by: User | None, now: datetime) -> bool:
    """Cut an agent off: no request of it is answered from now on, nothing more is sealed to it. False: it was already."""
    with transaction.atomic(), opened(agent.tenant):
        held = Agent.objects.select_for_update().get(pk=agent.pk)
        if held.status == Status.REVOKED:
            return False
        gone = {"status": Status.REVOKED, "mac": "", "code_digest": "", "is_reaching": False, "revoked_at": now}
        _move(held, held.status, gone)
        _record(Activity.AGENT_REVOKED, held, by)
    agent.refresh_from_db()
    return True


def roll(agent: Agent, keys: PublicKeys, now: datetime) -> None:
    """Put new keys in place of an approved agent's; it signed for both. Raises WrongKeys or NotPossible."""
    keys.check()
    seen = agent.mac
    with transaction.atomic(), opened(agent.tenant):
        _move(agent, Status.APPROVED, _changed(agent, Status.APPROVED, keys, now), mac=seen)
        _record(Activity.AGENT_KEYS_ROLLED, agent, None, fingerprint=agent.fingerprint)


def is_genuine(agent: Agent) -> bool:
    """Whether its row is as this server wrote it."""
    return bool(agent.mac) and secrets.digest_matches(agent.mac, jobs.AGENT_MAC, agent.mac_content)


def renew_mac(agent: Agent) -> None:
    """Make its MAC by the newest key, so that older ones can be dropped in time. Only for a row that was found genuine."""
    fresh = jobs.mac_of(agent)
    if fresh != agent.mac:
        with opened(agent.tenant):
            Agent.objects.filter(pk=agent.pk, mac=agent.mac).update(mac=fresh)


def keys_of(agent: Agent) -> PublicKeys:
    return PublicKeys(bytes(agent.public_key), bytes(agent.signing_key))


def has_old_keys(agent: Agent, now: datetime) -> bool:
    """Whether it is time for new ones."""
    return agent.keys_made_at is not None and agent.keys_made_at + KEYS_LIVE <= now


def may_need_earlier_keys(agent: Agent, now: datetime) -> bool:
    """Whether a job may be open that was sealed to keys which the agent had before."""
    made_at = agent.keys_made_at
    if made_at is None or made_at + KEYS_OVERLAP > now:
        return True
    still_open = WritebackJob.objects.filter(
        connector=agent.connector_id, status__in=[WritebackJob.Status.QUEUED, WritebackJob.Status.CLAIMED]
    )
    return still_open.filter(created_at__lt=made_at + KEYS_OVERLAP).exists()


def new_code() -> str:
    """A code as people copy it: five groups of four."""
    letters = "".join(random.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return "-".join(letters[start : start + CODE_GROUP] for start in range(0, CODE_LENGTH, CODE_GROUP))


def _plain(typed: str) -> str:
    """What was typed without what people add or leave out between the groups."""
    return "".join(char for char in typed.upper() if char.isalnum())


def _changed(agent: Agent, status: Status, keys: PublicKeys, made_at: datetime) -> dict[str, Any]:
    """The columns of an agent in this status with these keys, its MAC among them. Puts them into the instance."""
    agent.status, agent.public_key, agent.signing_key = status, keys.sealing, keys.signing
    agent.fingerprint, agent.keys_made_at = keys.fingerprint, made_at
    agent.mac = jobs.mac_of(agent)
    names = ("status", "public_key", "signing_key", "fingerprint", "keys_made_at", "mac")
    return {name: getattr(agent, name) for name in names}


def _move(agent: Agent, expected: str, changes: dict[str, Any], **also: Any) -> None:
    """Write changes if the row still is what was seen. Raises NotPossible."""
    if Agent.objects.filter(pk=agent.pk, status=expected, **also).update(**changes) != 1:
        raise NotPossible


def _record(activity: str, agent: Agent, by: User | None, **details: str) -> None:
    named = {"agent": agent.name, "directory": str(agent.connector.directory)}
    audit.record(Event(activity, agent.tenant_id, actor=by, details=named | details))
