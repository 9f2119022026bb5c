"""What an agent can ask for. Plain functions that run in a thread of the process; each sees the agent's own jobs only."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import boxes, signing
from accounts.tenants import opened
from writeback import agents, execution
from writeback.agent import protocol
from writeback.agent.version import VERSION
from writeback.agent_api import bringing_in, seeing
from writeback.agent_api.reading import Given
from writeback.agent_api.refusals import NotAllowed, NotFound
from writeback.agent_api.signed import NotKnown, Signed, sender, standing
from writeback.agents import PublicKeys
from writeback.connectors.base import Reason
from writeback.connectors.orders import Operation, Outcome, Report, Step, StepResult
from writeback.models import Agent, Connector, WritebackJob

Status = WritebackJob.Status
Answer = dict[str, Any]

LONGEST_MARK, LONGEST_CODE = 200, 300
MOST_KEYS, MOST_ATTEMPTS = 4, 32_767


@dataclass(frozen=True)
class Asking:
    """An agent that asks for work, and the ids of the keys it can open boxes with."""

    agent: int
    connector: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Handed:
    """A job that was claimed for an agent, and what it gets of it."""

    job: WritebackJob
    answer: Answer = field(repr=False)


def enrol(request: Signed) -> Answer:
    """A newcomer's code and keys against its number. It signs with the new key, so it has it. Raises NotKnown."""
    given = Given.of(request.body)
    keys = PublicKeys(given.data("sealing"), given.data("signing"))
    if request.agent != protocol.NEWCOMER or not request.is_by(keys.signing, time.time()):
        raise NotKnown
    try:
        agent = agents.enrol(given.text("code", 60), keys, given.text("version", 20), timezone.now())
    except (agents.WrongCode, agents.WrongKeys):
        raise NotKnown from None
    directory = agent.connector.directory
    return {
        "agent": agent.pk,
        "name": agent.name,
        "tenant": agent.tenant_id,
        "connector": agent.connector_id,
        "organisation": agent.tenant.name,
        "directory": directory.name,
        "kind": directory.kind,
        "server_key": protocol.to_text(signing.public_key()),
    }


def status(request: Signed) -> Answer:
    """Whether a person has approved the agent yet."""
    agent = sender(request, pending=True)
    return {"status": agent.status, "keys": agent.fingerprint, "current_version": VERSION}


def mark(request: Signed) -> Answer:
    """Keep the version mark before anything is written. Says for how long, from the question on, operations may begin."""
    agent, given = sender(request), Given.of(request.body)
    job, now = _held(agent, given), timezone.now()
    left = _seconds_left(job, now)
    held = left > 0 and execution.note_mark(job, given.text("mark", LONGEST_MARK, may_be_empty=True))
    return {"held": held, "seconds_left": left if held else 0.0}


def step(request: Signed) -> Answer:
    """Show a step that is done while others are still to come."""
    agent, given = sender(request), Given.of(request.body)
    execution.note_step(_held(agent, given), given.words("steps", Step, StepResult))
    return {}


def result(request: Signed) -> Answer:
    """Write down what came of a job. Asked again, it says again that it was taken."""
    agent, given = sender(request), Given.of(request.body)
    job = _find(agent, given)
    if job.status != Status.CLAIMED:
        return {"taken": job.status != Status.QUEUED}
    report = Report(
        Outcome(given.one_of("outcome", Outcome)),
        {Step(name): StepResult(value) for name, value in given.words("steps", Step, StepResult).items()},
        Reason(given.one_of("reason", Reason)) if given.has("reason") else None,
        given.printable("code", LONGEST_CODE),
    )
    with opened(agent.tenant):
        return {"taken": execution.conclude(job, report, timezone.now())}


def heartbeat(request: Signed) -> Answer:
    """What the agent sees of its directory; the answer says what it should do besides jobs."""
    agent, given = sender(request), Given.of(request.body)
    now = timezone.now()
    agents.renew_mac(agent)
    seeing.note(agent, given, now)
    with opened(agent.tenant):
        return {
            "status": agent.status,
            "current_version": VERSION,
            "roll": agents.has_old_keys(agent, now),
            "keep_earlier_keys": agents.may_need_earlier_keys(agent, now),
            "sync": bringing_in.wanted(agent, now) if given.flag("reachable") else None,
        }


