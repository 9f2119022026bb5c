"""Codes of an authenticator app."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django_otp.oath import hotp
from django_scopes import scopes_disabled

from accounts import totp
from accounts.methods import AuthenticatorType
from accounts.models import User
from tests.conftest import make_authenticator

# RFC 6238, appendix B: SHA-1, the last six of eight digits.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES)
def test_the_examples_of_the_rfc_are_right(seconds: int, code: str) -> None:
    assert totp.find_step(RFC_SECRET, code, at(seconds)) == seconds // 30


def test_a_code_is_right_one_step_early_or_late_and_no_further() -> None:
    for drift, found in [(-60, False), (-30, True), (0, True), (30, True), (60, False)]:
        assert (totp.find_step(RFC_SECRET, "005924", at(1234567890 + drift)) is not None) is found


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES[1:])  # the first is not ten minutes after the beginning of time
@pytest.mark.parametrize("minutes", [1, 2, 5, 10])
def test_a_code_of_another_time_tells_how_wrong_the_clock_is(seconds: int, code: str, minutes: int) -> None:
    behind, ahead = at(seconds + 60 * minutes), at(seconds - 60 * minutes)
    assert totp.find_step(RFC_SECRET, code, behind) is None
    assert totp.find_skew(RFC_SECRET, code, behind) == -2 * minutes
    assert totp.find_skew(RFC_SECRET, code, ahead) == 2 * minutes


def test_a_clock_is_told_within_ten_minutes_and_only_of_wrong_codes() -> None:
    found = {drift: totp.find_skew(RFC_SECRET, "005924", at(1234567890 + 30 * drift)) for drift in range(-25, 26)}
    assert {-drift for drift, skew in found.items() if skew is not None} == {*range(-20, -1), *range(2, 21)}
    assert all(skew in (None, -drift) for drift, skew in found.items())


@pytest.mark.parametrize("code", ["", "00592", "005924 ", "٠٠٥٩٢٤", "123456"])
def test_whatever_is_no_code_of_the_app_tells_nothing(code: str) -> None:
    assert totp.find_skew(RFC_SECRET, code, at(1234567890 + 300)) is None


@pytest.mark.parametrize(("steps", "minutes"), [(2, 1), (-2, -1), (3, 2), (9, 4), (-10, -5), (20, 10)])
def test_people_read_whole_minutes(steps: int, minutes: int) -> None:
    assert totp.minutes_of(steps) == minutes


def test_o10_a_burnt_step_is_as_used_and_none_comes_back(alice: User) -> None:
    app = make_authenticator(alice, AuthenticatorType.APP, totp.new_secret())
    with scopes_disabled():
        totp.burn(app, 100)
        assert not totp.consume(app, 100)
        assert totp.consume(app, 101)
        totp.burn(app, 50)
        app.refresh_from_db()
    assert app.last_step == 101


@pytest.mark.parametrize(
    "code", ["", "00592", "0059240", " 005924", "005924\n", "٠٠٥٩٢٤", "００５９２４", "00592a", "000000"]
)
def test_o9_what_is_not_exactly_the_code_is_wrong(code: str) -> None:
    assert totp.find_step(RFC_SECRET, code, at(1234567890)) is None


def test_a_new_key_has_160_bits_and_opens_with_its_own_codes_only() -> None:
    secret = totp.new_secret()
    key = base64.b32decode(secret)
    assert len(key) == 20
    assert secret != totp.new_secret()
    now = at(1234567890)
    code = f"{hotp(key, 1234567890 // 30):06d}"
    assert totp.find_step(secret, code, now) == 1234567890 // 30
    assert totp.find_step(totp.new_secret(), code, now) is None


def test_o10_a_step_is_used_once_and_never_an_older_one(alice: User) -> None:
    app = make_authenticator(alice, AuthenticatorType.APP, totp.new_secret())
    with scopes_disabled():
        assert totp.consume(app, 100)
        assert not totp.consume(app, 100)
        assert not totp.consume(app, 99)
        assert totp.consume(app, 101)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_o4_50_parallel_uses_of_one_code_succeed_once(alice: User) -> None:
    app = make_authenticator(alice, AuthenticatorType.APP, totp.new_secret())

    def use(_: int) -> bool:
        try:
            with scopes_disabled():
                return totp.consume(app, 100)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=16) as threads:
        assert list(threads.map(use, range(50))).count(True) == 1


def test_the_address_for_apps_carries_what_an_app_needs() -> None:
    address = urlsplit(totp.address_for_apps("ABCD", "alice@acme.example", "Acme & Söhne: Bau"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert address.path == "/Acme%20%26%20S%C3%B6hne%3A%20Bau:alice@acme.example"
    assert parse_qs(address.query) == {
        "secret": ["ABCD"],
        "issuer": ["Acme & Söhne: Bau"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_consuming_notes_when_the_app_was_used(alice: User) -> None:
    app = make_authenticator(alice, AuthenticatorType.APP, totp.new_secret())
    moment = at(1234567890) + timedelta(seconds=3)
    with scopes_disabled():
        totp.consume(app, 5, moment)
        app.refresh_from_db()
    assert (app.last_step, app.last_used_at) == (5, moment)
