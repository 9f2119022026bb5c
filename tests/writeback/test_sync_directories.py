"""The sync against real directories: ten thousand people, nesting, a rename, a move, a deletion. Figures are printed."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts import secrets
from accounts.models import Domain, Group, Tenant, User
from accounts.tenants import opened
from tests.directories import samba
from tests.directories.ldap_server import BULK, LdapServer
from tests.directories.samba import DISABLED, NORMAL, Samba
from tests.writeback.directory import make_connector, members
from writeback import sync
from writeback.connectors.base import Access, Server
from writeback.connectors.connection import open_connection
from writeback.models import Connector
from writeback.sync import Result
from writeback.sync.sources import source_of

pytestmark = [pytest.mark.directory, pytest.mark.django_db]
CROWD = 10_000


def connected(tenant: Tenant, access: Access, domain: str) -> Connector:
    """As an administrator would fill the connector in."""
    Tenant.objects.filter(pk=tenant.pk).update(may_connect_directly=True)
    connector = make_connector(tenant, way=Connector.Way.DIRECT)
    with opened(tenant):
        Domain.objects.create(tenant=tenant, name=domain, verified_at=timezone.now())
        connector.directory.kind = access.kind
        connector.directory.save()
        connector.servers = "\n".join(map(_line, access.servers))
        connector.base_dn, connector.account, connector.ca_pem = access.base_dn, access.account, access.ca_pem
        connector.sealed_password = secrets.seal(access.password.encode(), connector.place)
        connector.save()
    return connector


def _line(server: Server) -> str:
    return f"{'starttls' if server.starttls else 'ldaps'}://{server.host}:{server.port}"


def bring_in(connector: Connector, label: str = "", full: bool = False, **options: Any) -> Result:
    """A run over a real connection; with a label, how long it took is printed."""
    with opened(connector.tenant):
        fresh = Connector.objects.get(pk=connector.pk)
        source = source_of(fresh)
    started = time.perf_counter()
    result = sync.run(fresh, source, full, **options)
    if label:
        sys.stdout.write(f"\n{label}: {time.perf_counter() - started:.2f} s, {result}\n")
    return result


def by_name(tenant: Tenant, name: str) -> User:
    with opened(tenant):
        return User.objects.get(tenant=tenant, principal_name=name)


# --- OpenLDAP and 389 -------------------------------------------------------------------------------------------------


@pytest.fixture
def ldap_connector(acme: Tenant, directory: LdapServer) -> Connector:
    return connected(acme, directory.access(), "example.test")


def test_ten_thousand_people_of_an_ldap_directory(directory: LdapServer, ldap_connector: Connector) -> None:
    kind = str(directory.kind)
    first = bring_in(ldap_connector, f"{kind}, full, into nothing")
    assert first.added >= CROWD
    again = bring_in(ldap_connector, f"{kind}, full, nothing differs", full=True)
    assert (again.added, again.changed, again.disabled) == (0, 0, 0)
    with directory.as_administrator() as connection:
        for number in range(9_000, 9_100):
            connection.modify_s(
                f"uid=number{number:05d},{BULK}", [(ldap.MOD_REPLACE, "sn", [f"Married {time.time_ns()}".encode()])]
            )
    changes = bring_in(ldap_connector, f"{kind}, changes, 100 of them")
    assert not changes.is_full
    assert changes.changed >= 100


def test_an_ldap_directorys_life_is_followed(acme: Tenant, directory: LdapServer, ldap_connector: Connector) -> None:
    mark = f"n{time.time_ns()}"
    ann, bea = directory.add_person(f"{mark}ann"), directory.add_person(f"{mark}bea", rdn=f"Bea, {mark}")
    inner = directory.add_group(f"{mark} inner", ann.dn)
    directory.add_group(f"{mark} outer", inner, bea.dn.upper())
    bring_in(ldap_connector)
    before = by_name(acme, f"{mark}ann@example.test")
    assert members(acme, f"{mark} inner") == {ann.anchor}
    assert members(acme, f"{mark} outer") == {f"{mark} inner", bea.anchor}
    moved = directory.rename(ann.dn, f"uid={mark}anna", BULK)
    directory.remove(bea.dn)
    bring_in(ldap_connector)
    after = by_name(acme, f"{mark}anna@example.test")
    assert (after.pk, members(acme, f"{mark} inner")) == (before.pk, {ann.anchor})
    directory.remove(moved)
    result = bring_in(ldap_connector, full=True)
    assert result.disabled >= 1
    assert not by_name(acme, f"{mark}anna@example.test").is_enabled


# --- Active Directory -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(ad_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """A domain of ten thousand."""
    folder = tmp_path_factory.mktemp("crowd")
    for name in ("private", "state"):
        shutil.copytree(ad_template / name, folder / name)
    samba.fill(folder, CROWD, "crowd", 4_000)
    with samba.samba(folder) as server:
        yield server


@pytest.fixture
def ad_connector(acme: Tenant) -> Callable[[Samba], Connector]:
    return lambda domain: connected(acme, domain.access(), "corp.example.test")


def test_ten_thousand_people_of_active_directory(crowded: Samba, ad_connector: Callable[[Samba], Connector]) -> None:
    connector = ad_connector(crowded)
    first = bring_in(connector, "Active Directory, full, into nothing")
    assert first.added >= CROWD
    assert first.memberships >= 4_000
    again = bring_in(connector, "Active Directory, full, nothing differs", full=True)
    assert (again.added, again.changed, again.disabled) == (0, 0, 0)
    with contextlib.closing(open_connection(crowded.access(administrator=True))) as connection:
        for number in range(100):
            connection.modify(f"CN=bulk{number:05d},{samba.PEOPLE}", [(ldap.MOD_REPLACE, "sn", [b"Married"])])
    changes = bring_in(connector, "Active Directory, changes, 100 of them")
    assert (changes.is_full, changes.changed) == (False, 100)


def test_the_life_of_active_directory_is_followed(
    acme: Tenant, domain: Samba, ad_connector: Callable[[Samba], Connector]
) -> None:
    connector = ad_connector(domain)
    ann, bea, cat = (domain.add_user(f"Sync {name}", mobile="+1 4255551234") for name in ("Ann", "Bea", "Cat"))
    inner = domain.add_group("Sync inner", [ann, bea])
    domain.add_group("Sync outer", [inner, cat])
    bring_in(connector)
    held = {dn: by_name(acme, f"{domain.logins[dn]}@corp.example.test") for dn in (ann, bea, cat)}
    assert members(acme, "Sync inner") == {held[ann].anchor, held[bea].anchor}
    assert members(acme, "Sync outer") == {"Sync inner", held[cat].anchor}
    domain.rename(ann, f"CN=Sync Anna,{samba.PEOPLE}")
    domain.modify(bea, userAccountControl=str(NORMAL | DISABLED))
    domain.tool("user", "delete", domain.logins[cat], "-H", str(domain.database))
    result = bring_in(connector, full=True)
    with opened(acme):
        rows = {dn: User.objects.get(pk=user.pk) for dn, user in held.items()}
        assert Group.objects.filter(name__startswith="Sync").count() == 2
    assert (rows[ann].is_enabled, rows[bea].is_enabled, rows[cat].is_enabled) == (True, False, False)
    assert result.disabled == 2
    assert members(acme, "Sync outer") == {"Sync inner"}
    assert rows[bea].credentials_epoch != held[bea].credentials_epoch


def test_the_command_brings_a_real_directory_in(
    acme: Tenant, directory: LdapServer, ldap_connector: Connector, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):  # the crowd's numbers are in a range that is not in use
        call_command("sync_directory", "Corp", tenant="acme", dry_run=True)
    assert "a dry run would give" in capsys.readouterr().out
    with opened(acme):
        assert not User.objects.exists()
