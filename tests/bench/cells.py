"""Measuring: one cell is one side under so many clients for so many seconds."""

import itertools
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.bench.browser import Browser
from tests.bench.post_office import Asking
from tests.bench.stacks import ROOT, Ground, Sample, Stack, tied
from tests.bench.statements import Counted, count, logged

WARM_UP_JOURNEYS = 48
COUNTED_JOURNEYS = 10
SHOWN = re.compile(rb'<(?:link rel="(?:icon|stylesheet)" href|script src|img src)="([^"]+)"')
LATENCIES = """
    SELECT message.id::text, extract(epoch FROM pg_xact_commit_timestamp(event.xmin))
    FROM notifications_message message
    JOIN accounts_auditevent event ON event.correlation_id = message.correlation_id
    WHERE event.activity = 'reset.verification_started' AND message.kind = 'passcode' AND message.id = ANY(%s::uuid[])
"""

_first = itertools.count(0, 1_000)  # nobody is reset often enough to be throttled


@dataclass
class Cell:
    """What one load did. Times in seconds."""

    clients: int
    seconds: float
    resets: list[float]
    pages: dict[str, list[float]]
    spent: Sample
    client_processor: float
    on_its_way: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.resets) / self.seconds

    @property
    def web_ms(self) -> float:
        return 1000 * self.spent.web / len(self.resets)

    @property
    def database_ms(self) -> float:
        return 1000 * self.spent.database / len(self.resets)

    @property
    def total_ms(self) -> float:
        """CPU milliseconds of web and database for one reset."""
        return self.web_ms + self.database_ms

    @property
    def worker_ms(self) -> float:
        return 1000 * (self.spent.worker + self.spent.database_of_worker) / len(self.resets)


def percentile(values: list[float], share: float) -> float:
    """By nearest rank; 0 for nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def load(
    stack: Stack,
    clients: int,
    seconds: float,
    journeys: int = 0,
    pace: float = 0.0,
    module: str = "tests.bench.load",
    **more: Any,
) -> Cell:
    """Run virtual users from a process of their own. Raises RuntimeError when a reset went wrong.

    `module` is their process, `more` what it has to know besides.
    """
    plan = {
        "side": stack.side, "port": stack.port, "host": stack.host, "users": stack.users, "place": stack.place,
        "clients": clients, "seconds": seconds, "journeys": journeys, "first": next(_first),
        "pace": pace, **more,
    }  # fmt: skip
    command = tied([sys.executable, "-m", module])
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        try:
            _say(client, json.dumps(plan))
            if client.stdout.readline() != "ready\n":
                raise RuntimeError("the load did not start")
            before = stack.sample()
            _say(client, "go")
            done = json.loads(client.stdout.readline())
            spent = stack.sample().minus(before)
            _say(client, "end")
        finally:
            client.stdin.close()
            if client.poll() is None and sys.exc_info()[0] is not None:
                client.kill()
    if done["errors"] or not done["resets"]:
        said = stack.log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{stack.side}: {done['errors'][:1] or 'no reset was completed'}\n{said}")
    pages: dict[str, list[float]] = defaultdict(list)
    for name, took in done["pages"]:
        pages[name].append(took)
    return Cell(clients, done["seconds"], done["resets"], pages, spent, done["processor"])


def _say(client: "subprocess.Popen[str]", line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(line + "\n")
    client.stdin.flush()


def warm_up(stack: Stack) -> None:
    """Every thread has its connection and its templates afterwards."""
    load(stack, 8, 60, WARM_UP_JOURNEYS)


def measure(ground: Ground, stack: Stack, clients: int, seconds: float, pace: float = 0.0) -> Cell:
    """One cell, with the way of its codes where they go by mail."""
    asking = Asking(ground.ask_port)
    asking.times()
    cell = load(stack, clients, seconds, pace=pace)
    if stack.side == "rekey":
        arrived = asking.times()
        rows = stack.database.execute(LATENCIES, [list(arrived)]).fetchall()
        cell.on_its_way = [arrived[message] - float(committed) for message, committed in rows]
    asking.close()
    return cell


@dataclass(frozen=True)
class Counts:
    """Per reset, on the web side; per message, on the worker's."""

    web: Counted
    worker: Counted
    resets: int
    messages: int
    requests: float


def count_statements(stack: Stack) -> Counts:
    """What the database heard during a few resets of one client."""
    with logged(stack.database, "web") as web, logged(stack.database, "worker") as worker:
        cell = load(stack, 1, 60, COUNTED_JOURNEYS)
        stack.database.execute("SELECT pg_sleep(1)")  # the last messages
    delivering = [said for said in worker if any("notifications_delivery" in text for text in said)]
    messages = sum('INSERT INTO "notifications_delivery' in text for said in delivering for text in said)
    requests = sum(map(len, cell.pages.values())) / COUNTED_JOURNEYS
    return Counts(count(web), count(delivering), COUNTED_JOURNEYS, messages, requests)


@dataclass(frozen=True)
class FirstPage:
    """Bytes of the page and everything it shows, as they are and as a browser that takes gzip gets them."""

    requests: int
    size: int
    compressed: int


def first_page(stack: Stack) -> FirstPage:
    browser = Browser(stack.port, stack.host, is_secure=True)
    browser.begin("10.200.0.1")
    page = browser.get("first page", "/reset/")
    shown = sorted({address.decode() for address in SHOWN.findall(page.body)})
    parts = [browser.get("part", address) for address in shown]
    compressed = [browser.get("part", address, "gzip, br").body for address in ("/reset/", *shown)]
    sizes = [len(page.body), *(len(part.body) for part in parts)]
    return FirstPage(1 + len(shown), sum(sizes), sum(map(len, compressed)))
