"""What is measured of writeback; each function one question. Times in seconds."""

import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from tests.bench import cells, stacks
from tests.bench.cells import Cell
from tests.bench.stacks import ROOT, Ground, Sample, Stack
from tests.bench.statements import logged
from tests.bench.writeback.journeys import CONFIRMED
from tests.bench.writeback.kept import Kept, save
from tests.bench.writeback.said import Said, is_of_a_job

LOAD = "tests.bench.writeback.load"
OPEN = """
    SELECT (SELECT count(*) FROM writeback_writebackjob WHERE status IN ('queued', 'claimed'))
        + (SELECT count(*) FROM notifications_message WHERE status IN ('queued', 'sending'))
"""
ENDED = """
    SELECT count(*), count(*) FILTER (WHERE status = 'applied'), extract(epoch FROM max(finished_at))::float
    FROM writeback_writebackjob WHERE created_at >= to_timestamp(%s) - interval '5 milliseconds'
"""
DONE_WITHIN = 120.0
COUNTED = 20

_first = itertools.count(0, 317)  # whoever comes next was not reset just before


@dataclass
class Bare:
    """The same operations by python-ldap alone; of several runs, between those of what is compared with them."""

    took: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.took) / self.seconds

    @property
    def processor_ms(self) -> float:
        return 1000 * self.processor / len(self.took)

    @property
    def p50(self) -> float:
        return cells.percentile(self.took, 0.5)


@dataclass
class Queued:
    """Jobs that were handed over in a row. `spent` is everybody's but the submitting process's, which is `submitting`."""

    count: int
    seconds: float
    submitting: float
    spent: Sample

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def each_ms(self) -> dict[str, float]:
        spent = self.spent
        seconds = {
            "submit": self.submitting,
            "worker": spent.worker,
            "database": spent.database + spent.database_of_worker,
            "web": spent.web,
        }
        return {name: 1000 * value / self.count for name, value in seconds.items()}


@dataclass
class Alone:
    """The product's connector by itself, in a process without Django: finding, reading the policy, setting."""

    count: int = 0
    processor: float = 0.0

    @property
    def processor_ms(self) -> float:
        return 1000 * self.processor / self.count


class Bench:
    """One running stack with the directories beside it."""

    def __init__(self, ground: Ground, stack: Stack, kept: dict[str, Kept]) -> None:
        self.ground, self.stack, self.kept = ground, stack, kept
        self.files = {name: save(one, ground.folder) for name, one in kept.items()}

    def run_bare(self, bare: Bare, name: str, count: int) -> None:
        """Some more of them."""
        command = [sys.executable, "-m", "tests.bench.writeback.bare", str(self.files[name])]
        printed = json.loads(stacks.run([*command, str(count), str(next(_first))], self.environment("bench")))
        bare.took += printed["took"]
        bare.seconds += printed["seconds"]
        bare.processor += printed["processor"]

    def run_connector(self, alone: Alone, name: str, count: int) -> None:
        """Some more resets by the connector alone."""
        command = [sys.executable, "-m", "tests.bench.writeback.connecting", str(self.files[name])]
        printed = stacks.run([*command, str(count), str(next(_first))], self.environment("bench"))
        alone.count += count
        alone.processor += float(printed)

    def environment(self, process: str) -> dict[str, str]:
        return self.ground.environment("rekey", self.stack.users, self.stack.hasher, process)

    def load(
        self, name: str, clients: int, seconds: float, pace: float = 0.0, proved: int = 0, journeys: int = 0
    ) -> Cell:
        """People of a directory: all of a reset, or with `proved` only its end."""
        kept = self.kept[name]
        more = {"domain": kept.domain, "people": kept.people, "proved": proved}
        return cells.load(self.stack, clients, seconds, journeys, pace, LOAD, **more)

    def prove(self, name: str, count: int) -> None:
        """So many people are asked for their new passwords afterwards."""
        kept, stack = self.kept[name], self.stack
        plan = {
            "port": stack.port, "host": stack.host, "place": stack.place, "journeys": 0, "domain": kept.domain,
            "people": kept.people, "proved": count, "first": next(_first),
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.bench.writeback.proving", json.dumps(plan)]
        stacks.run(command, self.environment("bench"))

    def queue(self, *what: str) -> Queued:
        """Hand jobs over in a row and wait until the worker has done them. Raises RuntimeError where one failed."""
        command = stacks.tied([sys.executable, "-m", "tests.bench.writeback.submitting", *what])
        environment = self.environment("submit")
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as submitting:
            try:
                told, spent = self._handed_over(submitting)
            finally:
                submitting.kill()
        return self._queued(told, spent)

    def _handed_over(self, submitting: "subprocess.Popen[str]") -> tuple[dict[str, Any], Sample]:
        assert submitting.stdin is not None
        assert submitting.stdout is not None
        if submitting.stdout.readline() != "warm\n":
            raise RuntimeError("nothing could be handed over")
        self._wait_until_done()
        before = self.stack.sample()
        submitting.stdin.write("go\n")
        submitting.stdin.flush()
        told = json.loads(submitting.stdout.readline())
        self._wait_until_done()
        return told, self.stack.sample().minus(before)

    def _queued(self, told: dict[str, Any], spent: Sample) -> Queued:
        row = self.stack.database.execute(ENDED, [told["began"]]).fetchone()
        assert row is not None
        count, applied, ended = row
        if not count == applied == told["count"]:
            raise RuntimeError(f"of {told['count']} jobs {applied} of {count} were applied")
        return Queued(count, ended - told["began"], told["processor"], spent)

    def queue_jobs(self, name: str, count: int) -> Queued:
        kept = self.kept[name]
        return self.queue("jobs", kept.domain, str(count), str(next(_first) % (kept.people - count)))

    def _wait_until_done(self) -> None:
        until = time.monotonic() + DONE_WITHIN
        while time.monotonic() < until:
            row = self.stack.database.execute(OPEN).fetchone()
            if row == (0,):
                return
            time.sleep(0.05)
        raise RuntimeError("the worker did not end all jobs")

    def count_statements(self, name: str) -> Said:
        """What the database hears of a few resets from the submitted password on, their people having proved themselves."""
        self.prove(name, COUNTED)
        self.stack.database.execute("SELECT pg_sleep(1)")  # the last codes
        with logged(self.stack.database, "submit") as submit, logged(self.stack.database, "worker") as worker:
            self.queue("requests")
            self.stack.database.execute("SELECT pg_sleep(1)")  # the last messages
        return Said.of(COUNTED, submit, [said for said in worker if is_of_a_job(said)])


def confirmed(cell: Cell) -> list[float]:
    """From the password sent to the page that says it was changed."""
    return cell.pages[CONFIRMED]
