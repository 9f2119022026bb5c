"""A wrong value in the environment is named in a sentence, and no secret with it."""

from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import (
    boolean,
    database,
    integer,
    is_loopback,
    local_names,
    local_url,
    passkey_host,
    secret,
    shared_keys,
)

env = environ.Env()


def test_a_number_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(ImproperlyConfigured, match="PORT must be a whole number"):
        integer(env, "PORT", 8000)


@pytest.mark.parametrize(("text", "expected"), [("", 8000), (" 81 ", 81), ("-1", -1)])
def test_a_number_is_read(monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    monkeypatch.setenv("PORT", text)
    assert integer(env, "PORT", 8000) == expected


@pytest.mark.parametrize(("text", "expected"), [("", True), ("no", False), ("0", False), ("TRUE", True), ("on", True)])
def test_yes_and_no_are_read(monkeypatch: pytest.MonkeyPatch, text: str, expected: bool) -> None:
    monkeypatch.setenv("CAPTCHA_REQUIRED", text)
    assert boolean(env, "CAPTCHA_REQUIRED", True) is expected


def test_a_mistyped_yes_is_not_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTCHA_REQUIRED", "ture")
    with pytest.raises(ImproperlyConfigured, match="CAPTCHA_REQUIRED must be true or false"):
        boolean(env, "CAPTCHA_REQUIRED", True)


@pytest.mark.parametrize("url", ["hidden-word", "nosuch://u:hidden-word@h/n", "postgres://u:hidden-word@h:port/n"])
def test_an_unreadable_database_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured) as raised:
        database(env, "sqlite://")
    assert "DATABASE_URL must read like" in str(raised.value)
    assert "hidden-word" not in str(raised.value)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database").write_text("postgres://rekey:word@db.acme.example:5433/rekey\n")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "database"))
    parts = database(env, "sqlite://")
    assert (parts["HOST"], parts["PORT"], parts["NAME"]) == ("db.acme.example", 5433, "rekey")


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://one")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "redis"))
    with pytest.raises(ImproperlyConfigured, match="Both REDIS_URL and REDIS_URL_FILE"):
        secret(env, "REDIS_URL")


def test_a_secret_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match=r"REDIS_URL_FILE names .*nowhere"):
        secret(env, "REDIS_URL")


@pytest.mark.parametrize("text", ["hidden-word", "k1:hidden-word", "k1:" + "aGlkZGVuLXdvcmQ=", ":" + "A" * 43 + "="])
def test_an_unreadable_key_is_not_shown(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        shared_keys(text, "SEALING_KEYS")
    assert "SEALING_KEYS must hold keys" in str(raised.value)
    assert "hidden-word" not in str(raised.value)


def test_p8_a_key_never_prints() -> None:
    keys = shared_keys("k1:" + "A" * 43 + "=", "SEALING_KEYS")
    assert repr(keys) == "(SharedKey(id='k1'),)"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"])
def test_loopback_hosts_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "acme.example", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
    ],
)
def test_the_local_address_is_one_a_browser_takes(host: str, url: str) -> None:
    assert local_url(host, 8000) == url


def test_an_open_embedded_server_answers_to_the_name_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "desk-of-alice")
    assert "desk-of-alice" in local_names("0.0.0.0", "http://localhost:8000")
    assert "desk-of-alice" not in local_names("127.0.0.1", "http://localhost:8000")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://reset.example", "reset.example"),
        ("http://localhost:8000", "localhost"),
        ("http://127.0.0.1:8000", ""),
        ("http://[::1]", ""),
        ("", ""),
    ],
)
def test_passkeys_are_bound_to_a_name_and_never_to_a_number(url: str, name: str) -> None:
    assert passkey_host(url) == name
