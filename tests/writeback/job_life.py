"""Jobs of the directory user Nora on clocks that a test turns, and a directory that stops where a test wants it to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Tenant, User
from tests.directories.in_memory import Account, InMemoryConnector, InMemoryDirectory
from tests.reset.in_directory import ANCHOR, OLD, North, make_north
from writeback import execution, jobs
from writeback.connectors.base import Access, DirectoryError, Entry, Reason
from writeback.connectors.orders import Operation
from writeback.execution import LEASE, LONGEST_OPERATION
from writeback.jobs import Wanted
from writeback.models import WritebackJob

NEW = "three blue horses"
UNTIL_LOST = LEASE + LONGEST_OPERATION


class Killed(BaseException):
    """The executor's process is gone: nothing of it runs any more."""


@dataclass
class Clock:
    """One clock for rows and for the executor's own measure of time."""

    time: datetime = field(default_factory=timezone.now)
    ticks: float = 1000.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.ticks

    def turn(self, by: float | timedelta) -> None:
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        self.time += timedelta(seconds=seconds)
        self.ticks += seconds


@dataclass
class Watched(InMemoryDirectory):
    """Says where it is: `at` is called with a place and an anchor. Remembers every password, as a history of all would."""

    at: Callable[[str, str], None] = lambda _place, _anchor: None
    remembers: bool = True
    had: set[tuple[str, str]] = field(default_factory=set)

    def connector_for(self, access: Access) -> "WatchedConnector":
        return WatchedConnector(self)


class WatchedConnector(InMemoryConnector):
    directory: Watched

    def find(self, anchor: str) -> Entry:
        self.directory.at("finding", anchor)
        entry = super().find(anchor)
        self.directory.at("found", anchor)
        return entry

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        self.directory.at("connecting", entry.anchor)
        self.ensure_in_time()
        self.directory.at("sending", entry.anchor)
        if self.directory.remembers and (entry.anchor, new) in self.directory.had:
            raise DirectoryError(Reason.IN_HISTORY, "19")
        super().set_password(entry, new, current)
        self.directory.had.add((entry.anchor, new))
        self.directory.at("written", entry.anchor)

    def unlock(self, entry: Entry) -> None:
        self.directory.at("connecting", entry.anchor)
        self.ensure_in_time()
        super().unlock(entry)
        self.directory.at("unlocked", entry.anchor)

    def verify(self, entry: Entry, password: str) -> None:
        self.directory.at("binding", entry.anchor)
        super().verify(entry, password)


@dataclass
class JobLife:
    """What tests of jobs do, at the time the clock shows."""

    north: North
    memory: Watched
    clock: Clock

    @property
    def nora(self) -> User:
        return self.north.nora

    @property
    def account(self) -> Account:
        return self.memory.accounts[ANCHOR]

    def submit(self, new: str = NEW, operation: Operation = Operation.RESET, **wanted: Any) -> WritebackJob:
        job = self.prepare(new, operation, **wanted)
        with transaction.atomic():
            jobs.submit(job, self.clock.time)
        return job

    def prepare(self, new: str = NEW, operation: Operation = Operation.RESET, **wanted: Any) -> WritebackJob:
        usual = {"anchor": ANCHOR, "user": self.nora, "deadline": self.clock.time + timedelta(seconds=60)}
        connector = jobs.find_connector(self.north.connector.directory_id)
        assert connector is not None
        job = jobs.prepare(
            Wanted(connector=connector, operation=operation, new=new, **{**usual, **wanted}),
            self.clock.time,
        )
        job.created_at = self.clock.time
        self.clock.turn(0.001)
        return job

    def dies(self, place: str) -> None:
        """The next executor to come to this place is killed there; later ones go on."""

        def kill(reached: str, _anchor: str) -> None:
            if reached == place:
                self.memory.at = lambda _place, _anchor: None
                raise Killed

        self.memory.at = kill

    def freezes(self, place: str, seconds: float, then: Callable[[], object] = lambda: None) -> None:
        """The next executor to come to this place stands still there; `then` happens before it wakes."""

        def freeze(reached: str, _anchor: str) -> None:
            if reached == place:
                self.memory.at = lambda _place, _anchor: None
                self.clock.turn(seconds)
                then()

        self.memory.at = freeze

    def killed_while_executing(self, job: WritebackJob) -> None:
        with pytest.raises(Killed):
            execution.execute(job.pk)

    def reload(self, job: WritebackJob) -> WritebackJob:
        return WritebackJob.objects.get(pk=job.pk)

    def tamper(self, job: WritebackJob, **values: Any) -> None:
        """As somebody would who can write to the database, and has no key."""
        assert WritebackJob.objects.filter(pk=job.pk).update(**values) == 1


def make_job_life(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> JobLife:
    north = make_north(acme, monkeypatch)
    memory, clock = Watched({ANCHOR: Account(OLD)}), Clock()
    monkeypatch.setattr(execution, "connector_for", memory.connector_for)
    monkeypatch.setattr(execution, "monotonic", clock.monotonic)
    monkeypatch.setattr(timezone, "now", clock.now)
    return JobLife(north, memory, clock)


@contextmanager
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What is logged as an error meanwhile."""
    said: list[str] = []
    caplog.clear()
    yield said
    said += [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
