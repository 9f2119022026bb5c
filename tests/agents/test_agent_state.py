"""What an agent keeps, and what happens to its keys when an answer gets lost."""

import stat
from pathlib import Path

import pytest

from tests.agents.rig import Rig
from writeback.agent import protocol
from writeback.agent.client import NotKnown, NotReached
from writeback.agent.configuration import Unusable
from writeback.agent.rolling import roll, settle
from writeback.agent.state import NAME, State, prepare


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "state")


def test_only_the_agent_can_read_its_keys(rig: Rig) -> None:
    assert stat.S_IMODE(rig.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((rig.folder / NAME).stat().st_mode) == 0o600


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(Unusable, match="chmod 0700"):
        prepare(tmp_path)


def test_what_was_kept_is_found_again(rig: Rig) -> None:
    found = State.load(rig.folder)
    assert found.enrolment == rig.state.enrolment
    assert found.keys.sealing.key_id == rig.state.keys.sealing.key_id
    assert found.keys.public_signing == rig.state.keys.public_signing


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": {}, "earlier": [], "coming": null, "enrolment": {}}', "\0"])
def test_a_damaged_file_is_said_in_a_sentence(text: str, rig: Rig) -> None:
    (rig.folder / NAME).write_text(text)
    with pytest.raises(Unusable, match="damaged"):
        State.load(rig.folder)


def test_without_a_file_it_has_not_enrolled(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="not enrolled"):
        State.load(tmp_path)


def test_keys_never_print(rig: Rig) -> None:
    assert "sealing" not in repr(rig.state.keys)
    assert rig.state.keys.as_json()["signing"] not in repr(rig.state.__dict__)


def test_rolled_keys_are_used_and_the_earlier_ones_kept(rig: Rig) -> None:
    rig.server.answers[protocol.ROLL] = {}
    before = rig.state.keys.sealing.key_id
    assert roll(rig.server, rig.state)
    kept = State.load(rig.folder)
    assert kept.keys.sealing.key_id != before
    assert [keys.sealing.key_id for keys in kept.earlier] == [before]
    assert kept.coming is None


def test_keys_that_did_not_arrive_are_offered_again(rig: Rig) -> None:
    rig.server.answers[protocol.ROLL] = [NotReached("away"), {}]
    assert not roll(rig.server, rig.state)
    coming = State.load(rig.folder).coming
    assert coming
    assert roll(rig.server, rig.state)
    assert rig.state.keys.sealing.key_id == coming.sealing.key_id


def test_keys_whose_answer_got_lost_are_found_to_be_in_use(rig: Rig) -> None:
    """The server has them, the agent doesn't know; the old key opens no door any more."""
    rig.server.answers[protocol.ROLL] = [NotReached("away"), NotKnown()]
    roll(rig.server, rig.state)
    restarted = State.load(rig.folder)
    assert restarted.coming
    coming = restarted.coming.sealing.key_id
    rig.server.answers[protocol.STATUS] = {"status": "approved"}
    assert settle(rig.server, restarted)
    assert restarted.keys.sealing.key_id == coming


def test_keys_that_the_server_never_got_leave_the_old_ones_in_use(rig: Rig) -> None:
    rig.state.announce_new()
    rig.server.answers[protocol.STATUS] = NotKnown()
    before = rig.state.keys.sealing.key_id
    assert not settle(rig.server, rig.state)
    assert rig.state.keys.sealing.key_id == before
