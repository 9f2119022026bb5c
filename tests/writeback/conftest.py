"""Real directories for the tests that need them: each started once, when the first test asks for it. And one in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import Tenant
from tests.directories import samba
from tests.directories.ds389 import ds389
from tests.directories.ldap_server import LdapServer, Rules
from tests.directories.openldap import openldap
from tests.writeback.directory import FakeDirectory, make_connector
from writeback.models import Connector

CROWD = 10_000
STRICT = Rules(min_age=3600, max_age=7200, history=0, max_failure=0)


@pytest.fixture
def corp() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def connector(acme: Tenant) -> Connector:
    return make_connector(acme)


@pytest.fixture(scope="session")
def ad_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every domain controller starts from."""
    folder = tmp_path_factory.mktemp("ad")
    samba.provision(folder)
    return folder


@pytest.fixture(scope="session")
def domain(ad_template: Path) -> Iterator[samba.Samba]:
    """A domain for all tests, each of which brings its own people."""
    with samba.samba(ad_template) as server:
        yield server


@pytest.fixture(scope="session")
def strict_domain(ad_template: Path) -> Iterator[samba.Samba]:
    """One where a password has to be a day old before it may be changed, and the third wrong one locks."""
    with samba.samba(ad_template, samba.Rules(min_age=1, lock_threshold=3)) as server:
        yield server


@pytest.fixture(scope="session")
def openldap_server() -> Iterator[LdapServer]:
    """For all tests, each of which takes people of its own from the crowd."""
    with openldap(people=CROWD) as server:
        yield server


@pytest.fixture(scope="session")
def ds389_server() -> Iterator[LdapServer]:
    with ds389(people=CROWD, config={"passwordMustChange": "on"}) as server:
        yield server


@pytest.fixture(params=["openldap", "ds389"])
def directory(request: pytest.FixtureRequest) -> LdapServer:
    """One LDAP directory after the other."""
    server: LdapServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(scope="session")
def strict_openldap() -> Iterator[LdapServer]:
    """A password has to be an hour old before it may be changed, ends after two, and nothing ever locks."""
    with openldap(STRICT, people=100) as server:
        yield server


@pytest.fixture(scope="session")
def strict_ds389() -> Iterator[LdapServer]:
    with ds389(STRICT, people=100) as server:
        yield server
