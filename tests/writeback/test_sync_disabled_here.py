"""Who was disabled here is not the directory's to let in again."""

import pytest

from accounts.models import Tenant, User
from accounts.tenants import opened
from tests.writeback.directory import FakeDirectory, bring_in, person
from writeback.models import Connector


@pytest.mark.parametrize("how", ["nothing", "a name", "off and on", "away and back"])
def test_s10_whom_an_administrator_disabled_here_no_directory_lets_in_again(
    how: str, acme: Tenant, corp: FakeDirectory, connector: Connector
) -> None:
    """Only whom the directory itself switched off it switches on again."""
    alice = corp.put("a1", "alice")
    bring_in(connector, corp, full=True)
    with opened(acme):
        User.objects.filter(anchor="a1").update(is_enabled=False)
    if how == "a name":
        corp.change("a1", fields={**alice.fields, "given_name": "Alice"})
    if how == "off and on":
        corp.change("a1", is_enabled=False)
        bring_in(connector, corp, full=True)
        corp.change("a1", is_enabled=True)
    if how == "away and back":
        corp.delete("a1")
        bring_in(connector, corp, full=True)
        corp.put("a1", "alice")
    bring_in(connector, corp, full=True)
    assert not person(acme, "a1").is_enabled
