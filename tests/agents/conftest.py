"""A directory of acme that agents reach, an agent that is approved, and somebody in it."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django_scopes import scopes_disabled

from accounts.models import Directory, Tenant, User
from tests.agents.far_side import FarSide
from tests.conftest import make_user
from tests.processes import private_file
from writeback.models import Connector


@pytest.fixture(scope="session", autouse=True)
def _signing_key() -> None:
    """This server's signing key."""
    path = Path(settings.SIGNING_KEY_FILE)
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        private_file(path, pem)


def make_connector(tenant: Tenant, name: str = "Head office", **fields: Any) -> Connector:
    with scopes_disabled():
        directory = Directory.objects.create(tenant=tenant, name=name, kind=Directory.Kind.OPENLDAP)
        return Connector.objects.create(tenant=tenant, directory=directory, is_on=True, **fields)


@pytest.fixture
def office(acme: Tenant) -> Connector:
    """acme's directory, which agents reach."""
    return make_connector(acme)


@pytest.fixture
def far(office: Connector) -> FarSide:
    """An approved agent of it."""
    return FarSide.approved(office)


@pytest.fixture
def dora(acme: Tenant, office: Connector) -> User:
    """Somebody whose password is mastered in that directory."""
    return make_user(acme, "dora@acme.example", directory=office.directory, anchor="anchor-of-dora")
