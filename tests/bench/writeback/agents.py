"""The process that agents talk to, with many of them waiting, beside the others."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests import servers
from tests.bench import cells, processor, stacks
from tests.bench.cells import Cell
from tests.bench.stacks import BIN, ROOT
from tests.bench.writeback.measuring import Bench

CLIENTS = 8
# In turn, so that what else the machine does meets both alike: with agents, or without.
TURNS = (False, True, True, False, False, True)
OPTIONS = (
    "--no-access-log",
    "--no-proxy-headers",
    "--no-server-header",
    "--log-level=warning",
    "--timeout-keep-alive=75",
)


@dataclass
class Beside:
    """The pages of a reset by e-mail with and without waiting agents, and what the agents' process used meanwhile."""

    agents: int
    without: list[Cell] = field(default_factory=list)
    beside: list[Cell] = field(default_factory=list)
    used: float = 0.0
    seconds: float = 0.0
    answered: int = 0

    @property
    def share(self) -> float:
        """Of one core."""
        return self.used / self.seconds


def pages(found: list[Cell]) -> dict[str, list[float]]:
    """Of several cells together."""
    names = dict.fromkeys(name for cell in found for name in cell.pages)
    return {name: [took for cell in found for took in cell.pages[name]] for name in names}


def measure(bench: Bench, count: int, seconds: float) -> Beside:
    printed = stacks.run(
        [sys.executable, "-m", "tests.bench.writeback.enrolling", str(count)], bench.environment("bench")
    )
    file = bench.ground.folder / "agents.json"
    file.write_text(printed, encoding="utf-8")
    found = Beside(count)
    cells.warm_up(bench.stack)
    for is_beside in TURNS:
        if is_beside:
            with _waiting(bench, str(file), found) as pid:
                before = processor.spent(pid)
                cell = cells.load(bench.stack, CLIENTS, seconds)
                found.used += processor.spent(pid) - before
                found.seconds += cell.seconds
            found.beside.append(cell)
        else:
            found.without.append(cells.load(bench.stack, CLIENTS, seconds))
    return found


@contextmanager
def _waiting(bench: Bench, file: str, found: Beside) -> Iterator[int]:
    """The id of the process that all of them wait at. Raises RuntimeError when one stopped waiting."""
    port, log = servers.free_port(), bench.ground.folder / "agents.log"
    command = [str(BIN / "uvicorn"), "config.asgi:application", "--host=127.0.0.1", f"--port={port}", *OPTIONS]
    client = stacks.tied([sys.executable, "-m", "tests.bench.writeback.waiting", str(port), file])
    with (
        stacks.process(command, bench.environment("agents"), port, log) as server,
        subprocess.Popen(client, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as waiting,
    ):
        try:
            assert waiting.stdin is not None
            assert waiting.stdout is not None
            if waiting.stdout.readline() != "waiting\n":
                raise RuntimeError("the agents did not get to wait")
            yield server.pid
            waiting.stdin.write("end\n")
            waiting.stdin.flush()
            told = json.loads(waiting.stdout.readline())
        finally:
            waiting.kill()
    if told["errors"] or told["still_waiting"] != found.agents:
        raise RuntimeError(f"{told['still_waiting']} of {found.agents} agents waited to the end: {told['errors'][:1]}")
    found.answered += told["answered"]
