"""A production process starts with a right environment only; each wrong one has its id."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from accounts import boxes, keyfiles
from config.checks import _passkeys
from config.environment import SharedKey
from config.startup import PROCESS, TAG, refuse_unless_ready

GOOD = "q8Zr2vT6yU1iO9pA4sD7fG3hJ5kL0zX-cV_bN.mWeRtYuIoPaSdFg"


def random_key(name: str = "k1") -> SharedKey:
    return SharedKey(name, os.urandom(32))


def private_pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


@pytest.fixture(autouse=True)
def _same_process_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROCESS, "")


@pytest.fixture
def production(settings: Any, tmp_path: Path) -> Any:
    """Settings of a right production environment, to break one of."""
    settings.EMBEDDED, settings.REKEY_PROFILE, settings.DEBUG = False, "production", False
    settings.SECRET_KEY = GOOD
    settings.SEALING_KEYS, settings.DIGEST_KEYS = (random_key(),), (random_key(),)
    settings.SIGNING_KEY_FILE = write(tmp_path / "signing.key", private_pem(Ed25519PrivateKey.generate()))
    settings.EXECUTOR_KEY_FILE = ""
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://reset.acme.example", ["reset.acme.example"]
    settings.SECURE, settings.PASSKEY_HOST = True, "reset.acme.example"
    settings.TRUSTED_PROXY_COUNT = 1
    settings.POSTGRESQL = True
    settings.REDIS_URL = "redis://127.0.0.1:6379/0"
    settings.EMAIL_URL = "smtp+tls://rekey:hidden-word@mail.acme.example:587"
    settings.EMAIL_FROM = "no-reply@acme.example"
    settings.SMS_URL = ""
    settings.VOICE_URL = ""
    settings.STATIC_ROOT = tmp_path
    write(tmp_path / "staticfiles.json", b"{}")
    return settings


def found() -> set[str]:
    return {message.id or "" for message in run_checks(tags=[TAG])}


def test_a_right_environment_is_content(production: Any) -> None:
    assert run_checks(tags=[TAG]) == []


def test_debug_is_refused(production: Any) -> None:
    production.DEBUG = True
    assert found() == {"rekey.E002"}


def test_an_unknown_profile_is_refused(production: Any) -> None:
    production.REKEY_PROFILE = "prod"
    assert found() == {"rekey.E001"}


@pytest.mark.parametrize("key", ["", "short", "a" * 60, "ab" * 40, "django-insecure-" + GOOD, "changeme" + GOOD])
def test_p8_a_default_or_short_secret_key_is_refused(production: Any, key: str) -> None:
    production.SECRET_KEY = key
    assert found() == {"rekey.E003"}


@pytest.mark.parametrize("value", [bytes(32), b"k" * 32, b"secret!!" * 4])
@pytest.mark.parametrize("name", ["SEALING_KEYS", "DIGEST_KEYS"])
def test_p8_a_key_that_is_not_random_is_refused(production: Any, name: str, value: bytes) -> None:
    setattr(production, name, (random_key(), SharedKey("old", value)))
    assert found() == {"rekey.E006"}


@pytest.mark.parametrize(("name", "check"), [("SEALING_KEYS", "rekey.E004"), ("DIGEST_KEYS", "rekey.E005")])
def test_missing_keys_are_refused(production: Any, name: str, check: str) -> None:
    setattr(production, name, ())
    assert found() == {check}


def test_a_key_used_for_two_purposes_is_refused(production: Any) -> None:
    production.DIGEST_KEYS = (random_key(), SharedKey("other", production.SEALING_KEYS[0].value))
    assert found() == {"rekey.E007"}


def test_a_missing_signing_key_is_refused(production: Any, tmp_path: Path) -> None:
    for path in ("", str(tmp_path / "nowhere"), str(tmp_path)):
        production.SIGNING_KEY_FILE = path
        assert "rekey.E008" in found()


def test_a_signing_key_of_another_kind_is_refused(production: Any, tmp_path: Path) -> None:
    for content in (private_pem(generate_private_key(SECP256R1())), b"not a key"):
        production.SIGNING_KEY_FILE = write(tmp_path / "other.key", content)
        assert found() == {"rekey.E008"}


@pytest.mark.parametrize(("mode", "expected"), [(0o644, {"rekey.E009"}), (0o660, {"rekey.E009"}), (0o640, set())])
def test_a_signing_key_that_others_may_read_is_refused(production: Any, mode: int, expected: set[str]) -> None:
    os.chmod(production.SIGNING_KEY_FILE, mode)
    assert found() == expected


def test_a_worker_without_its_key_is_refused(production: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROCESS, "worker")
    for path in ("", str(tmp_path / "nowhere"), write(tmp_path / "damaged.key", b'{"mlkem768": "x"}')):
        production.EXECUTOR_KEY_FILE = path
        assert found() == {"rekey.E010"}


def test_a_worker_with_its_key_is_content(production: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROCESS, "worker")
    key = boxes.PrivateKey.generate().as_text().encode()
    production.EXECUTOR_KEY_FILE = write(tmp_path / "executor.key", key)
    assert found() == set()
    os.chmod(production.EXECUTOR_KEY_FILE, 0o644)
    assert found() == {"rekey.E012"}


def test_a_key_for_push_messages_is_read_or_refused(production: Any, tmp_path: Path) -> None:
    production.VAPID_PRIVATE_KEY_FILE = write(tmp_path / "damaged.key", b"nothing")
    assert found() == {"rekey.E021"}
    production.VAPID_PRIVATE_KEY_FILE = str(keyfiles.make(tmp_path / "keys", date(2026, 11, 25))[3])
    assert found() == set()
    os.chmod(production.VAPID_PRIVATE_KEY_FILE, 0o644)
    assert found() == {"rekey.E025"}


@pytest.mark.parametrize("process", ["web", "beat", "agents"])
def test_a_web_process_with_the_executor_key_is_refused(
    production: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: str
) -> None:
    monkeypatch.setenv(PROCESS, process)
    production.EXECUTOR_KEY_FILE = write(tmp_path / "executor.key", b"whatever")
    assert found() == {"rekey.E011"}


@pytest.mark.parametrize("url", ["", "http://agents.acme.example", "https://agents.acme.example/x", "agents"])
def test_agents_are_sent_nowhere_without_tls(production: Any, url: str) -> None:
    production.AGENTS_URL = url
    assert found() == {"rekey.E026"}
    production.AGENTS_URL = production.BASE_URL
    assert found() == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://reset.acme.example",
        "https://reset.acme.example/reset",
        "https://reset.acme.example?x=1",
        "https://alice@reset.acme.example",
        "reset.acme.example",
    ],
)
def test_a_base_url_without_tls_or_with_a_path_is_refused(production: Any, url: str) -> None:
    production.BASE_URL = url
    assert "rekey.E013" in found()


def test_a_missing_base_url_is_refused(production: Any) -> None:
    production.BASE_URL = ""
    assert "rekey.E013" in found()


@pytest.mark.parametrize("hosts", [[], ["*"], ["reset.acme.example", "*"], ["other.acme.example"]])
def test_allowed_hosts_that_allow_all_or_none_are_refused(production: Any, hosts: list[str]) -> None:
    production.ALLOWED_HOSTS = hosts
    assert found() == {"rekey.E014"}


def test_another_database_than_postgresql_is_refused(production: Any) -> None:
    production.POSTGRESQL = False
    assert found() == {"rekey.E015"}


@pytest.mark.parametrize("url", ["", "memory://", "https://cache.acme.example"])
def test_a_missing_broker_is_refused(production: Any, url: str) -> None:
    production.REDIS_URL = url
    assert found() == {"rekey.E016"}


@pytest.mark.parametrize("url", ["", "captured://"])
def test_mail_that_nobody_gets_is_refused(production: Any, url: str) -> None:
    production.EMAIL_URL = url
    assert found() == {"rekey.E017"}


def test_mail_unencrypted_to_another_machine_is_refused(production: Any) -> None:
    production.EMAIL_URL = "smtp://mail.acme.example:25"
    assert found() == {"rekey.E018"}
    production.EMAIL_URL = "smtp://127.0.0.1:25"
    assert found() == set()


def test_a_negative_number_of_proxies_is_refused(production: Any) -> None:
    production.TRUSTED_PROXY_COUNT = -1
    assert found() == {"rekey.E019"}


def test_captured_text_messages_are_refused(production: Any) -> None:
    production.SMS_URL = "captured://"
    assert found() == {"rekey.E020"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("EMAIL_URL", "mailto:hidden-word"), ("SMS_URL", "ftp://acme.example/hidden-word"), ("SMS_BODY", "hidden-word")],
)
def test_an_unreadable_channel_is_refused_without_showing_its_secrets(production: Any, name: str, value: str) -> None:
    production.SMS_URL = "https://sms.acme.example/send"
    setattr(production, name, value)
    messages = run_checks(tags=[TAG])
    assert {message.id for message in messages} == {"rekey.E021"}
    assert "hidden-word" not in str(messages)


def test_a_web_process_without_its_styles_is_refused(
    production: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "staticfiles.json").unlink()
    assert found() == set()
    monkeypatch.setenv(PROCESS, "web")
    assert found() == {"rekey.E022"}


def test_the_embedded_profile_on_an_open_address_is_warned_about(settings: Any) -> None:
    settings.BASE_URL, settings.PASSKEY_HOST = "http://localhost:8000", "localhost"
    assert found() == set()
    settings.HOST = "0.0.0.0"
    assert found() == {"rekey.W001"}


def test_every_error_has_a_hint(production: Any, settings: Any) -> None:
    production.DEBUG, production.REKEY_PROFILE, production.SECRET_KEY = True, "x", ""
    production.SEALING_KEYS, production.DIGEST_KEYS, production.ALLOWED_HOSTS = (), (), []
    production.BASE_URL = production.REDIS_URL = production.EMAIL_URL = production.SIGNING_KEY_FILE = ""
    messages = run_checks(tags=[TAG])
    assert len(messages) >= 9
    assert all(message.hint for message in messages)


def test_a_process_that_fails_a_check_leaves_with_the_messages(
    production: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    production.DEBUG = True
    with pytest.raises(SystemExit) as left:
        refuse_unless_ready("web")
    assert left.value.code == 4
    assert "(rekey.E002) DEBUG is on." in capfd.readouterr().err


def test_a_silenced_check_does_not_stop_a_process(production: Any) -> None:
    production.DEBUG = True
    production.SILENCED_SYSTEM_CHECKS = ["rekey.E002"]
    refuse_unless_ready("web")
    assert os.environ[PROCESS] == "web"


def test_the_csrf_check_is_in_force_though_its_warning_is_silenced(settings: Any) -> None:
    classes = [import_string(name) for name in settings.MIDDLEWARE]
    assert [cls for cls in classes if isinstance(cls, type) and issubclass(cls, CsrfViewMiddleware)]


@pytest.mark.parametrize(
    ("base_url", "bound_to", "ids"),
    [
        ("https://reset.acme.example", "reset.acme.example", set()),
        ("https://reset.acme.example", "acme.example", set()),
        ("https://reset.acme.example", "example", {"rekey.E024"}),
        ("https://reset.acme.example", "eset.acme.example", {"rekey.E024"}),
        ("https://reset.acme.example", "other.example", {"rekey.E024"}),
        ("https://reset.acme.example", "www.reset.acme.example", {"rekey.E024"}),
        ("https://192.0.2.7", "", {"rekey.W002"}),
        ("http://localhost:8000", "localhost", set()),
        ("http://rekey.localhost:8000", "rekey.localhost", set()),
        ("http://127.0.0.1:8000", "", {"rekey.W002"}),
        ("http://reset.acme.example", "reset.acme.example", {"rekey.W003"}),
        ("", "", set()),
        ("", "reset.acme.example", set()),
    ],
)
def test_a_host_that_no_browser_makes_passkeys_for_is_explained(
    base_url: str, bound_to: str, ids: set[str], settings: Any
) -> None:
    settings.BASE_URL, settings.PASSKEY_HOST = base_url, bound_to
    settings.SECURE = base_url.startswith("https://")
    found_here = list(_passkeys())
    assert {message.id for message in found_here} == ids
    assert all(message.hint for message in found_here)


def test_the_deployment_check_says_it_too(production: Any, capsys: pytest.CaptureFixture[str]) -> None:
    production.PASSKEY_HOST = "other.example"
    with pytest.raises(SystemCheckError, match=r"rekey\.E024"):
        call_command("check", "--deploy")


def test_captured_calls_are_refused(production: Any) -> None:
    production.VOICE_URL = "captured://"
    assert found() == {"rekey.E023"}
