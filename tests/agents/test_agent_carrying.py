"""What an agent does with a job, whatever the server, the network or its own clock do meanwhile."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.agents.rig import NEW, Rig
from writeback.agent import protocol
from writeback.agent.carrying import carry
from writeback.agent.client import NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.state import Keys
from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.orders import Outcome, StepResult


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return Rig(folder)


def test_a_job_is_carried_out_and_told(rig: Rig) -> None:
    job = rig.job()
    report = carry(rig.means, job)
    assert report
    assert report.outcome is Outcome.APPLIED
    assert rig.directory.passwords["dora"] == NEW
    assert rig.server.of(protocol.MARK) == [{"job": job.id, "attempt": 1, "mark": "1"}]
    (told,) = rig.server.of(protocol.RESULT)
    assert (told["outcome"], told["steps"]) == ("applied", {"password": "done"})


def test_q1_the_password_is_in_no_log_and_in_nothing_sent(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rig.directory.refuses = DirectoryError(Reason.IN_HISTORY, "0000052D")
    carry(rig.means, rig.job())
    assert "rejected, in_history" in caplog.text
    for form in (NEW, json.dumps(NEW)[1:-1], protocol.to_text(NEW.encode()), NEW.encode("utf-16-le").hex()):
        assert form not in caplog.text
        assert form not in json.dumps(rig.server.asked)


def test_q2_a_job_that_another_server_signed_is_not_carried_out(rig: Rig) -> None:
    report = carry(rig.means, rig.job(key=Ed25519PrivateKey.generate()))
    assert report
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.NOT_SUPPORTED)
    assert rig.directory.set_times == 0
    assert rig.server.of(protocol.MARK) == []


@pytest.mark.parametrize("changes", [{"tenant": 9}, {"connector": 9}])
def test_q5_a_job_of_another_directory_is_not_carried_out(changes: dict[str, Any], rig: Rig) -> None:
    report = carry(rig.means, rig.job(**changes))
    assert report
    assert report.outcome is Outcome.FAILED
    assert rig.directory.set_times == 0


def test_q6_a_box_for_keys_that_are_gone_is_not_opened(rig: Rig) -> None:
    report = carry(rig.means, rig.job(keys=Keys.make()))
    assert report
    assert report.outcome is Outcome.FAILED


def test_a_box_for_earlier_keys_is_opened_while_they_are_kept(rig: Rig) -> None:
    job = rig.job()
    rig.state.announce_new()
    rig.state.take_new()
    report = carry(rig.means, job)
    assert report
    assert report.outcome is Outcome.APPLIED
    rig.state.drop_earlier()
    later = carry(rig.means, job)
    assert later
    assert later.outcome is Outcome.FAILED


@pytest.mark.parametrize("answer", [{"held": False, "seconds_left": 0.0}, NotThere(), NotKnown(), NotTaken(), {}])
def test_q4_without_the_lease_nothing_is_written_and_nothing_said(answer: Any, rig: Rig) -> None:
    rig.server.answers[protocol.MARK] = answer
    assert carry(rig.means, rig.job()) is None
    assert rig.directory.set_times == 0
    assert rig.server.of(protocol.RESULT) == []


def test_a_mark_that_got_lost_is_sent_again(rig: Rig) -> None:
    rig.server.answers[protocol.MARK] = [NotReached("away"), {"held": True, "seconds_left": 6.0}]
    report = carry(rig.means, rig.job())
    assert report
    assert report.outcome is Outcome.APPLIED


def test_q3_an_agent_that_stood_still_after_the_mark_writes_nothing(rig: Rig) -> None:

    def sleeps(name: str, content: Any, seconds: float = 0.0) -> dict[str, Any]:
        answer = answered(name, content, seconds)
        if name == protocol.MARK:
            rig.clock.now += 6.5
        return answer

    answered = rig.server.ask
    rig.server.ask = sleeps  # type: ignore[method-assign]
    report = carry(rig.means, rig.job())
    assert report
    assert report.outcome is Outcome.LATE
    assert rig.directory.set_times == 0


def test_q3_a_job_that_came_late_is_not_even_asked_about(rig: Rig) -> None:
    assert carry(rig.means, rig.job(seconds_left=-1.0)) is None
    assert (rig.directory.set_times, rig.server.of(protocol.MARK)) == (0, [])


def test_a_repeat_asks_for_the_lease_before_it_writes(rig: Rig) -> None:
    carry(rig.means, rig.job(first_mark="1", attempt=2))
    assert [content["mark"] for content in rig.server.of(protocol.MARK)] == ["1"]
    rig.server.answers[protocol.MARK] = {"held": False}
    assert carry(rig.means, rig.job(first_mark="2", attempt=3)) is None
    assert rig.directory.set_times == 1


def test_q4_a_repeat_of_what_worked_writes_nothing_again(rig: Rig) -> None:
    first = rig.job()
    carry(rig.means, first)
    again = carry(rig.means, rig.job(first_mark="1", attempt=2))
    assert again
    assert again.outcome is Outcome.APPLIED
    assert rig.directory.set_times == 1


def test_the_outcome_is_told_until_the_server_takes_it(rig: Rig) -> None:
    rig.server.answers[protocol.RESULT] = [NotReached("away"), NotReached("away"), {"taken": True}]
    waited: list[float | None] = []

    def wait(timeout: float | None = None) -> bool:
        waited.append(timeout)
        return False

    rig.means.stopping.wait = wait  # type: ignore[method-assign]
    carry(rig.means, rig.job())
    assert len(rig.server.of(protocol.RESULT)) == 3
    assert waited == [0.2, 0.4]


@pytest.mark.parametrize("answer", [NotThere(), {"taken": False}])
def test_an_outcome_of_what_is_not_ours_any_more_is_told_once(answer: Any, rig: Rig) -> None:
    rig.server.answers[protocol.RESULT] = answer
    carry(rig.means, rig.job())
    assert len(rig.server.of(protocol.RESULT)) == 1


def test_a_step_is_told_where_the_whole_takes_long(rig: Rig) -> None:
    def takes_long() -> None:
        rig.clock.now += 1.0

    rig.directory.before = takes_long
    carry(rig.means, rig.job())
    assert [content["steps"] for content in rig.server.of(protocol.STEP)] == [{"password": str(StepResult.DONE)}]


def test_more_than_the_agents_own_limit_is_refused_with_that_reason(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir(mode=0o700)
    rig = Rig(folder, most=2)
    outcomes = [carry(rig.means, rig.job()) for _ in range(3)]
    assert [report.outcome for report in outcomes if report] == [Outcome.APPLIED, Outcome.APPLIED, Outcome.FAILED]
    assert rig.server.of(protocol.RESULT)[-1]["code"] == "the agent's own limit of 2 a minute is reached"
    rig.clock.now += 60.0
    report = carry(rig.means, rig.job())
    assert report
    assert report.outcome is Outcome.APPLIED


def test_what_nobody_foresaw_ends_a_job_as_not_known(rig: Rig) -> None:
    def breaks() -> None:
        raise RuntimeError(NEW)

    rig.directory.before = breaks
    report = carry(rig.means, rig.job())
    assert report
    assert (report.outcome, report.code) == (Outcome.UNCONFIRMED, "RuntimeError")


def test_a_password_is_checked_without_being_counted_as_a_write(rig: Rig) -> None:
    rig.means.cap.most = 0
    rig.directory.passwords["dora"] = NEW
    report = carry(rig.means, rig.job(operation="verify"))
    assert report
    assert report.outcome is Outcome.APPLIED
