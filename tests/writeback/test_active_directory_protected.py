"""Nobody who has power in the directory is written to, whatever the account could do."""

from collections.abc import Callable

import pytest

from tests.directories.samba import ADMINISTRATOR, BASE, OUTSIDE, PASSWORD, PEOPLE, Samba
from writeback.connectors import protected
from writeback.connectors.active_directory import ActiveDirectory
from writeback.connectors.base import Entry, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Operation, Order, Outcome

pytestmark = pytest.mark.directory


@pytest.fixture
def directory(domain: Samba) -> ActiveDirectory:
    """As the Administrator: nothing but our own list is in the way."""
    return ActiveDirectory(domain.access(administrator=True))


@pytest.fixture
def find(directory: ActiveDirectory, domain: Samba) -> Callable[[str], Entry]:
    def by_dn(dn: str) -> Entry:
        return directory.find(directory.find_anchor(domain.logins[dn]))

    return by_dn


def test_q9_a_plain_person_is_not_protected(domain: Samba, find: Callable[[str], Entry]) -> None:
    assert find(domain.add_user()).protected == ""


def test_q9_nothing_is_written_to_a_protected_account(
    domain: Samba, directory: ActiveDirectory, find: Callable[[str], Entry]
) -> None:
    dn = domain.add_user()
    domain.force(dn, adminCount="1")
    somebody = find(dn)
    assert somebody.protected == "adminCount is set"
    for operation in (Operation.RESET, Operation.CHANGE, Operation.UNLOCK):
        order = Order(operation, somebody.anchor, "N3w-Passw0rd!", PASSWORD, unlock=True, by_administrator=True)
        report = carry_out(directory, order, lambda _mark: True, lambda: True, lambda _step, _result: None)
        assert (report.outcome, report.reason, report.steps) == (Outcome.FAILED, Reason.PROTECTED, {})
    assert find(dn).mark == somebody.mark


@pytest.mark.parametrize("group", ["Domain Admins", "Account Operators", "Backup Operators", "Schema Admins"])
def test_q9_a_member_of_a_group_within_a_privileged_group_is_protected(
    domain: Samba, find: Callable[[str], Entry], group: str
) -> None:
    dn = domain.add_user()
    name = group.replace(" ", "")
    inner = domain.add_group(f"Inner {name}", [dn])
    domain.add_group(f"Middle {name}", [inner])
    assert find(dn).protected == ""
    domain.tool("group", "addmembers", group, f"Middle {name}")
    assert find(dn).protected.startswith("member of S-1-5-")


def test_q9_a_privileged_primary_group_protects(domain: Samba, find: Callable[[str], Entry]) -> None:
    dn = domain.add_user()
    domain.tool("group", "addmembers", "Domain Admins", domain.logins[dn])
    domain.modify(dn, primaryGroupID="512")
    domain.tool("group", "removemembers", "Domain Admins", domain.logins[dn])
    assert find(dn).protected.endswith("-512")


@pytest.mark.parametrize("account", ["Rekey@corp.example.test", "CORP\\rekey", "cn=REKEY, CN=Users," + BASE])
def test_q9_the_account_is_protected_however_it_is_called(domain: Samba, account: str) -> None:
    directory = ActiveDirectory(domain.access(account=account))
    assert directory.find(directory.find_anchor("Rekey")).protected == "the account that writes"


@pytest.mark.parametrize("name", ["Administrator", "krbtgt", "Rekey", "dc1$"])
def test_q9_well_known_accounts_machines_and_the_account_itself_are_protected(
    domain: Samba, directory: ActiveDirectory, name: str
) -> None:
    shown = domain.tool("computer" if name.endswith("$") else "user", "show", name, "--attributes=objectGUID")
    anchor = next(line.split()[1] for line in shown.splitlines() if line.startswith("objectGUID"))
    least = ActiveDirectory(domain.access())
    assert least.find(anchor).protected
    assert directory.find(anchor).protected or name == "Rekey"


def test_q9_whoever_stands_in_a_denied_part_is_protected(domain: Samba) -> None:
    inside, outside = domain.add_user(place=OUTSIDE), domain.add_user()
    denied = "ou=OUTSIDE , dc=Corp,DC=example,dc=test"
    directory = ActiveDirectory(domain.access(denied=(denied,)))
    assert directory.find(directory.find_anchor(domain.logins[inside])).protected == "in a part that is denied"
    assert directory.find(directory.find_anchor(domain.logins[outside])).protected == ""


def test_q9_an_unreadable_list_of_groups_protects() -> None:
    assert protected.why_groups_protect([]) == "its groups can't be read"


@pytest.mark.parametrize(
    ("dn", "base", "is_below"),
    [
        (f"CN=a,{PEOPLE}", PEOPLE, True),
        (PEOPLE, PEOPLE, True),
        (f"CN=a,{PEOPLE}", BASE.upper(), True),
        (f"CN=a,{PEOPLE}", "ou=people,dc=corp, dc=example ,dc=test", True),
        (f"CN=a,OU=Not People,{BASE}", PEOPLE, False),
        (f"CN=a\\,{PEOPLE},{BASE}", PEOPLE, False),
        (f"CN=a,OU=x\\, y,{BASE}", f"OU=x\\2C y,{BASE}", True),
        (f"CN=a,OU=x\\, y,{BASE}", f"ou=X\\2c  Y,{BASE}", True),
        (f"CN=a,OU=é,{BASE}", f"OU=\\C3\\A9,{BASE}", True),
        (f"CN=a+UID=b,{BASE}", f"uid=B+cn=A,{BASE}", True),
        (PEOPLE, f"CN=a,{PEOPLE}", False),
    ],
)
def test_q9_places_are_compared_whatever_their_way_of_writing(dn: str, base: str, is_below: bool) -> None:
    assert (protected.why_place_is_protected(dn, [base]) != "") is is_below
    assert protected.is_within(dn, base) is is_below


@pytest.mark.parametrize("base", ["no dn", "", "OU=x,,DC=y"])
def test_q9_a_denied_part_that_is_no_dn_denies_all(base: str) -> None:
    assert protected.why_place_is_protected(PEOPLE, [base])


def test_the_administrator_s_dn_is_the_one_the_tests_use(domain: Samba) -> None:
    directory = ActiveDirectory(domain.access())
    assert directory.find(directory.find_anchor("Administrator")).dn == ADMINISTRATOR
