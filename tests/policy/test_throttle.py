"""Counters: fixed windows from the first event, exact under every order of counting, keyed so that a row tells nothing."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policy import throttle
from policy.models import Counter
from policy.throttle import Limit, Use

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
THREE = Limit("tries in an hour", 3, timedelta(hours=1))
pytestmark = pytest.mark.django_db


def count(subject: str = "alice", amount: int = 1, now: datetime = NOON, limit: Limit = THREE) -> throttle.State:
    return throttle.count(Use(limit, subject, amount), now=now)[0]


LIMITS = [
    (throttle.FAILURES_OF_ACCOUNT, 5, timedelta(hours=24)),
    (throttle.STARTS_FROM_ADDRESS, 60, timedelta(minutes=10)),
    (throttle.FAILURES_FROM_ADDRESS, 100, timedelta(hours=24)),
    (throttle.PAUSE_OF_ADDRESS, 0, timedelta(minutes=10)),
    (throttle.NUMBERS_OF_ACCOUNT, 5, timedelta(hours=1)),
    (throttle.SENDS_TO_ACCOUNT, 10, timedelta(hours=1)),
    (throttle.PHONE_SENDS_TO_ACCOUNT, 5, timedelta(hours=1)),
    (throttle.SENDS_TO_DESTINATION, 20, timedelta(hours=1)),
    (throttle.CONTACTS_ABOUT_ACCOUNT, 3, timedelta(hours=24)),
]


@pytest.mark.parametrize(("limit", "events", "window"), LIMITS, ids=lambda value: getattr(value, "name", ""))
def test_the_limits_are_these(limit: Limit, events: int, window: timedelta) -> None:
    assert (limit.events, limit.window) == (events, window)


def test_strangers_can_not_use_up_all_a_destination_gets() -> None:
    assert throttle.SENDS_TO_DESTINATION.events > throttle.SENDS_TO_ACCOUNT.events


def test_the_event_after_the_last_is_too_many() -> None:
    states = [count() for _ in range(4)]
    assert [state.count for state in states] == [1, 2, 3, 4]
    assert [state.is_used_up for state in states] == [False, False, True, True]
    assert [state.is_over for state in states] == [False, False, False, True]


def test_the_window_is_fixed_and_starts_with_the_first_event() -> None:
    assert count().ends_at == NOON + timedelta(hours=1)
    assert count(now=NOON + timedelta(minutes=59)).ends_at == NOON + timedelta(hours=1)
    anew = count(now=NOON + timedelta(hours=1))
    assert (anew.count, anew.ends_at) == (1, NOON + timedelta(hours=2))


def test_times_come_back_with_their_zone() -> None:
    assert count().ends_at.tzinfo is not None
    assert throttle.look(Use(THREE, "alice"), now=NOON)[0].ends_at.tzinfo is not None


def test_looking_counts_nothing() -> None:
    assert throttle.look(Use(THREE, "alice"), now=NOON)[0].count == 0
    assert not Counter.objects.exists()
    count()
    assert count(amount=0).count == 1
    assert throttle.look(Use(THREE, "alice"), now=NOON)[0].count == 1
    assert throttle.look(Use(THREE, "alice"), now=NOON + timedelta(hours=1))[0].count == 0


def test_giving_back_never_makes_credit() -> None:
    assert count(amount=-1).count == -1
    assert count().count == 1, "a counter that was cleared meanwhile stays at nothing"
    count(amount=-1)
    assert count(amount=-1, now=NOON + timedelta(hours=2)).count == 0
    assert count(now=NOON + timedelta(hours=2)).count == 1


def test_subjects_and_limits_count_apart() -> None:
    other = Limit("other tries", 3, timedelta(hours=1))
    states = throttle.count(Use(THREE, "alice"), Use(THREE, "bob"), Use(other, "alice"), now=NOON)
    assert [state.count for state in states] == [1, 1, 1]
    assert Counter.objects.count() == 3


def test_all_uses_are_one_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        throttle.count(*(Use(THREE, f"subject {number}") for number in range(5)), now=NOON)
    assert len(captured.captured_queries) == 1


def test_clearing_forgets_under_old_digest_keys_too() -> None:
    count()
    count("bob")
    assert throttle.clear([Use(THREE, "alice")]) == 1
    assert (count().count, count("bob").count) == (1, 2)


def test_pruning_deletes_what_is_over() -> None:
    count()
    count("bob", now=NOON + timedelta(minutes=30))
    assert throttle.prune(NOON + timedelta(hours=1)) == 1
    assert Counter.objects.count() == 1


def test_a_row_names_nobody() -> None:
    count("alice@acme.example")
    row = Counter.objects.get()
    assert "alice" not in row.key
    assert "alice" not in str(row)
