"""Real directories for the tests that need them: each started once, when the first test asks for it. And one in memory."""

from collections.abc import Iterator

import pytest

from tests.directories.ds389 import ds389
from tests.directories.ldap_server import LdapServer, Rules
from tests.directories.openldap import openldap
from tests.writeback.directory import FakeDirectory, make_connector
from writeback.models import Connector

CROWD = 10_000
STRICT = Rules(min_age=3600, max_age=7200, history=0, max_failure=0)


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
