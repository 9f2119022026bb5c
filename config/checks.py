"""What a production process must have before it starts: each check has an id, says what is wrong and what to do.

They look at settings only, so they run without a database. No message shows a secret.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from accounts.boxes import PrivateKey
from config.environment import SharedKey, host_of, is_loopback
from config.startup import PROCESS, TAG
from notifications import channels

PROFILES = ("embedded", "production")
SECRET_KEY_LENGTH, SECRET_KEY_CHARACTERS = 50, 10
DEFAULT_SECRETS = ("django-insecure", "changeme", "change-me", "secret", "example", "default")
KEY_CHARACTERS = 8  # a random key of 32 bytes has fewer different ones about never
OPEN_TO_OTHERS = stat.S_IWGRP | stat.S_IRWXO
MAKE_KEYS = "`manage.py make_keys` makes a good one."

Found = Iterator[CheckMessage]


@register(TAG)
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """All checks of the profile in force."""
    if settings.EMBEDDED:
        return [*_embedded(), *_passkeys()]
    return [
        *_profile(),
        *_secret_key(),
        *_shared_keys(),
        *_signing_key(),
        *_executor_key(os.environ.get(PROCESS, "")),
        *_addresses(),
        *_passkeys(),
        *_agents(),
        *_servers(),
        *_delivery(),
        *_static_files(os.environ.get(PROCESS, "")),
    ]


def _embedded() -> Found:
    if not is_loopback(settings.HOST):
        yield Warning(
            f"The embedded profile listens on {settings.HOST}, which other machines may reach.",
            hint="It is made to try and develop on one machine. Use the production profile to serve people.",
            id="rekey.W001",
        )


def _profile() -> Found:
    if settings.REKEY_PROFILE not in PROFILES:
        yield Error(
            f"REKEY_PROFILE is {settings.REKEY_PROFILE!r}.",
            hint="It is production (when not set) or embedded.",
            id="rekey.E001",
        )
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="Remove DEBUG from the environment.", id="rekey.E002")


def _secret_key() -> Found:
    try:
        key = settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's way to say that it is empty
        key = ""
    weak = len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_CHARACTERS
    if weak or key.lower().startswith(DEFAULT_SECRETS):
        yield Error(
            "SECRET_KEY is missing, too short or a well-known value.",
            hint=f"It needs {SECRET_KEY_LENGTH} random characters. {MAKE_KEYS}",
            id="rekey.E003",
        )


def _shared_keys() -> Found:
    for name, check_id in (("SEALING_KEYS", "rekey.E004"), ("DIGEST_KEYS", "rekey.E005")):
        keys: tuple[SharedKey, ...] = getattr(settings, name)
        if not keys:
            yield Error(f"{name} is missing.", hint=MAKE_KEYS, id=check_id)
        for key in keys:
            if len(set(key.value)) < KEY_CHARACTERS:
                yield Error(f"{name} holds a key ({key.id}) that is not random.", hint=MAKE_KEYS, id="rekey.E006")
    if {key.value for key in settings.SEALING_KEYS} & {key.value for key in settings.DIGEST_KEYS}:
        yield Error(
            "SEALING_KEYS and DIGEST_KEYS share a key.", hint="Each set needs keys of its own.", id="rekey.E007"
        )


def _open_to_others(path: str, name: str, check_id: str) -> Found:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if mode & OPEN_TO_OTHERS:
        yield Error(
            f"{name} may be read by every user of this machine, or changed by its group.",
            hint=f"Run `chmod o=,g-w {path}`.",
            id=check_id,
        )


def _signing_key() -> Found:
    path = settings.SIGNING_KEY_FILE
    try:
        with open(path, "rb") as file:
            good = isinstance(load_pem_private_key(file.read(), password=None), Ed25519PrivateKey)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        good = False
    if not good:
        yield Error(
            "SIGNING_KEY_FILE is missing, can't be read, or holds no Ed25519 private key (PEM).",
            hint=MAKE_KEYS,
            id="rekey.E008",
        )
    yield from _open_to_others(path, "SIGNING_KEY_FILE", "rekey.E009")


def _executor_key(process: str) -> Found:
    path = settings.EXECUTOR_KEY_FILE
    if process in ("web", "beat", "agents") and path:
        yield Error(
            f"EXECUTOR_KEY_FILE is set in {'an' if process == 'agents' else 'a'} {process} process.",
            hint="Only workers may have it: whoever holds it can read the passwords that people type.",
            id="rekey.E011",
        )
    if process == "worker" and not _is_executor_key(path):
        yield Error(
            "EXECUTOR_KEY_FILE is missing, can't be read, or holds no executor key; a worker needs it.",
            hint=MAKE_KEYS,
            id="rekey.E010",
        )
    if process == "worker":
        yield from _open_to_others(path, "EXECUTOR_KEY_FILE", "rekey.E012")


def _is_executor_key(path: str) -> bool:
    try:
        PrivateKey.load(path)
    except (OSError, ValueError):
        return False
    return True


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _addresses() -> Found:
    base = _split(settings.BASE_URL)
    extra = base.path or base.query or base.fragment or base.username
    if base.scheme != "https" or not base.hostname or extra:
        yield Error(
            "BASE_URL is missing, not https, or more than a scheme and a host.",
            hint="It is what people type, like https://reset.example.com.",
            id="rekey.E013",
        )
    hosts: list[str] = settings.ALLOWED_HOSTS
    if not hosts or "*" in hosts or not validate_host(host_of(settings.BASE_URL), hosts):
        yield Error(
            "ALLOWED_HOSTS is missing, holds `*`, or lacks the host of BASE_URL.",
            hint="List the host names that people use, separated by commas.",
            id="rekey.E014",
        )
    if settings.TRUSTED_PROXY_COUNT < 0:
        yield Error(
            "TRUSTED_PROXY_COUNT is negative.",
            hint="It is the number of proxies in front that set X-Forwarded-For; 0 for none.",
            id="rekey.E019",
        )


def _passkeys() -> Found:
    """Browsers make and use passkeys for a site's own name or a domain above it, over https or on this very machine."""
    host, bound_to = host_of(settings.BASE_URL), settings.PASSKEY_HOST
    if not host:
        return  # that is said already
    if bound_to and bound_to != host and not (host.endswith(f".{bound_to}") and "." in bound_to):
        yield Error(
            f"PASSKEY_HOST ({bound_to}) is neither the host of BASE_URL ({host}) nor a domain above it.",
            hint="Browsers refuse such passkeys. Remove it, or name the host or your own domain, like example.com.",
            id="rekey.E024",
        )
    elif not bound_to:
        yield Warning(
            f"There are no passkeys at {host}: browsers bind them to names, and this is a number.",
            hint="Give BASE_URL a host name, such as https://reset.example.com.",
            id="rekey.W002",
        )
    elif not settings.SECURE and host != "localhost" and not host.endswith(".localhost"):
        yield Warning(
            f"Browsers allow no passkeys at {settings.BASE_URL}: it is neither https nor localhost.",
            hint="Use https, or open the embedded profile as http://localhost.",
            id="rekey.W003",
        )


