"""The limit around an agent's directory passes on everything that a directory is asked, and nobody outside of it."""

import inspect

import pytest

from tests.directories.in_memory import Account, InMemoryConnector, InMemoryDirectory
from writeback.agent.limits import Limited
from writeback.connectors.base import Connector, DirectoryError, Reason


@pytest.fixture
def inner() -> InMemoryConnector:
    return InMemoryConnector(InMemoryDirectory({"one": Account("right")}))


def test_whoever_is_outside_is_protected(inner: InMemoryConnector) -> None:
    assert Limited(inner, "cn=one").find("one").anchor == "one"
    with pytest.raises(DirectoryError) as refused:
        Limited(inner, "ou=elsewhere").find("one")
    assert refused.value.reason == Reason.PROTECTED


def test_e2_nobody_is_asked_for_within_a_limit_as_without(inner: InMemoryConnector) -> None:
    with pytest.raises(DirectoryError) as refused:
        Limited(inner, "cn=one").verify_nobody("x")
    assert refused.value.reason == Reason.WRONG_PASSWORD


def test_nothing_that_a_connector_can_do_falls_back_to_the_base_class() -> None:
    able = {name for name, _ in inspect.getmembers(Connector, inspect.isfunction) if not name.startswith("_")}
    assert able - {"ensure_in_time"} <= set(vars(Limited))
