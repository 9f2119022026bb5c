"""Agents that wait for work hold neither a thread nor a connection to the database: one task asks for all of them.

While anybody waits it asks every LOOK_SECONDS, by one statement, which jobs wait for their connectors, and wakes one of
them for each. Every STANDING_SECONDS it asks which of them are still allowed to wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.tenants import all_opened
from writeback.execution import CLAIMABLE, JOB
from writeback.models import Agent

LOOK_SECONDS = 0.04
SHORTEST_PAUSE_SECONDS = 0.004
STANDING_SECONDS = 0.5
AFTER_ERROR_SECONDS = 1.0
# Whoever was woken for a job has claimed it by then, or somebody else may try.
OFFERED_SECONDS = 0.5
MOST_JOBS = 100
LOOK = f"SELECT id, connector_id FROM {JOB} WHERE status = 'queued' AND {{own}} AND {CLAIMABLE}"  # noqa: S608
LOOK += f" ORDER BY created_at LIMIT {MOST_JOBS}"


class CutOff(Exception):
    """The agent is not allowed to wait any more."""


@dataclass(eq=False)
class Waiter:
    """One request that waits; `not_for` are jobs that it can't have."""

    agent: int
    connector: int
    not_for: set[UUID] = field(default_factory=set)
    woken: "asyncio.Future[UUID]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class WaitingRoom:
    """All that wait in this process. `in_thread` runs a function where the database may be used."""

    def __init__(self, in_thread: Callable[..., Awaitable[Any]]) -> None:
        self._in_thread = in_thread
        self._waiting: dict[int, list[Waiter]] = {}
        self._offered: dict[UUID, float] = {}
        self._somebody = asyncio.Event()
        self._standing_at = 0.0

    async def wait(self, waiter: Waiter, seconds: float) -> UUID | None:
        """The id of a job to try to claim; None when there was none for so long. Raises CutOff."""
        waiter.woken = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(waiter.connector, []).append(waiter)
        self._somebody.set()
        try:
            async with asyncio.timeout(seconds):
                return await waiter.woken
        except TimeoutError:
            return None
        finally:
            self._leave(waiter)

    def _leave(self, waiter: Waiter) -> None:
        others = [one for one in self._waiting.get(waiter.connector, ()) if one is not waiter]
        if others:
            self._waiting[waiter.connector] = others
        else:
            self._waiting.pop(waiter.connector, None)

    async def run(self) -> None:
        """Look for work until cancelled."""
        while True:
            await self._somebody.wait()
            self._somebody.clear()
            try:
                await self._look()
            except Exception:  # the database may be back in a moment; those who wait need not know
                await asyncio.sleep(AFTER_ERROR_SECONDS)
            await self._pause()

    async def _pause(self) -> None:
        """Until it is time to look again; sooner where somebody new came."""
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
        if self._waiting:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._somebody.wait()
            except TimeoutError:
                self._somebody.set()

    async def _look(self) -> None:
        if monotonic() >= self._standing_at:
            self._standing_at = monotonic() + STANDING_SECONDS
            asked_for = self._agents()
            self._cut_off(asked_for - await self._in_thread(still_allowed, asked_for))
        connectors = list(self._waiting)
        if connectors:
            self._wake(await self._in_thread(queued, connectors))

    def _agents(self) -> set[int]:
        return {waiter.agent for waiters in self._waiting.values() for waiter in waiters}

    def _cut_off(self, gone: Collection[int]) -> None:
        for waiters in self._waiting.values():
            for waiter in waiters:
                if waiter.agent in gone and not waiter.woken.done():
                    waiter.woken.set_exception(CutOff())

    def _wake(self, jobs: list[tuple[UUID, int]]) -> None:
        now = monotonic()
        self._offered = {job: until for job, until in self._offered.items() if until > now}
        for job, connector in jobs:
            if job in self._offered:
                continue
            for waiter in self._waiting.get(connector, ()):
                if not waiter.woken.done() and job not in waiter.not_for:
                    self._offered[job] = now + OFFERED_SECONDS
                    waiter.woken.set_result(job)
                    break


def queued(connectors: list[int]) -> list[tuple[UUID, int]]:
    """Jobs of these connectors that could be claimed now, oldest first, with their connectors. One statement."""
    moment = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(LOOK.format(own="connector_id = ANY(%s)"), [connectors, moment, moment])
        else:
            marks = ", ".join(["%s"] * len(connectors))
            cursor.execute(LOOK.format(own=f"connector_id IN ({marks})"), [*connectors, moment, moment])
        return [(one if isinstance(one, UUID) else UUID(one), connector) for one, connector in cursor.fetchall()]


def still_allowed(agents: Collection[int]) -> set[int]:
    """Which of these agents are approved, and of an active tenant. Their MACs are checked when they get something."""
    with all_opened():
        rows = Agent.objects.filter(pk__in=agents, status=Agent.Status.APPROVED, tenant__is_active=True)
        return set(rows.values_list("pk", flat=True))
