"""What waiting agents cost: `python -m tests.bench.agents_waiting [AGENTS]`, on a PostgreSQL of its own.

Prints the share of a core that the agents' process and the database take while all wait, and how long a job is under way
to an agent. Each agent has a directory of its own: the worst case.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from accounts import keyfiles
from tests import servers
from tests.processes import ROOT

IDLE_SECONDS, JOBS = 10.0, 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name, servers.postgresql() as url:
        _environment(Path(name), url)
        bench = import_module("tests.bench.agents_rows")
        sides = bench.make(count)
        port = servers.free_port()
        door = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--port={port}", "--no-access-log"],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            servers.wait_until(lambda: servers.listens(port), door)
            asyncio.run(_measure(bench, sides, port, door.pid))
        finally:
            servers.stop(door)


def _environment(folder: Path, url: str) -> None:
    keys, signing, executor, _ = keyfiles.make(folder / "keys", date(2026, 1, 1))
    for line in keys.read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ[name] = value.strip("'")
    os.environ.update(
        REKEY_PROFILE="embedded", VAR_DIR=str(folder), DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url,
        SIGNING_KEY_FILE=str(signing), EXECUTOR_KEY_FILE=str(executor), VAPID_PRIVATE_KEY_FILE="",
    )  # fmt: skip


async def _measure(bench: Any, sides: list[Any], port: int, pid: int) -> None:
    taken: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    waits = [asyncio.create_task(_wait(side, port, taken)) for side in sides]
    await asyncio.sleep(3.0)
    before, started = _cpu(pid), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    idle = 100 * (_cpu(pid) - before) / (time.monotonic() - started)
    took = []
    for number in range(JOBS):
        side = sides[number % len(sides)]
        began, job = await asyncio.to_thread(bench.submit, side)
        found, at = await taken.get()
        assert found == job
        took.append(1000 * (at - began))
    for task in waits:
        task.cancel()
    took.sort()
    sys.stdout.write(
        f"{len(sides)} agents wait: {idle:.1f} % of a core. A job reaches its agent after "
        f"p50 {statistics.median(took):.0f} ms, p99 {took[int(len(took) * 0.99) - 1]:.0f} ms.\n"
    )


def _cpu(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _wait(side: Any, port: int, taken: "asyncio.Queue[tuple[str, float]]") -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        job = (await _ask(reader, writer, side, "poll", {"keys": [side.sealing.key_id]}))["job"]
        if job is None:
            continue
        await taken.put((job["id"], time.monotonic()))
        done = {"job": job["id"], "attempt": job["attempt"], "outcome": "applied", "steps": {"password": "done"}}
        await _ask(reader, writer, side, "result", done)


async def _ask(reader: Any, writer: Any, side: Any, name: str, content: dict[str, Any]) -> Any:
    path, body = f"/api/v1/agent/{name}", json.dumps(content).encode()
    headers = side.headers(path, body) | {"content-type": "application/json", "content-length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", "host: localhost", *(f"{key}: {value}" for key, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    answer = await reader.readexactly(length)
    assert " 200 " in head.partition("\r\n")[0], (head, answer)
    return json.loads(answer)


if __name__ == "__main__":
    main()
