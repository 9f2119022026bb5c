"""The process agents talk to, spoken to in its own language (ASGI); the test's own thread does what asks the database."""

import asyncio
import json
import queue
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.agents.far_side import PASSWORD, FarSide, again, submit
from writeback import agents
from writeback.agent import protocol
from writeback.agent_api import endpoints, waiting
from writeback.agent_api.application import AgentApi
from writeback.models import Connector, WritebackJob

Status = WritebackJob.Status


class Here(AgentApi):
    """Its threads would not see the transaction of a test: what they would do is put into a queue instead."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: queue.Queue[Callable[[], None] | None] = queue.Queue()

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        answer: Future[Any] = Future()

        def answers() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(function(*args))
            except Exception as error:
                answer.set_exception(error)

        self.asked.put(answers)
        return await asyncio.wrap_future(answer)


class Call:
    """One request and what came back."""

    def __init__(self, app: AgentApi, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> None:
        self.app, self.status, self.body, self.sent = app, 0, b"", asyncio.Event()
        self.hung_up = asyncio.Event()
        usual = {"content-type": "application/json", "content-length": str(len(body))} | headers
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in usual.items()],
            "client": ("192.0.2.1", 1),
        }
        self.parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive(self) -> dict[str, Any]:
        if self.parts:
            return self.parts.pop(0)
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    async def run(self) -> "Call":
        await self.app(self.scope, self.receive, self.send)
        return self

    @property
    def answer(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[AgentApi], Awaitable[Any]]], Any]:
    monkeypatch.setattr(protocol, "POLL_SECONDS", 0.5)
    monkeypatch.setattr(waiting, "STANDING_SECONDS", 0.0)

    def runs(test: Callable[[AgentApi], Awaitable[Any]]) -> Any:
        app = Here()

        async def all_of_it() -> Any:
            try:
                async with asyncio.timeout(10):
                    return await test(app)
            finally:
                if app._looking:
                    app._looking.cancel()
                app.asked.put(None)

        with ThreadPoolExecutor(1) as threads:
            ending = threads.submit(asyncio.run, all_of_it())
            while (asked := app.asked.get()) is not None:
                asked()
            return ending.result()

    return runs


Runs = Callable[[Callable[[AgentApi], Coroutine[Any, Any, Any]]], Any]


def call(app: AgentApi, far: FarSide, name: str, **content: Any) -> Call:
    path, body = protocol.PREFIX + name, json.dumps(content).encode()
    return Call(app, path, body, far.headers(path, body))


def poll(app: AgentApi, far: FarSide) -> Call:
    return call(app, far, protocol.POLL, keys=[far.sealing.key_id])


@pytest.mark.parametrize(
    ("path", "method", "body", "headers", "status"),
    [
        ("/", "POST", b"{}", {}, 404),
        ("/api/v1/agent/", "POST", b"{}", {}, 404),
        ("/api/v1/agent/nothing", "POST", b"{}", {}, 404),
        ("/api/v1/agent/poll/", "POST", b"{}", {}, 404),
        ("/admin/", "POST", b"{}", {}, 404),
        ("/api/v1/agent/poll", "GET", b"", {}, 405),
        ("/api/v1/agent/poll", "POST", b"{}", {"content-type": "text/plain"}, 415),
        ("/api/v1/agent/poll", "POST", b"{}", {"content-length": "65537"}, 413),
        ("/api/v1/agent/poll", "POST", b"{}", {"content-length": "many"}, 413),
        ("/api/v1/agent/poll", "POST", b"x" * 65_537, {"content-length": "1"}, 413),
        ("/api/v1/agent/poll", "POST", b"{}", {}, 401),
        ("/api/v1/agent/enrol", "POST", b"{}", {}, 401),
    ],
)
def test_what_is_no_request_of_an_agent_is_refused_without_detail(
    path: str, method: str, body: bytes, headers: dict[str, str], status: int, run: Runs
) -> None:
    got = run(lambda app: Call(app, path, body, headers, method).run())
    assert got.status == status
    assert set(got.answer) == {"error"}
    assert len(got.body) < 60


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b'"text"', b"[" * 5000])
def test_a_signed_body_that_is_no_object_is_malformed(body: bytes, far: FarSide, run: Runs) -> None:
    path = protocol.PREFIX + protocol.POLL
    got = run(lambda app: Call(app, path, body, far.headers(path, body)).run())
    assert (got.status, got.answer) == (400, {"error": "malformed"})


def test_an_error_shows_nothing_of_itself(far: FarSide, run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_request: Any) -> Any:
        raise RuntimeError(PASSWORD)

    monkeypatch.setitem(endpoints.ENDPOINTS, protocol.STATUS, fails)
    got = run(lambda app: call(app, far, protocol.STATUS).run())
    assert (got.status, got.answer) == (503, {"error": "not now"})


def test_a_job_that_waits_is_answered_at_once(far: FarSide, dora: User, office: Connector, run: Runs) -> None:
    job = submit(dora, office)
    got = run(lambda app: poll(app, far).run())
    assert got.answer["job"]["id"] == str(job.pk)
    assert again(job).status == Status.CLAIMED


def test_a_job_wakes_one_of_those_who_wait(far: FarSide, dora: User, office: Connector, run: Runs) -> None:
    second = FarSide.approved(office, "two")

    async def both(app: AgentApi) -> list[Call]:
        waits = [asyncio.create_task(poll(app, one).run()) for one in (far, second)]
        await asyncio.sleep(0.05)
        await app.in_thread(submit, dora, office)
        return list(await asyncio.gather(*waits))

    answers = [got.answer["job"] for got in run(both)]
    assert sorted(answer is None for answer in answers) == [False, True]


def test_without_work_a_poll_ends_with_nothing(far: FarSide, run: Runs) -> None:
    got = run(lambda app: poll(app, far).run())
    assert (got.status, got.answer) == (200, {"job": None})


def test_q5_a_revoked_agent_is_cut_off_while_it_waits(far: FarSide, run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "POLL_SECONDS", 5)

    async def revoked(app: AgentApi) -> Call:
        waits = asyncio.create_task(poll(app, far).run())
        await asyncio.sleep(0.05)
        await app.in_thread(lambda: agents.revoke(far.row, None, timezone.now()))
        async with asyncio.timeout(1):
            return await waits

    assert run(revoked).status == 401


def test_an_agent_that_hangs_up_leaves_the_job_to_others(
    far: FarSide, dora: User, office: Connector, run: Runs
) -> None:
    second = FarSide.approved(office, "two")

    async def one_goes(app: AgentApi) -> Call:
        gone = poll(app, far)
        waits = asyncio.create_task(gone.run())
        await asyncio.sleep(0.05)
        gone.hung_up.set()
        await waits
        await app.in_thread(submit, dora, office)
        assert gone.status == 0
        return await poll(app, second).run()

    assert run(one_goes).answer["job"]


def test_a_job_claimed_for_an_agent_that_hung_up_meanwhile_is_handed_back(
    far: FarSide, dora: User, office: Connector, run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(dora, office)
    claim = endpoints.hand_over

    async def goes(app: AgentApi) -> Call:
        gone = poll(app, far)

        def claims(*args: Any) -> Any:
            gone.hung_up.set()
            return claim(*args)

        monkeypatch.setattr(endpoints, "hand_over", claims)
        return await gone.run()

    assert run(goes).status == 0
    assert (again(job).status, again(job).agent) == (Status.QUEUED, None)


def test_polls_that_wait_ask_the_database_together(
    far: FarSide, office: Connector, run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    look = waiting.queued

    def counted(connectors: list[int]) -> Any:
        asked.append(connectors)
        return look(connectors)

    monkeypatch.setattr(waiting, "queued", counted)

    async def many(app: AgentApi) -> list[Call]:
        return list(await asyncio.gather(*(poll(app, far).run() for _ in range(50))))

    assert {got.status for got in run(many)} == {200}
    assert len(asked) < 40  # half a second, and once for each wave of newcomers
    assert all(connectors == [office.pk] for connectors in asked)


def test_nobody_waiting_asks_nothing(far: FarSide, run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    async def idle(app: AgentApi) -> int:
        await poll(app, far).run()
        asked: list[Any] = []
        monkeypatch.setattr(waiting, "queued", asked.append)
        await asyncio.sleep(0.2)
        return len(asked)

    assert run(idle) == 0


def test_codes_are_not_tried_by_the_thousand(office: Connector, run: Runs) -> None:
    far = FarSide()
    keys = {"sealing": protocol.to_text(far.keys.sealing), "signing": protocol.to_text(far.keys.signing)}

    async def tries(app: AgentApi) -> list[int]:
        calls = [call(app, far, protocol.ENROL, code=f"WRONG-{n}", version="1", **keys) for n in range(22)]
        return [(await one.run()).status for one in calls]

    assert run(tries) == [401] * 20 + [429] * 2


def test_the_process_starts_and_ends_as_its_server_tells_it(run: Runs) -> None:
    said: list[str] = []

    async def lives(app: AgentApi) -> None:
        told = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> Any:
            return {"type": next(told)}

        async def send(message: Any) -> None:
            said.append(message["type"])

        await AgentApi(threads=1)({"type": "lifespan"}, receive, send)

    run(lives)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
