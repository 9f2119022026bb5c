"""Workers, agents, database, broker and directories killed again and again while passwords are written.

REKEY_KILLS says how many kills (50 unless given), REKEY_KILLS_SEED repeats a run.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.faults.agents_side import AGENTS
from tests.faults.stack import soon
from tests.faults.submitting import CANARY
from tests.faults.writeback_stack import WORKERS, WritebackStack, forms, has_canary, writeback_stack
from tests.writeback.job_life import UNTIL_LOST

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.smtp, pytest.mark.directory]
KILLS = int(os.environ.get("REKEY_KILLS", "50"))
SEED = int(os.environ.get("REKEY_KILLS_SEED") or random.SystemRandom().randrange(2**32))
WITHIN_SECONDS = 45.0
MOST_BETWEEN = 12
PAUSE_SECONDS = 1.5
CLAIMED = "FROM writeback_writebackjob WHERE status = 'claimed'"
SWEEP = timedelta(seconds=settings.JOB_SWEEP_SECONDS)
SLACK = timedelta(seconds=2)
LONG_ENOUGH = 16  # not to be found by chance in what is sealed and written in base64
NOTHING_WRITTEN = ("rejected", "failed", "expired", "superseded")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WritebackStack]:
    with writeback_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(running: WritebackStack) -> WritebackStack:
    """Each test begins with all parts up and nothing submitted; the first one with people as they were."""
    running.begin()
    return running


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def test_nothing_is_lost_or_confused_however_often_parts_are_killed(stack: WritebackStack) -> None:
    say(f"REKEY_KILLS_SEED={SEED}")
    assert_no_core_dumps(stack)
    began = time.monotonic()
    stack.start_submitting(SEED, WITHIN_SECONDS)
    killed = kill_at_random(stack, random.Random(SEED))
    stack.stop("submitting")
    assert not [name for name, process in stack.processes.items() if process.poll() is not None]
    soon_ended(stack)
    assert_right(stack, killed, time.monotonic() - began)
    assert_no_canary(stack)


def kill_at_random(stack: WritebackStack, dice: random.Random) -> Counter[str]:
    """Kill one part after the other. The moments are random numbers of passwords submitted, or of milliseconds."""
    ways = {
        "worker": stack.kill_worker,
        "agent": stack.kill_agent,
        "agents' process": stack.kill_door,
        "directory": stack.kill_directory,
        "database": stack.kill_database,
        "broker": stack.kill_broker,
    }
    soon(lambda: stack.submitted() > 20)
    killed: Counter[str] = Counter()
    for _ in range(KILLS):
        submitted, until = stack.submitted() + dice.randint(1, MOST_BETWEEN), time.monotonic() + PAUSE_SECONDS
        while stack.submitted() < submitted and time.monotonic() < until:
            time.sleep(dice.random() / 100)
        part = dice.choices(list(ways), weights=[3, 3, 2, 4, 2, 3])[0]
        if part == "broker":
            assert_nothing_in_broker(stack)
        ways[part](dice)
        killed[part] += 1
    return killed


def soon_ended(stack: WritebackStack) -> None:
    """Every job ends by its deadline, found by the sweep."""
    until = time.monotonic() + WITHIN_SECONDS + 15
    while left := stack.open_jobs():
        assert time.monotonic() < until, f"{left} jobs did not end"
        time.sleep(0.2)


def assert_right(stack: WritebackStack, killed: Counter[str], seconds: float) -> None:
    ends: Counter[str] = Counter()
    for directory, person in stack.people:
        jobs = stack.jobs_of(person.anchor)
        places = stack.places_of(directory, person, jobs)
        ends.update(job.status for job in jobs)
        assert all(job.sealed == b"" for job in jobs)
        assert places == sorted(set(places)), f"an older one over a newer one, or one twice: {places}"
        for number, job in enumerate(jobs):
            story = f"job {number} of {person.uid} is {job.status} {job.reason}; the directory had {places}"
            assert job.status != "applied" or number in places, story
            assert job.status not in NOTHING_WRITTEN or number not in places, story
        current = places[-1]
        if current >= 0:
            assert directory.binds(person.dn, jobs[current].password)
            assert jobs[current].status in ("applied", "unconfirmed")
    say(f"{sum(killed.values())} kills ({dict(killed)}) in {seconds:.0f} s; {ends.total()} jobs ended: {dict(ends)}")
    assert ends["applied"] > KILLS


def assert_nothing_in_broker(stack: WritebackStack) -> None:
    """What a broker would leave on a disk."""
    with redis.Redis.from_url(stack.redis.url) as broker:
        broker.save()
    dump = stack.redis.folder / "dump.rdb"
    assert dump.exists()
    assert not has_canary(dump.read_bytes())
    dump.unlink()


def assert_no_canary(stack: WritebackStack) -> None:
    for form in forms(CANARY):
        assert len(form) >= LONG_ENOUGH
        assert has_canary(b"before" + form + b"after")
    assert has_canary(stack.ledger.read_bytes())
    stack.sql("CHECKPOINT")
    assert_nothing_in_broker(stack)
    assert stack.places_with_canary() == []


def assert_no_core_dumps(stack: WritebackStack) -> None:
    for name in (*WORKERS, *AGENTS, "door"):
        soon(partial(has_no_core_dumps, Path(f"/proc/{stack.processes[name].pid}/limits")))


def has_no_core_dumps(limits: Path) -> bool:
    line = next(line for line in limits.read_text().splitlines() if line.startswith("Max core file size"))
    return line.split()[4:6] == ["0", "0"]


def test_executors_frozen_between_claim_and_write_write_nothing_after_the_deadline(stack: WritebackStack) -> None:
    """The directories hold their first answers back until all executors are frozen; then time goes by."""
    executors = [stack.processes[name] for name in (*WORKERS, *AGENTS)]
    directories = [directory.process for directory in stack.directories.values() if directory.process]
    before = stack.all_passwords()
    send(signal.SIGSTOP, directories)
    stack.start_submitting(SEED + 1, 4.0)
    soon(lambda: stack.sql(f"SELECT 1 {CLAIMED} HAVING count(DISTINCT connector_id) = 2"))
    send(signal.SIGSTOP, executors)
    stack.stop("submitting")
    send(signal.SIGCONT, directories)
    soon(lambda: stack.sql("SELECT 1 FROM writeback_writebackjob HAVING max(deadline) < now()"))
    send(signal.SIGCONT, executors)
    soon_ended(stack)
    assert stack.all_passwords() == before
    ends = {status for (status,) in stack.sql("SELECT status FROM writeback_writebackjob")}
    assert "expired" in ends
    assert ends <= {"expired", "superseded"}


def test_a_job_of_a_killed_executor_is_found_by_the_sweep_in_time(stack: WritebackStack) -> None:
    """Its lease, the longest operation, a sweep that frees it, and one that carries it out."""
    directories = [directory.process for directory in stack.directories.values() if directory.process]
    send(signal.SIGSTOP, directories)
    stack.start_submitting(SEED + 2, WITHIN_SECONDS)
    soon(lambda: stack.sql(f"SELECT 1 {CLAIMED} HAVING count(DISTINCT connector_id) = 2"))
    stack.stop("submitting")
    for name in (*WORKERS, *AGENTS):
        stack.kill(name)
    claimed = stack.sql(f"SELECT id, claimed_at {CLAIMED}")
    send(signal.SIGCONT, directories)
    for name in WORKERS:
        stack.start_worker_named(name)
    for name in AGENTS:
        stack.start_agent(name)
    soon_ended(stack)
    for job, lost_at in claimed:
        ((status, found_at),) = stack.sql("SELECT status, claimed_at FROM writeback_writebackjob WHERE id = %s", job)
        waited = found_at - lost_at
        assert (status, waited >= UNTIL_LOST) in (("applied", True), ("superseded", False), ("unconfirmed", False))
        assert waited < UNTIL_LOST + 2 * SWEEP + SLACK


def send(what: int, processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(what)
