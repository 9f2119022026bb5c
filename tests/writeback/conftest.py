"""A directory and the connector to it, as most tests of the sync want them."""

import pytest

from accounts.models import Tenant
from tests.writeback.directory import FakeDirectory, make_connector
from writeback.models import Connector


@pytest.fixture
def corp() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def connector(acme: Tenant) -> Connector:
    return make_connector(acme)
