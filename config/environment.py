"""Reading the environment: secrets also from `NAME_FILE`, lists of keys, and a sentence for each wrong value."""

import base64
import binascii
import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
DATABASE_SCHEMES = ("postgres", "postgresql", "pgsql", "sqlite")
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class SharedKey:
    """One symmetric key; its id stands beside everything made with it. The key never prints."""

    id: str
    value: bytes = field(repr=False)


def secret(env: environ.Env, name: str) -> str:
    """The value of `name`, or the content of the file that `NAME_FILE` names, or the empty string.

    Raises ImproperlyConfigured when both are set or the file can't be read: two answers are no answer.
    """
    value: str = env.str(name, default="")
    path: str = env.str(f"{name}_FILE", default="")
    if value and path:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Keep one of them.")
    if not path:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which can't be read as text: {error}") from None


def integer(env: environ.Env, name: str, default: int) -> int:
    """A whole number. Raises ImproperlyConfigured for anything else."""
    text: str = env.str(name, default="").strip()
    try:
        return int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from None


def boolean(env: environ.Env, name: str, default: bool) -> bool:
    """Yes or no. Raises ImproperlyConfigured for a word that is neither: a typing error must not mean "no"."""
    text: str = env.str(name, default="").strip().lower()
    if text in TRUE:
        return True
    if text and text not in FALSE:
        raise ImproperlyConfigured(f"{name} must be true or false.")
    return default if not text else False


def database(env: environ.Env, default: str) -> dict[str, Any]:
    """What DATABASE_URL or the file named by DATABASE_URL_FILE says. Raises ImproperlyConfigured, without the URL."""
    url = secret(env, "DATABASE_URL") or default
    if url.partition("://")[0] in DATABASE_SCHEMES:
        try:
            parts: dict[str, Any] = environ.Env.db_url_config(url)
        except (ValueError, KeyError):
            pass
        else:
            return parts
    raise ImproperlyConfigured("DATABASE_URL must read like postgres://user:password@host:5432/name.")


def shared_keys(text: str, name: str) -> tuple[SharedKey, ...]:
    """The keys in `id:base64,id:base64`, newest first, 32 bytes each. Raises ImproperlyConfigured, without a key."""
    keys = tuple(_shared_key(part.strip(), name) for part in text.split(",") if part.strip())
    if len({key.id for key in keys}) != len(keys):
        raise ImproperlyConfigured(f"{name} holds the same key id twice. Every key needs an id of its own.")
    return keys


def _shared_key(text: str, name: str) -> SharedKey:
    key_id, separator, encoded = text.partition(":")
    try:
        value = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        value = b""
    if not separator or not key_id or len(value) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"{name} must hold keys as id:base64, {KEY_BYTES} bytes each; `manage.py make_keys` makes them."
        )
    return SharedKey(key_id, value)


def host_of(url: str) -> str:
    """The host name in a URL; empty when there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def passkey_host(url: str) -> str:
    """The name that passkeys are bound to; empty where there is only a number, which WebAuthn takes for none."""
    host = host_of(url)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on this host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_every_address(host: str) -> bool:
    """Whether listening on this host means listening on all addresses of the machine."""
    return host in ("", "0.0.0.0", "::", "[::]")  # noqa: S104


def local_url(host: str, port: int) -> str:
    """Where a browser on this machine reaches what listens on host and port: by name, since passkeys need one."""
    name = "localhost" if is_every_address(host) or host == "127.0.0.1" else host.strip("[]")
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def local_names(host: str, base_url: str) -> list[str]:
    """Host names an embedded server answers to."""
    names = ["127.0.0.1", "localhost", "[::1]", host_of(base_url)]
    return [*names, socket.gethostname()] if is_every_address(host) else names
