"""History on resets: the policy hints, which Samba doesn't know, against a directory of the tests' own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.certificates import make_certificates
from tests.directories.people import refusal
from tests.directories.stand_in import MODIFY, StandIn, stand_in
from writeback.connectors.active_directory import ACTIVE_DIRECTORY, POLICY_HINTS, ActiveDirectory
from writeback.connectors.base import Access, DirectoryError, Kind, Reason, Server

pytestmark = pytest.mark.directory
ALICE = "0f631b35-8280-474a-a218-6acdb2e42760"
NAME = f"<GUID={ALICE}>"
BASE = "DC=corp,DC=example"
NEW = "N3w-Passw0rd!"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    """A domain whose people have passwords of ten characters at least, with alice in it."""
    certificates = make_certificates(tmp_path, "127.0.0.1")
    with stand_in(certificates.server) as directory:
        offered = [oid.encode() for oid in POLICY_HINTS]
        directory.entries = {
            "": {
                "defaultNamingContext": [BASE.encode()],
                "supportedCapabilities": [ACTIVE_DIRECTORY.encode()],
                "supportedControl": offered,
            },
            BASE: {"minPwdLength": [b"10"], "pwdProperties": [b"1"], "lockoutThreshold": [b"0"]},
            NAME: {
                "distinguishedName": [f"CN=Alice,{BASE}".encode()],
                "objectGUID": [UUID(ALICE).bytes_le],
                "objectSid": [bytes.fromhex("0105000000000005150000000100000002000000030000005b040000")],
                "objectClass": [b"user"],
                "userAccountControl": [b"512"],
                "sAMAccountName": [b"alice"],
                "pwdLastSet": [b"134401006926140460"],
                "tokenGroups": [bytes.fromhex("01050000000000051500000001000000020000000300000001020000")],
            },
        }
        yield directory


@pytest.fixture
def directory(server: StandIn, tmp_path: Path) -> ActiveDirectory:
    given = (Server("127.0.0.1", server.port),)
    ca = (tmp_path / "ca.pem").read_text()
    return ActiveDirectory(Access(Kind.ACTIVE_DIRECTORY, given, BASE, f"CN=Rekey,{BASE}", "pw", ca))


def hints_sent(server: StandIn) -> list[tuple[tuple[str, bool, bytes], ...]]:
    return [request.controls for request in server.heard_of(MODIFY)]


def test_a_reset_carries_the_newer_hints_as_critical(server: StandIn, directory: ActiveDirectory) -> None:
    assert directory.probe().honours_history_on_reset
    assert "history_not_on_reset" not in directory.probe().warnings
    directory.set_password(directory.find(ALICE), NEW)
    assert hints_sent(server) == [((POLICY_HINTS[0], True, b"\x30\x03\x02\x01\x01"),)]


def test_an_older_directory_gets_the_older_hints(server: StandIn, directory: ActiveDirectory) -> None:
    server.entries[""]["supportedControl"] = [POLICY_HINTS[1].encode()]
    directory.set_password(directory.find(ALICE), NEW)
    assert hints_sent(server) == [((POLICY_HINTS[1], True, b"\x30\x03\x02\x01\x01"),)]


def test_a_directory_without_them_gets_none(server: StandIn, directory: ActiveDirectory) -> None:
    server.entries[""]["supportedControl"] = [b"1.2.3"]
    directory.set_password(directory.find(ALICE), NEW)
    assert hints_sent(server) == [()]


def test_a_change_needs_no_hints(server: StandIn, directory: ActiveDirectory) -> None:
    directory.set_password(directory.find(ALICE), NEW, "0ld-Passw0rd!")
    assert hints_sent(server) == [()]


@pytest.mark.parametrize("result", [19, 53])
def test_with_hints_a_good_password_that_is_refused_was_used_before(
    server: StandIn, directory: ActiveDirectory, result: int
) -> None:
    """Windows answers 53 to a reset where it answers 19 to a change."""
    server.answers = {MODIFY: (result, "0000052D: SvcErr: DSID-031A1262, problem 5003 (WILL_NOT_PERFORM), data 0\n\0")}
    alice = directory.find(ALICE)
    assert refusal(directory, alice, NEW) is Reason.IN_HISTORY
    assert refusal(directory, alice, "Sh0rt!") is Reason.TOO_SHORT
    assert refusal(directory, alice, "onlysmallletters") is Reason.COMPLEXITY
    assert refusal(directory, alice, "My-Alice-Passw0rd") is Reason.COMPLEXITY


def test_without_hints_the_reason_for_a_good_password_is_not_known(server: StandIn, directory: ActiveDirectory) -> None:
    server.entries[""]["supportedControl"] = []
    server.answers = {MODIFY: (53, "0000052D: SvcErr: whatever")}
    assert refusal(directory, directory.find(ALICE), NEW) is Reason.POLICY


@pytest.mark.parametrize(
    ("result", "text", "reason"),
    [
        (50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", Reason.NO_RIGHTS),
        (12, "", Reason.NOT_SUPPORTED),
        (19, "00000056: AtrErr: DSID-03191083", Reason.WRONG_PASSWORD),
        (53, "00000775: SvcErr", Reason.LOCKED),
        (32, "", Reason.NOT_FOUND),
        (52, "", Reason.UNREACHABLE),
        (80, "", Reason.UNKNOWN),
        (1, "the text says 0000052D: in its middle only", Reason.UNKNOWN),
    ],
)
def test_numbers_decide_and_texts_don_t(
    server: StandIn, directory: ActiveDirectory, result: int, text: str, reason: Reason
) -> None:
    server.answers = {MODIFY: (result, text)}
    assert refusal(directory, directory.find(ALICE), NEW, "0ld-Passw0rd!") is reason


def test_an_answer_that_repeats_the_password_is_not_repeated(server: StandIn, directory: ActiveDirectory) -> None:
    server.answers = {MODIFY: (53, f"0000052D: '{NEW}' is not allowed\x1b[31m")}
    with pytest.raises(DirectoryError) as refused:
        directory.set_password(directory.find(ALICE), NEW)
    assert refused.value.code == "53 0000052D"
    assert refused.value.__suppress_context__


def test_what_is_no_active_directory_is_said_to_be_none(server: StandIn, directory: ActiveDirectory) -> None:
    server.entries[""]["supportedCapabilities"] = []
    with pytest.raises(DirectoryError) as refused:
        directory.probe()
    assert refused.value.reason is Reason.NOT_SUPPORTED
