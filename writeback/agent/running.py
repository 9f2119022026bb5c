"""`run`: workers that wait for jobs, and a heart that looks at the directory and tells the server."""

import logging
import queue
import secrets
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from time import monotonic
from typing import Any

from writeback.agent import protocol
from writeback.agent.carrying import Means, carry
from writeback.agent.client import NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.rolling import roll
from writeback.agent.version import VERSION
from writeback.connectors.base import DirectoryError

HEARTBEAT_SECONDS = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
NOT_KNOWN_PAUSE = 30.0
FINISHES_FOR_SECONDS = 25.0

logger = logging.getLogger(__name__)


class Agent:
    """One running agent."""

    def __init__(self, means: Means, threads: int) -> None:
        self.means, self._threads = means, threads
        self.stopping = means.stopping
        self._busy = threading.Semaphore(threads)
        self._said: set[str] = set()
        self._wanted: queue.Queue[object] = queue.Queue(1)

    def run(self) -> None:
        """Until `stopping` is set; what was begun is finished."""
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True).start()
        threading.Thread(target=self._beat, name="heart", daemon=True).start()
        threading.Thread(target=self._bring_in, name="reader", daemon=True).start()
        self.stopping.wait()
        logger.info("Told to end: finishing what was begun")
        until = monotonic() + FINISHES_FOR_SECONDS
        for _ in range(self._threads):
            # Whoever waits for work is not busy; the server gives what it would have had to others.
            if not self._busy.acquire(timeout=max(0.0, until - monotonic())):
                logger.warning("A job was not finished in time; its outcome is found out by another agent")
                return

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def _work(self) -> None:
        pause = _Pause(self.stopping)
        while not self.stopping.is_set():
            job = self._next(pause)
            if job is None:
                continue
            with self._busy:
                carry(self.means, job)

    def _next(self, pause: "_Pause") -> protocol.HandedJob | None:
        keys = [keys.sealing.key_id for keys in self.means.state.all_keys]
        try:
            answer = self.means.client.ask(protocol.POLL, {"keys": keys}, protocol.POLL_SECONDS + 15.0)
            job = answer.get("job")
            pause.over()
            self._say("reached", "The server is reached")
            return protocol.HandedJob.from_json(job) if job is not None else None
        except NotReached as error:
            self._say("lost", f"The server is not reached: {error}")
            pause.longer()
        except NotKnown:
            self._say("unknown", "The server doesn't know this agent: not approved yet, or revoked")
            pause.wait(NOT_KNOWN_PAUSE)
        except (NotThere, NotTaken, protocol.Malformed) as error:
            self._say("strange", f"This is no Rekey server, or one of another version ({type(error).__name__})")
            pause.longer()
        return None

    def _say(self, state: str, text: str) -> None:
        """Each change once, not once for each worker and try."""
        if state not in self._said:
            self._said = {state} | (self._said & {"outdated"})
            logger.log(logging.INFO if state == "reached" else logging.WARNING, text)

    def _beat(self) -> None:
        while not self.stopping.is_set():
            try:
                self._beat_once()
            except Exception as error:  # the heart goes on; workers say for themselves what is wrong
                logger.error("A look at the directory failed: %s", type(error).__name__)
            self.stopping.wait(HEARTBEAT_SECONDS + secrets.randbelow(4000) / 1000)

    def _beat_once(self) -> None:
        look = looked(self.means)
        try:
            answer = self.means.client.ask(protocol.HEARTBEAT, look)
        except (NotReached, NotKnown, NotThere, NotTaken):
            return
        current = answer.get("current_version")
        if current != VERSION and "outdated" not in self._said:
            self._said.add("outdated")
            logger.warning("This agent is version %s, the server has %s", VERSION, str(current)[:20])
        if answer.get("roll") is True:
            roll(self.means.client, self.means.state)
        elif answer.get("keep_earlier_keys") is False:
            self.means.state.drop_earlier()
        if answer.get("sync") is not None:
            with suppress(queue.Full):  # one is being read, or waits to be
                self._wanted.put_nowait(answer["sync"])

    def _bring_in(self) -> None:
        while not self.stopping.is_set():
            wanted = self._wanted.get()
            try:
                self.means.bring_in(wanted)
            except Exception as error:  # the next heartbeat asks again
                logger.error("The directory could not be read: %s", type(error).__name__)


def looked(means: Means) -> dict[str, Any]:
    """What one look at the directory finds, as the server wants to hear it."""
    try:
        connector = means.connect()
        probe = connector.probe()
    except DirectoryError as error:
        return {"version": VERSION, "reachable": False, "answer": str(error)[:300]}
    return {
        "version": VERSION,
        "reachable": True,
        "answer": "",
        "server": probe.server,
        "vendor": probe.vendor,
        "capabilities": asdict(connector.capabilities),
        "warnings": list(probe.warnings),
        "honours_history": probe.honours_history_on_reset,
    }


class _Pause:
    """Grows with each failure, and differs between agents, so that they don't come back all at once."""

    def __init__(self, stopping: threading.Event, draw: Callable[[int], int] = secrets.randbelow) -> None:
        self._stopping, self._draw = stopping, draw
        self._seconds = FIRST_PAUSE

    def over(self) -> None:
        self._seconds = FIRST_PAUSE

    def longer(self) -> None:
        self.wait(self._seconds)
        self._seconds = min(2 * self._seconds, LONGEST_PAUSE)

    def wait(self, seconds: float) -> None:
        self._stopping.wait(seconds * (0.5 + self._draw(1000) / 1000))
