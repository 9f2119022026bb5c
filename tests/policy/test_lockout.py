"""The sign-in lockout."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from policy import lockout
from policy.models import SignInLockout

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ACCOUNT = "k1:an-account"
SECOND = timedelta(seconds=1)


def miss(password: str, now: datetime = NOW, account: str = ACCOUNT) -> lockout.Try:
    counted = lockout.count_try(account, password, now)
    if not counted.is_locked:
        with transaction.atomic():
            lockout.remember_wrong(counted, password)
    return counted


def miss_often(times: int, now: datetime = NOW, account: str = ACCOUNT) -> None:
    for number in range(times):
        assert not miss(f"guess {number} of {now}", now, account).is_locked


def test_nine_misses_lock_nothing(db: Any) -> None:
    miss_often(9)
    assert lockout.find_lock(ACCOUNT, NOW) is None


def test_the_tenth_miss_closes_the_account_for_a_minute(db: Any) -> None:
    miss_often(10)
    tried = miss("the right one", NOW + SECOND)
    assert tried.locked_until == NOW + timedelta(seconds=60)
    assert not miss("the right one", NOW + 60 * SECOND).is_locked


def test_each_further_miss_doubles_the_lock_up_to_an_hour(db: Any) -> None:
    miss_often(10)
    now, locks = NOW, []
    for number in range(8):
        until = lockout.find_lock(ACCOUNT, now)
        assert until is not None
        locks.append((until - now).total_seconds())
        now = until
        miss(f"further guess {number}", now)
    assert locks == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_the_lock_stays_an_hour_after_very_many_misses(db: Any) -> None:
    SignInLockout.objects.create(key=ACCOUNT, misses=100_000, tried_at=NOW, expires_at=NOW + timedelta(days=1))
    miss("one more")
    assert lockout.find_lock(ACCOUNT, NOW) == NOW + timedelta(hours=1)


def test_the_last_three_wrong_passwords_do_not_count_twice(db: Any) -> None:
    for _ in range(20):
        for password in ("old password", "older password", "oldest password"):
            assert not miss(password).is_locked
    assert SignInLockout.objects.get().misses == 3


def test_the_fourth_last_wrong_password_counts_again(db: Any) -> None:
    for password in ("a", "b", "c", "d", "a"):
        miss(password)
    assert SignInLockout.objects.get().misses == 5


def test_e6_wrong_passwords_are_kept_as_digests_bound_to_the_account(db: Any) -> None:
    miss("Zx-CANARY-1")
    miss("Zx-CANARY-1", account="k1:another")
    first, second = SignInLockout.objects.order_by("key")
    assert "CANARY" not in f"{vars(first)}{vars(second)}"
    assert first.last_wrong != second.last_wrong


def test_a_try_is_counted_although_nothing_follows(db: Any) -> None:
    lockout.count_try(ACCOUNT, "interrupted", NOW)
    row = SignInLockout.objects.get()
    assert (row.misses, row.last_wrong) == (1, [])


def test_clearing_forgets_everything_of_one_account(db: Any) -> None:
    miss_often(10)
    miss_often(10, account="k1:another")
    assert lockout.clear(ACCOUNT)
    assert not lockout.clear(ACCOUNT)
    assert not miss("fresh").is_locked
    assert lockout.find_lock("k1:another", NOW) is not None


def test_misses_are_forgotten_after_a_day_without_one(db: Any) -> None:
    miss_often(9)
    tomorrow = NOW + timedelta(hours=24)
    miss("tomorrow's first", tomorrow)
    assert lockout.find_lock(ACCOUNT, tomorrow) is None
    assert SignInLockout.objects.get().misses == 1


def test_pruning_deletes_what_is_over_and_nothing_else(db: Any) -> None:
    miss_often(10)
    miss_often(1, NOW + timedelta(hours=1), account="k1:another")
    assert lockout.prune(NOW + timedelta(hours=24)) == 1
    assert SignInLockout.objects.get().key == "k1:another"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_o3_200_parallel_guesses_get_ten_comparisons() -> None:
    def guess(number: int) -> bool:
        try:
            return lockout.count_try(ACCOUNT, f"guess {number}", NOW).is_locked
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=20) as threads:
        locked = list(threads.map(guess, range(200)))
    assert locked.count(False) == 10
    assert SignInLockout.objects.get().misses == 10


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_lock_cleared_meanwhile_stops_no_try() -> None:
    def guess_and_clear(number: int) -> bool:
        try:
            counted = lockout.count_try(ACCOUNT, f"guess {number}", NOW)
            lockout.clear(ACCOUNT)
            return counted.is_locked
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as threads:
        assert len(list(threads.map(guess_and_clear, range(80)))) == 80
    assert not SignInLockout.objects.filter(misses__gt=10).exists()
