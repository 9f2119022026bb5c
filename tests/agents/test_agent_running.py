"""The running agent: what it says of the directory, what it does when told, how it goes on when things are away."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.rig import Rig
from writeback.agent import protocol
from writeback.agent.client import NotKnown, NotReached, NotThere
from writeback.agent.running import LONGEST_PAUSE, Agent, _Pause, looked
from writeback.connectors.base import DirectoryError, Reason

SEEN = {"status": "approved", "current_version": "1.0.0", "roll": False, "keep_earlier_keys": True, "sync": None}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "state")


def test_a_look_says_what_the_directory_is(rig: Rig) -> None:
    look = looked(rig.means)
    assert (look["reachable"], look["server"], look["vendor"]) == (True, "ldaps://dc1", "In memory")
    assert look["warnings"] == ["history_not_on_reset"]
    assert look["capabilities"]["unlocks"] is True


def test_a_look_that_finds_nothing_says_why(rig: Rig) -> None:
    rig.directory.refuses = DirectoryError(Reason.NOT_TRUSTED, "certificate 20")
    look = looked(rig.means)
    assert (look["reachable"], look["answer"]) == (False, "not_trusted: certificate 20")


def test_a_heartbeat_rolls_keys_when_the_server_says_it_is_time(rig: Rig) -> None:
    rig.server.answers |= {protocol.HEARTBEAT: SEEN | {"roll": True}, protocol.ROLL: {}}
    before = rig.state.keys.sealing.key_id
    Agent(rig.means, 1)._beat_once()
    assert rig.state.keys.sealing.key_id != before
    assert rig.state.earlier


def test_earlier_keys_go_when_nothing_is_open_for_them(rig: Rig) -> None:
    rig.state.announce_new()
    rig.state.take_new()
    agent = Agent(rig.means, 1)
    rig.server.answers[protocol.HEARTBEAT] = SEEN
    agent._beat_once()
    assert rig.state.earlier
    rig.server.answers[protocol.HEARTBEAT] = SEEN | {"keep_earlier_keys": False}
    agent._beat_once()
    assert not rig.state.earlier


def test_an_old_version_is_said_once_and_nothing_is_updated(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.server.answers[protocol.HEARTBEAT] = SEEN | {"current_version": "9.0.0"}
    agent = Agent(rig.means, 1)
    agent._beat_once()
    agent._beat_once()
    assert caplog.text.count("the server has 9.0.0") == 1


def test_reading_is_asked_for_once_however_often_the_server_says_so(rig: Rig) -> None:
    rig.server.answers[protocol.HEARTBEAT] = SEEN | {"sync": {"since": None}}
    agent = Agent(rig.means, 1)
    agent._beat_once()
    agent._beat_once()
    assert agent._wanted.qsize() == 1


@pytest.mark.parametrize("answer", [NotReached("away"), NotKnown(), NotThere()])
def test_a_heartbeat_that_nobody_hears_is_outlived(answer: Exception, rig: Rig) -> None:
    rig.server.answers[protocol.HEARTBEAT] = answer
    Agent(rig.means, 1)._beat_once()


def test_each_change_is_said_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig.server.answers[protocol.POLL] = [NotReached("away"), NotReached("away"), {"job": None}, {"job": None}]
    rig.means.stopping.set()  # no pause lasts
    agent = Agent(rig.means, 1)
    pause = _Pause(rig.means.stopping)
    for _ in range(4):
        agent._next(pause)
    assert [record.message for record in caplog.records] == ["The server is not reached: away", "The server is reached"]


def test_pauses_grow_and_end_with_success() -> None:
    stopping = threading.Event()
    waited: list[float] = []

    def waits(timeout: float | None = None) -> bool:
        waited.append(timeout or 0.0)
        return False

    stopping.wait = waits  # type: ignore[method-assign]
    pause = _Pause(stopping, lambda _most: 500)
    for _ in range(9):
        pause.longer()
    pause.over()
    pause.longer()
    assert waited[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waited[8] == LONGEST_PAUSE
    assert waited[9] == 0.5


def test_it_ends_when_told_and_waits_for_what_was_begun(rig: Rig) -> None:
    began, go_on = threading.Event(), threading.Event()
    jobs: Iterator[dict[str, Any]] = iter([{"job": rig.job().as_json()}])

    def waits_for_work() -> dict[str, Any]:
        answer = next(jobs, None)
        if answer is None:
            rig.means.stopping.wait(10)
        return answer or {"job": None}

    answered = rig.server.ask
    rig.server.answers[protocol.HEARTBEAT] = SEEN
    rig.server.ask = lambda name, content, seconds=0.0: (  # type: ignore[method-assign]
        waits_for_work() if name == protocol.POLL else answered(name, content, seconds)
    )

    def takes_long() -> None:
        began.set()
        go_on.wait(10)

    rig.directory.before = takes_long
    running = threading.Thread(target=Agent(rig.means, 2).run)
    running.start()
    assert began.wait(10)
    rig.means.stopping.set()
    running.join(0.05)
    assert running.is_alive()
    go_on.set()
    running.join(10)
    assert not running.is_alive()
    assert rig.server.of(protocol.RESULT)[0]["outcome"] == "applied"
