"""The ASGI application: reads a request within limits, runs what it asks for in a thread, answers in JSON.

Nothing of an error goes out but its kind. Waiting requests are coroutines; `WaitingRoom` asks the database for all of them.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections, connections

from accounts.visitor import Visitor, client_address
from writeback.agent import protocol
from writeback.agent_api import endpoints
from writeback.agent_api.endpoints import Answer, Handed
from writeback.agent_api.refusals import NotAllowed, NotFound
from writeback.agent_api.signed import NotKnown, Signed
from writeback.agent_api.throttle import Failures
from writeback.agent_api.waiting import CutOff, Waiter, WaitingRoom

THREADS = 8
BODY_SECONDS = 10.0
BIG_PATHS = (protocol.PREFIX + protocol.SYNC_PAGE,)
SYNC_THREADS = 2
SYNC_SECONDS = 20.0

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

logger = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered with a status and one word."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


class Gone(Exception):
    """The other side hung up."""


class AgentApi:
    """Answers agents. One per process."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="database")
        # Bringing people in takes long: a job must not wait behind it.
        self._sync_threads = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="sync")
        self._room: WaitingRoom | None = None
        self._looking: asyncio.Task[None] | None = None
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def close(self) -> None:
        """End the looking, and the threads with their connections."""
        if self._looking:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        waiting = [self._threads.submit(connections.close_all) for _ in range(THREADS)]
        await asyncio.gather(*map(asyncio.wrap_future, waiting))
        self._threads.shutdown(wait=False)
        self._sync_threads.shutdown(wait=False)

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run where the database may be used. The connection is the thread's, and kept as long as CONN_MAX_AGE says."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(_with_connection, function, *args)
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, answer = 200, await self._asked(scope, receive)
        except Refused as refusal:
            status, answer = refusal.status, {"error": refusal.word}
        except NotKnown:
            status, answer = 401, {"error": "not known"}
        except protocol.Malformed:
            status, answer = 400, {"error": "malformed"}
        except NotFound:
            status, answer = 404, {"error": "not found"}
        except NotAllowed as error:
            status, answer = 409, {"error": str(error)}
        except Gone:
            return
        except Exception as error:  # agents come back; what went wrong is for this log only
            logger.error("%s failed: %s", scope["path"], type(error).__name__, exc_info=settings.DEBUG)
            status, answer = 503, {"error": "not now"}
        await _send(send, status, answer)

    async def _asked(self, scope: Scope, receive: Receive) -> Answer:
        path: str = scope["path"]
        name = path.removeprefix(protocol.PREFIX)
        if not path.startswith(protocol.PREFIX) or name not in (*endpoints.ENDPOINTS, protocol.POLL):
            raise Refused(404, "not found")
        if scope["method"] != "POST":
            raise Refused(405, "post only")
        headers = _headers(scope)
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(415, "json only")
        body = await _body(receive, headers, protocol.MOST_PAGE_BYTES if path in BIG_PATHS else protocol.MOST_BYTES)
        request = Signed.read(path, headers, body)
        if name == protocol.POLL:
            return await self._poll(request, receive)
        if name == protocol.ENROL:
            return await self._enrol(request, _network(scope, headers))
        if name.startswith("sync/"):
            return await self._sync(endpoints.ENDPOINTS[name], request)
        return await self.in_thread(endpoints.ENDPOINTS[name], request)

    async def in_sync_thread(self, function: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._sync_threads, partial(_with_connection, function, *args))

    async def _sync(self, function: Callable[[Signed], Answer], request: Signed) -> Answer:
        """What takes longer than a proxy waits goes on without the agent; the console says what came of it."""
        working = asyncio.ensure_future(self.in_sync_thread(function, request))
        try:
            return await asyncio.wait_for(asyncio.shield(working), SYNC_SECONDS)
        except TimeoutError:
            working.add_done_callback(_log_failure)
            return {"done": False}

    async def _enrol(self, request: Signed, network: str) -> Answer:
        """Codes can't be guessed; nobody gets to try it by the thousand either."""
        if self._failures.are_too_many(network):
            raise Refused(429, "later")
        try:
            return await self.in_thread(endpoints.enrol, request)
        except (NotKnown, protocol.Malformed):
            self._failures.count(network)
            raise

    async def _poll(self, request: Signed, receive: Receive) -> Answer:
        """A job as soon as there is one; nothing after POLL_SECONDS."""
        asking = await self.in_thread(endpoints.poll, request)
        waiter = Waiter(asking.agent, asking.connector)
        until = time.monotonic() + protocol.POLL_SECONDS
        hung_up = asyncio.ensure_future(_hung_up(receive))
        try:
            while (left := until - time.monotonic()) > 0:
                job_id = await _first(self._waiting_room().wait(waiter, left), hung_up)
                if job_id is None:
                    break
                handed = await self._claimed(asking, job_id)
                if handed is None:
                    waiter.not_for.add(job_id)
                elif hung_up.done():
                    await self.in_thread(endpoints.hand_back, handed.job)
                    raise Gone
                else:
                    return {"job": handed.answer}
        except CutOff:
            raise NotKnown from None
        finally:
            hung_up.cancel()
        return {"job": None}

    async def _claimed(self, asking: endpoints.Asking, job_id: Any) -> Handed | None:
        """Claim, and when this process is told to end meanwhile, give back what was claimed."""
        claiming = asyncio.ensure_future(self.in_thread(endpoints.hand_over, asking, job_id))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            handed = await claiming
            if handed is not None:
                await self.in_thread(endpoints.hand_back, handed.job)
            raise

    def _waiting_room(self) -> WaitingRoom:
        if self._room is None:
            self._room = WaitingRoom(self.in_thread)
            self._looking = asyncio.get_running_loop().create_task(self._room.run())
        return self._room


def _with_connection(function: Callable[..., T], *args: Any) -> T:
    close_old_connections()
    try:
        return function(*args)
    finally:
        close_old_connections()


def _log_failure(ended: "asyncio.Future[Answer]") -> None:
    if not ended.cancelled() and ended.exception():
        logger.warning("People were not brought in: %s", type(ended.exception()).__name__)


async def _first(waiting: Coroutine[Any, Any, T], hung_up: "asyncio.Future[None]") -> T:
    """What comes of waiting. Raises Gone where the other side hangs up before."""
    task = asyncio.create_task(waiting)
    everything: set[asyncio.Future[Any]] = {task, hung_up}
    try:
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        task.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _headers(scope: Scope) -> dict[str, str]:
    """Names come in lower case; of a repeated one the last counts, and X-Forwarded-For is put together."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]},{text}" if key == "x-forwarded-for" and key in found else text
    return found


def _network(scope: Scope, headers: Mapping[str, str]) -> str:
    remote = scope["client"][0] if scope.get("client") else ""
    forwarded = headers.get("x-forwarded-for", "")
    return Visitor(client_address(remote, forwarded, settings.TRUSTED_PROXY_COUNT)).network


async def _body(receive: Receive, headers: Mapping[str, str], most: int) -> bytes:
    """The whole body, up to so many bytes, within BODY_SECONDS. Raises Refused or Gone."""
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > most:
        raise Refused(413, "too big")
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                body += bytes(message.get("body", b""))
                if len(body) > most:
                    raise Refused(413, "too big")
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise Refused(408, "too slow") from None


async def _send(send: Send, status: int, answer: Answer) -> None:
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