def roll(request: Signed) -> Answer:
    """New keys in place of the old ones, which sign this request; the new signing key signs that it is in the same hands."""
    agent, given = sender(request), Given.of(request.body)
    keys = PublicKeys(given.data("sealing"), given.data("signing"))
    text = protocol.rolled_text(agent.pk, keys.sealing, keys.signing)
    if not boxes.is_signed(keys.signing, given.data("proof"), text):
        raise NotKnown
    try:
        agents.roll(agent, keys, timezone.now())
    except (agents.WrongKeys, agents.NotPossible):
        raise NotAllowed("these keys are not taken") from None
    return {}


def poll(request: Signed) -> Asking:
    """Who asks for work. That it asks is a sign of life. Raises NotKnown."""
    agent, given = sender(request), Given.of(request.body)
    seeing.note_alive(agent, timezone.now())
    return Asking(agent.pk, agent.connector_id, tuple(given.texts("keys", MOST_KEYS, 64)))


def hand_over(asking: Asking, job_id: UUID) -> Handed | None:
    """Claim a job for an agent. None where somebody else was faster, or the job is not for it. Raises NotKnown."""
    agent, now = standing(asking.agent), timezone.now()
    if agent.connector.way != Connector.Way.AGENTS:
        return None
    with opened(agent.tenant):
        job = execution.claim(job_id, now, agent)
    if job is None:
        return None
    refusal = _refusal(job)
    if refusal:
        with opened(agent.tenant):
            execution.finish(job, execution.not_begun(job, Reason.NOT_SUPPORTED, refusal), now)
        return None
    found = (boxes.box_for(bytes(job.sealed), key) for key in asking.keys)
    box = next((one for one in found if one is not None), None)
    if box is None or job.connector_id != agent.connector_id:
        hand_back(job)
        return None
    return Handed(job, _as_handed(job, box, _seconds_left(job, now)).as_json())


def hand_back(job: WritebackJob) -> None:
    with opened(job.connector.tenant):
        execution.hand_back(job)


def _refusal(job: WritebackJob) -> str:
    """Why nobody is to do this job any more, or nothing."""
    is_off = not job.connector.is_on and job.operation != Operation.VERIFY
    return "switched off" if is_off else ""


def _seconds_left(job: WritebackJob, now: datetime) -> float:
    """For how long an operation may begin."""
    end = min(job.lease_until - execution.RESERVED, job.deadline) if job.lease_until else now
    return (end - now).total_seconds()


def _find(agent: Agent, given: Given) -> WritebackJob:
    """The job of this attempt of this agent. Raises NotFound for everything else: others' jobs are as if they weren't."""
    attempt = given.number("attempt", MOST_ATTEMPTS)
    with opened(agent.tenant):
        found = WritebackJob.objects.filter(
            pk=given.id("job"), connector=agent.connector_id, agent=agent.pk, attempts=attempt
        )
        job = found.select_related("connector__tenant", "connector__directory", "tenant").defer("sealed").first()
    if job is None:
        raise NotFound
    return job


def _held(agent: Agent, given: Given) -> WritebackJob:
    """The same, while it is at work."""
    job = _find(agent, given)
    if job.status != Status.CLAIMED:
        raise NotFound
    return job


def _as_handed(job: WritebackJob, box: str, seconds_left: float) -> protocol.HandedJob:
    return protocol.HandedJob(
        id=str(job.pk),
        tenant=job.tenant_id,
        connector=job.connector_id,
        anchor=job.anchor,
        operation=job.operation,
        deadline=job.deadline.isoformat(),
        attempt=job.attempts,
        seconds_left=seconds_left,
        unlock=job.unlock,
        must_change=job.must_change,
        by_administrator=job.by_administrator,
        first_mark=job.first_mark,
        inventory=boxes.inventory(bytes(job.sealed)),
        signature=protocol.to_text(bytes(job.signature)),
        box=box,
    )


ENDPOINTS: dict[str, Callable[[Signed], Answer]] = {
    protocol.ENROL: enrol,
    protocol.STATUS: status,
    protocol.MARK: mark,
    protocol.STEP: step,
    protocol.RESULT: result,
    protocol.HEARTBEAT: heartbeat,
    protocol.ROLL: roll,
    protocol.SYNC_BEGIN: bringing_in.begin,
    protocol.SYNC_PAGE: bringing_in.page,
    protocol.SYNC_FINISH: bringing_in.finish,
}
