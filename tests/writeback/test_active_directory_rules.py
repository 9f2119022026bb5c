"""Which rule a password breaks, how far the lock is, and who may change a password at all: from plain numbers."""

import struct
from datetime import UTC, datetime, timedelta

import pytest

from writeback.connectors.access_rules import CHANGE_PASSWORD, denies_change
from writeback.connectors.active_directory import tries_left, unreadable_rules
from writeback.connectors.base import Reason
from writeback.connectors.connection import Found
from writeback.connectors.password_rules import EPOCH, NEVER, Rules, broken_rule, interval, is_complex, moment
from writeback.connectors.protected import sid_text

pytestmark = pytest.mark.directory
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(10, DAY, True, 5, timedelta(minutes=30))
NAMES = ("alice", "Alice Doe-Smith")
SELF = bytes.fromhex("01010000000000050a000000")
EVERYONE = bytes.fromhex("010100000000000100000000")
SOMEBODY = bytes.fromhex("010100000000000512000000")


def why(password: str, rules: Rules = RULES, set_at: datetime | None = None, keeps_history: bool = False) -> Reason:
    return broken_rule(password, rules, NAMES, set_at, keeps_history, NOW)


def test_the_shortest_explanation_comes_first() -> None:
    assert why("short") is Reason.TOO_SHORT
    assert why("short", set_at=NOW) is Reason.TOO_SHORT
    assert why("N3w-Passw0rd!", set_at=NOW - DAY / 2) is Reason.TOO_YOUNG
    assert why("onlysmallletters", set_at=NOW - DAY * 2) is Reason.COMPLEXITY
    assert why("N3w-Passw0rd!", keeps_history=True) is Reason.IN_HISTORY
    assert why("N3w-Passw0rd!") is Reason.POLICY


def test_nothing_is_guessed_of_a_policy_that_can_t_be_read() -> None:
    assert why("short", unreadable_rules(RULES)) is Reason.POLICY


@pytest.mark.parametrize(
    ("password", "is_enough"),
    [
        ("Abcdefghi1", True),
        ("abcdefgh1!", True),
        ("ABCDEFGH1!", True),
        ("abcdefghi1", False),
        ("Abcdefghij", False),
        ("密码密码abcd12", True),
        ("密码密码密码密码密码", False),
        ("xxALICExx1!", False),
        ("xxdoexxA1!", False),
        ("xxSmithxx1!", False),
    ],
)
def test_three_kinds_of_letters_and_no_name_are_complex(password: str, is_enough: bool) -> None:
    assert is_complex(password, *NAMES) is is_enough


def test_short_names_may_occur() -> None:
    assert is_complex("xxAlxx-12bo", "al", "Bo Li")


def test_times_are_those_of_windows() -> None:
    assert moment(0) is None
    assert moment(2**63 - 1) is None
    assert moment(10_000_000) == EPOCH + timedelta(seconds=1)
    assert moment(134401006926140460) == datetime(2026, 11, 25, 17, 18, 12, 614046, tzinfo=UTC)
    assert interval(-864_000_000_000) == DAY
    assert interval(NEVER) == interval(0) == timedelta()


def ticks(at: datetime) -> bytes:
    return str(int((at - EPOCH).total_seconds()) * 10_000_000).encode()


@pytest.mark.parametrize(
    ("count", "ago", "left"), [(0, 0, 5), (2, 0, 3), (2, 29, 3), (2, 32, 5), (5, 0, 0), (9, 0, 0), (9, 60, 5)]
)
def test_wrong_passwords_count_until_their_window_is_over(count: int, ago: int, left: int) -> None:
    last = NOW - timedelta(minutes=ago)
    user = Found("CN=a", {"badpwdcount": [str(count).encode()], "badpasswordtime": [ticks(last)]})
    assert tries_left(user, RULES, False, NOW) == left
    assert tries_left(user, RULES, True, NOW) == 0


def test_where_there_is_no_lock_no_tries_are_counted() -> None:
    assert tries_left(Found("CN=a", {}), Rules(10, DAY, True, 0, DAY), False, NOW) is None


def test_a_lock_that_can_t_be_read_is_taken_for_a_strict_one() -> None:
    user = Found("CN=a", {"badpwdcount": [b"1"], "badpasswordtime": [ticks(NOW - DAY * 9)]})
    assert tries_left(user, unreadable_rules(Rules(10, DAY, True, 0, DAY)), False, NOW) == 2


def entry(kind: int, mask: int, whom: bytes, about: bytes = b"", flags: int = 0) -> bytes:
    objects = struct.pack("<I", 1 if about else 0) + about if kind in (5, 6) else b""
    body = struct.pack("<I", mask) + objects + whom
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def descriptor(*entries: bytes) -> bytes:
    listed = b"".join(entries)
    head = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20)
    return head + struct.pack("<BBHHH", 4, 0, 8 + len(listed), len(entries), 0) + listed


@pytest.mark.parametrize(
    ("entries", "is_denied"),
    [
        ([], False),
        ([entry(6, 0x100, SELF, CHANGE_PASSWORD)], True),
        ([entry(6, 0x100, EVERYONE, CHANGE_PASSWORD)], True),
        ([entry(5, 0x100, SELF, CHANGE_PASSWORD), entry(6, 0x100, SELF, CHANGE_PASSWORD)], True),
        ([entry(6, 0x100, SELF)], True),
        ([entry(1, 0x100, EVERYONE)], True),
        ([entry(6, 0x100, SOMEBODY, CHANGE_PASSWORD)], False),
        ([entry(6, 0x100, SELF, bytes(16))], False),
        ([entry(6, 0x10, SELF, CHANGE_PASSWORD)], False),
        ([entry(5, 0x100, SELF, CHANGE_PASSWORD)], False),
        ([entry(6, 0x100, SELF, CHANGE_PASSWORD, flags=0x08)], False),
    ],
)
def test_who_is_denied_the_change_is_told_from_the_access_rules(entries: list[bytes], is_denied: bool) -> None:
    assert denies_change(descriptor(*entries)) is is_denied


def test_access_rules_that_can_t_be_read_deny_and_none_at_all_don_t() -> None:
    whole = descriptor(entry(5, 0x100, SELF, CHANGE_PASSWORD), entry(5, 0x100, SELF, CHANGE_PASSWORD))
    assert denies_change(whole[:40])
    assert denies_change(b"\x01")
    assert not denies_change(b"")


def test_a_sid_is_written_as_windows_writes_it() -> None:
    assert sid_text(SELF) == "S-1-5-10"
    assert sid_text(bytes.fromhex("01020000000000052000000020020000")) == "S-1-5-32-544"
    with pytest.raises(ValueError, match="not a SID"):
        sid_text(SELF[:-1])
