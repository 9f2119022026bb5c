"""What real directories make of the rights that are printed for them, and what `check` sees of too many."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ldap")

from tests.directories import samba
from tests.directories.ds389 import ds389
from tests.directories.ldap_server import ADMINISTRATOR_PASSWORD, BASE_DN, LdapServer
from writeback.agent.checking import WARNINGS, Finding, findings
from writeback.agent.configuration import Configuration
from writeback.connectors import acl
from writeback.connectors.acl import Wanted
from writeback.connectors.base import Access, DirectoryError, Kind, Reason
from writeback.connectors.finding import connector_for

pytestmark = pytest.mark.directory
NEW = "Canary-Passw0rd-7#"
ELSEWHERE = f"ou=elsewhere,{BASE_DN}"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[samba.Samba]:
    folder = tmp_path_factory.mktemp("ad")
    samba.provision(folder)
    with samba.samba(folder) as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[LdapServer]:
    with ds389() as running:
        yield running


def told(access: Access) -> list[str]:
    config = Configuration("https://localhost", Path("/nowhere"), access, samba.PEOPLE, 60)
    return [str(one) for one in findings(config, lambda: connector_for(access)) if isinstance(one, Finding)]


def test_the_printed_rights_are_those_that_the_domain_controller_is_tested_with() -> None:
    assert acl.sddl("S-1-5-21-7") == samba.LEAST_RIGHTS.format(sid="S-1-5-21-7")


def test_an_account_with_those_rights_is_not_warned_of_too_much(domain: samba.Samba) -> None:
    domain.add_user("inside")
    domain.add_user("outside", place=samba.OUTSIDE)
    assert told(domain.access()) == [WARNINGS["history_not_on_reset"]]


def test_an_administrator_as_service_account_is_warned_of(domain: samba.Samba) -> None:
    said = " ".join(told(domain.access(administrator=True)))
    for words in ("privileged group", "may change DC=", "outside of", "more of people than it needs"):
        assert words in said


def test_in_389_the_printed_rights_are_enough_and_end_at_the_ou(server: LdapServer) -> None:
    account = f"cn=fresh,ou=accounts,{BASE_DN}"
    server.add(
        account, {"objectClass": ["applicationProcess", "simpleSecurityObject"], "cn": "fresh", "userPassword": NEW}
    )
    server.add(ELSEWHERE, {"objectClass": ["organizationalUnit"], "ou": "elsewhere"})
    _modify(server, acl.rights(Kind.DS389, Wanted(account, f"ou=people,{BASE_DN}")))
    access = server.access(account=account, password=NEW)
    inside, outside = server.add_person("inside"), server.add_person("outside", under=ELSEWHERE)
    connector = connector_for(access)
    connector.set_password(connector.find(inside.anchor), NEW)
    assert server.binds(inside.dn, NEW)
    with pytest.raises(DirectoryError) as refused:
        connector.set_password(connector.find(outside.anchor), NEW)
    assert refused.value.reason in (Reason.NO_RIGHTS, Reason.NOT_FOUND)
    assert not server.binds(outside.dn, NEW)
    assert "policy_unreadable" not in connector.probe().warnings


def _modify(server: LdapServer, ldif: str) -> None:
    command = [str(shutil.which("ldapmodify")), "-x", "-H", f"ldaps://127.0.0.1:{server.tls_port}"]
    environment = {"LDAPTLS_CACERT": str(server.folder / "ca.pem"), "LDAPTLS_REQCERT": "demand"}
    subprocess.run(
        [*command, "-D", server.administrator, "-w", ADMINISTRATOR_PASSWORD],
        input=ldif,
        text=True,
        check=True,
        capture_output=True,
        env=environment,
    )
