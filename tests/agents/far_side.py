"""An agent as the server sees one: keys, signed requests, jobs opened. What it says is what a test wants it to say."""

import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.boxes import PrivateKey
from accounts.models import User
from writeback import agents, jobs
from writeback.agent import protocol
from writeback.agent_api import endpoints
from writeback.agent_api.endpoints import Asking, Handed
from writeback.agent_api.signed import Signed
from writeback.agents import PublicKeys
from writeback.connectors.orders import Operation
from writeback.jobs import Wanted
from writeback.models import Agent, Connector, WritebackJob

PASSWORD = "Canary-Passw0rd-7#"


@dataclass
class FarSide:
    """One agent; `agent` is its number in words, as its headers carry it."""

    agent: str = protocol.NEWCOMER
    sealing: PrivateKey = field(default_factory=PrivateKey.generate)
    signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @classmethod
    def approved(cls, connector: Connector, name: str = "one") -> "FarSide":
        now = timezone.now()
        here = cls()
        _, code = agents.invite(connector, name, None, now)
        agent = agents.enrol(code, here.keys, "1.0.0", now)
        agents.approve(agent, agent.fingerprint, None, now)
        here.agent = str(agent.pk)
        return here

    @property
    def keys(self) -> PublicKeys:
        return PublicKeys(self.sealing.public, self.signing.public_key().public_bytes_raw())

    @property
    def row(self) -> Agent:
        with scopes_disabled():
            return Agent.objects.select_related("tenant", "connector__directory").get(pk=int(self.agent))

    @property
    def asking(self) -> Asking:
        return Asking(int(self.agent), self.row.connector_id, (self.sealing.key_id,))

    def headers(self, path: str, body: bytes, at: float | None = None) -> dict[str, str]:
        moment, nonce = str(int(time.time() if at is None else at)), secrets.token_hex(16)
        text = protocol.signed_text(path, self.agent, moment, nonce, body)
        return {
            protocol.AGENT: self.agent,
            protocol.TIME: moment,
            protocol.NONCE: nonce,
            protocol.SIGNATURE: protocol.to_text(self.signing.sign(text)),
        }

    def signed(self, name: str, content: object, at: float | None = None) -> Signed:
        """A request as it arrives."""
        path, body = protocol.PREFIX + name, json.dumps(content).encode()
        return Signed.read(path, self.headers(path, body, at), body)

    def says(self, name: str, **content: Any) -> dict[str, Any]:
        """Ask the server's side of it."""
        return endpoints.ENDPOINTS[name](self.signed(name, content))

    def takes(self, job: WritebackJob) -> Handed | None:
        return endpoints.hand_over(self.asking, job.pk)

    def opens(self, handed: Handed) -> dict[str, str]:
        """What was typed."""
        job = protocol.HandedJob.from_json(json.loads(json.dumps(handed.answer)))
        boxes = json.dumps({self.sealing.key_id: job.box}).encode()
        typed: dict[str, str] = json.loads(self.sealing.open(boxes, job.info))
        return typed


def submit(user: User, connector: Connector, new: str = PASSWORD, seconds: float = 60) -> WritebackJob:
    """A reset of this person, handed over to whoever reaches the directory."""
    now = timezone.now()
    wanted = Wanted(connector, Operation.RESET, user.anchor or "", now + timedelta(seconds=seconds), user=user, new=new)
    with scopes_disabled(), transaction.atomic():
        job = jobs.prepare(wanted, now)
        jobs.submit(job, now)
    return job


def again(job: WritebackJob) -> WritebackJob:
    """The job as it is now."""
    with scopes_disabled():
        return WritebackJob.objects.select_related("agent").get(pk=job.pk)