def _agents() -> Found:
    if settings.AGENTS_URL == settings.BASE_URL:
        return  # looked at already
    parts = _split(settings.AGENTS_URL)
    if parts.scheme != "https" or not parts.hostname or parts.path or parts.query or parts.fragment:
        yield Error(
            "AGENTS_URL is not an https address without a path.",
            hint="It is where agents find this installation; remove it where they use BASE_URL.",
            id="rekey.E026",
        )


def _servers() -> Found:
    if not settings.POSTGRESQL:
        yield Error(
            "DATABASE_URL is missing or not a PostgreSQL database.",
            hint="It reads like postgres://rekey:password@host:5432/rekey.",
            id="rekey.E015",
        )
    if _split(settings.REDIS_URL).scheme not in ("redis", "rediss", "unix"):
        yield Error("REDIS_URL is missing or not a Redis address.", hint="Like redis://host:6379/0.", id="rekey.E016")


def _delivery() -> Found:
    mail, sms, voice = (_split(url) for url in (settings.EMAIL_URL, settings.SMS_URL, settings.VOICE_URL))
    if mail.scheme in ("", "captured"):
        yield Error(
            "EMAIL_URL is missing, or captures mail instead of sending it.",
            hint="It reads like smtp+tls://user:password@mail.example.com:587.",
            id="rekey.E017",
        )
    if mail.scheme == "smtp" and not is_loopback(mail.hostname or ""):
        yield Error(
            "EMAIL_URL sends mail unencrypted to another machine, and one-time passcodes with it.",
            hint="Use smtp+tls:// (STARTTLS) or smtps:// (TLS from the start).",
            id="rekey.E018",
        )
    if sms.scheme == "captured":
        yield Error(
            "SMS_URL captures text messages instead of sending them.",
            hint="Give the address of your gateway, or remove SMS_URL to do without text messages.",
            id="rekey.E020",
        )
    if voice.scheme == "captured":
        yield Error(
            "VOICE_URL captures calls instead of making them.",
            hint="Give the account of your provider, or remove VOICE_URL to do without calls.",
            id="rekey.E023",
        )
    if mail.scheme and "captured" not in (mail.scheme, sms.scheme, voice.scheme):
        for problem in channels.problems():
            yield Error(f"{problem}.", hint="docs/settings.md has an example of each.", id="rekey.E021")
    yield from _open_to_others(settings.VAPID_PRIVATE_KEY_FILE, "VAPID_PRIVATE_KEY_FILE", "rekey.E025")


def _static_files(process: str) -> Found:
    if process == "web" and not (settings.STATIC_ROOT and os.path.exists(f"{settings.STATIC_ROOT}/staticfiles.json")):
        yield Error(
            "The files that pages need (styles, pictures) are not in STATIC_ROOT.",
            hint="Run `manage.py collectstatic --no-input` after each upgrade.",
            id="rekey.E022",
        )
