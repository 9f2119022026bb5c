"""Standing characters: tenant `acme` with alice (two methods) and bob (one); tenant `globex` beside it."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import boxes, executors
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, Tenant, User
from policy.models import ResetPolicy


@pytest.fixture(autouse=True)
def _fast_hashes(settings: Any) -> None:
    """A whole suite of slow hashes would take minutes; the real hasher has its own test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _executor_key() -> None:
    """The private key of the suite's own worker."""
    if not os.path.exists(settings.EXECUTOR_KEY_FILE):
        with open(settings.EXECUTOR_KEY_FILE, "w", encoding="utf-8") as file:
            file.write(boxes.PrivateKey.generate().as_text())


@pytest.fixture(scope="session", autouse=True)
def _signing_key() -> None:
    """The key that the suite's own server signs jobs with."""
    if not os.path.exists(settings.SIGNING_KEY_FILE):
        with open(settings.SIGNING_KEY_FILE, "wb") as file:
            key = Ed25519PrivateKey.generate()
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def executor(db: Any) -> Any:
    """A worker whose public key is known."""
    return executors.announce()


def make_tenant(slug: str, domain: str, **fields: Any) -> Tenant:
    tenant = Tenant.objects.create(slug=slug, name=slug.capitalize(), **fields)
    with scopes_disabled():
        Domain.objects.create(tenant=tenant, name=domain, verified_at=timezone.now())
    return tenant


def make_user(tenant: Tenant, name: str, password: str | None = None, **fields: Any) -> User:
    with scopes_disabled():
        user = User(tenant=tenant, principal_name=name, **fields)
        if password is None:
            user.set_unusable_password()
        else:
            user.set_password(password)
        user.save()
    return user


def make_authenticator(user: User, kind: AuthenticatorType, value: str, **fields: Any) -> Authenticator:
    fields.setdefault("confirmed_at", timezone.now())
    fields.setdefault("source", Authenticator.Source.USER)
    with scopes_disabled():
        row = Authenticator(tenant=user.tenant, user=user, type=kind, name="", **fields)
        row.set_value(value)
        row.save()
    return row


@pytest.fixture
def acme(executor: Any) -> Tenant:
    return make_tenant("acme", "acme.example")


@pytest.fixture
def globex(executor: Any) -> Tenant:
    return make_tenant("globex", "globex.example")


@pytest.fixture
def open_policy(acme: Tenant) -> ResetPolicy:
    """Everybody at acme may reset with one method out of e-mail, text message and app."""
    with scopes_disabled():
        return ResetPolicy.objects.create(
            tenant=acme, name="Everybody", audience="everybody", methods=["email", "sms", "app_code"], priority=10
        )


@pytest.fixture
def alice(acme: Tenant) -> User:
    user = make_user(acme, "alice@acme.example", "old-password-1", mail="alice@acme.example", given_name="Alice")
    make_authenticator(user, AuthenticatorType.EMAIL, "alice@home.example")
    make_authenticator(user, AuthenticatorType.MOBILE_PHONE, "+4915112345647")
    return user


@pytest.fixture
def bob(acme: Tenant) -> User:
    user = make_user(acme, "bob@acme.example", "old-password-2", given_name="Bob")
    make_authenticator(user, AuthenticatorType.EMAIL, "bob@home.example")
    return user
