"""Many agents that wait for work, each with a connection of its own: `python -m tests.bench.writeback.waiting PORT FILE`.

FILE is what `enrolling` printed. Each asks, waits until the server answers, and asks again, signed as an agent signs. A
line `waiting` goes out when all have asked; the next line in ends it, and JSON goes out: answers, and what went wrong.
"""

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from writeback.agent import protocol

PATH = protocol.PREFIX + protocol.POLL
BEGIN_WITHIN = 2.0


class Waiting:
    """All of them."""

    def __init__(self, port: int, agents: list[dict[str, str]]) -> None:
        self.port, self.agents = port, agents
        self.asked = self.answered = 0
        self.errors: list[str] = []

    async def agent(self, place: int, known: dict[str, str]) -> None:
        await asyncio.sleep(BEGIN_WITHIN * place / len(self.agents))
        key = Ed25519PrivateKey.from_private_bytes(protocol.from_text(known["signing"]))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            writer.write(request(known, key))
            await writer.drain()
            self.asked += 1
            status, answer = await answered(reader)
            self.answered += 1
            if status != 200 or answer != {"job": None}:
                self.errors.append(f"{status} {answer}")
                return

    async def run(self) -> dict[str, Any]:
        tasks = [asyncio.create_task(self.agent(place, known)) for place, known in enumerate(self.agents)]
        while self.asked < len(self.agents) and not self.errors:
            await asyncio.sleep(0.1)
        sys.stdout.write("waiting\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        ended = [task.exception() for task in tasks if task.done() and task.exception()]
        still_waiting = sum(not task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {
            "answered": self.answered,
            "still_waiting": still_waiting,
            "errors": self.errors + [repr(error) for error in ended],
        }


def request(known: dict[str, str], key: Ed25519PrivateKey) -> bytes:
    body = json.dumps({"keys": [known["sealing"]]}).encode()
    moment, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = key.sign(protocol.signed_text(PATH, known["agent"], moment, nonce, body))
    headers = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        protocol.AGENT: known["agent"],
        protocol.TIME: moment,
        protocol.NONCE: nonce,
        protocol.SIGNATURE: protocol.to_text(signature),
    }
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
    return status, json.loads(await reader.readexactly(length))


if __name__ == "__main__":
    waiting = Waiting(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    sys.stdout.write(json.dumps(asyncio.run(waiting.run())) + "\n")
