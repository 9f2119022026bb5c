"""The SMTP server that takes Rekey's mails, in a process of its own: `python -m tests.bench.post_office SMTP_PORT ASK_PORT`.

Asked over ASK_PORT, one line each: `code ADDRESS` answers with the passcode as soon as it is there, `times` with a JSON
object of Message-ID and the moment (seconds since 1970) of the 250, and forgets them.
"""

import asyncio
import json
import re
import socket
import sys
import time
from collections import defaultdict
from typing import Any

from aiosmtpd.smtp import SMTP

CODE = re.compile(rb"^(\d{6})\s*$", re.MULTILINE)
MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE | re.IGNORECASE)


class Mailboxes:
    """What arrived, by address."""

    def __init__(self) -> None:
        self.codes: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)
        self.times: dict[str, float] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        named, code = MESSAGE_ID.search(envelope.content), CODE.search(envelope.content)
        if named:
            self.times[named.group(1).decode()] = time.time()
        if code:
            self.codes[envelope.rcpt_tos[0]].put_nowait(code.group(1).decode())
        return "250 2.0.0 taken"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            if line == "times":
                answer, self.times = json.dumps(self.times), {}
            else:
                address = line.partition(" ")[2]
                answer = await self.codes[address].get()
                del self.codes[address]
            writer.write(answer.encode() + b"\n")
            await writer.drain()
        writer.close()


async def serve(smtp_port: int, ask_port: int) -> None:
    mailboxes = Mailboxes()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(mailboxes, hostname="localhost", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", smtp_port
    )
    asked = await asyncio.start_server(mailboxes.talk, "127.0.0.1", ask_port, limit=2**24)
    async with smtp, asked:
        await asyncio.gather(smtp.serve_forever(), asked.serve_forever())


class Asking:
    """A connection to the post office, for the client."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rwb")

    def code(self, address: str) -> str:
        return self._ask(f"code {address}")

    def times(self) -> dict[str, float]:
        found: dict[str, float] = json.loads(self._ask("times"))
        return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _ask(self, line: str) -> str:
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        return self._file.readline().decode().strip()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
