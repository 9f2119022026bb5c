"""An organisation whose passwords a real OpenLDAP keeps: people come in, sign in, reset, change and unlock in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.conftest import Installation, Visitor, visit
from tests.directories.ldap_server import ACCOUNT, ACCOUNT_PASSWORD, PEOPLE, LdapServer, Rules, Somebody
from tests.directories.openldap import openldap

pytestmark = [pytest.mark.browser, pytest.mark.smtp, pytest.mark.directory]

NEW = "seven quiet rivers"
SET_UP = """
from django.utils import timezone
from django_scopes import scopes_disabled
from accounts import secrets
from accounts.models import Directory, Domain, Tenant
from policy.models import ResetPolicy
from writeback.models import Connector
with scopes_disabled():
    tenant = Tenant.objects.create(slug="ldap", name="Harbour Hospital", may_connect_directly=True, imported_methods_count=True)
    directory = Directory.objects.create(tenant=tenant, name="Harbour LDAP", kind="openldap")
    Domain.objects.create(
        tenant=tenant, name="example.test", verified_at=timezone.now(), authority="directory", directory=directory
    )
    connector = Connector(
        tenant=tenant, directory=directory, is_on=True, way="direct", servers={servers!r}, base_dn="dc=example,dc=test",
        account={account!r}, ca_pem=open({ca!r}).read(),
    )
    connector.sealed_password = secrets.seal({password!r}.encode(), connector.place)
    connector.save()
    ResetPolicy.objects.create(
        tenant=tenant, name="Everybody", audience="everybody", methods=["email", "sms"], priority=10,
        unlock_without_reset=True, registration_required=False,
    )
"""
GIVE_MAIL = """
from django.utils import timezone
from django_scopes import scopes_disabled
from accounts.models import Authenticator, User
with scopes_disabled():
    for user in User.objects.filter(tenant__slug="ldap"):
        row = Authenticator(tenant=user.tenant, user=user, type="email", confirmed_at=timezone.now(), source="user")
        row.set_value(user.principal_name.replace("example.test", "home.example"))
        row.save()
"""


@pytest.fixture(scope="module")
def harbour(installation: Installation) -> Iterator[LdapServer]:
    """Connected by this server itself, its people brought in, each with a private mailbox."""
    with openldap(Rules(max_failure=5)) as server:
        for name in ("iris", "jan", "kim", "lou"):
            server.add_person(name, givenName=name.capitalize(), sn="Keller", mail=f"{name}@example.test")
        ca = server.folder / "ca.pem"
        script = SET_UP.format(servers=server.server.url, account=ACCOUNT, ca=str(ca), password=ACCOUNT_PASSWORD)
        installation.manage("shell", "-c", script)
        said = installation.manage("sync_directory", "Harbour LDAP", "--tenant", "ldap")
        assert "added" in said, said
        installation.manage("shell", "-c", GIVE_MAIL)
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}) as opened:
        yield opened


def dn_of(name: str) -> str:
    return f"uid={name},{PEOPLE}"


def prove(visitor: Visitor, name: str, trouble: str = "forgot") -> None:
    """Through the wizard's first pages with the code from the private mailbox."""
    visitor.go(f"/reset/?trouble={trouble}")
    sent = len(visitor.installation.smtp.received)
    key = visitor.page.locator("input[name=captcha_key]").get_attribute("value") or ""
    visitor.page.fill("#id_user", f"{name}@example.test")
    visitor.page.fill("#id_captcha", visitor.installation.letters(key))
    visitor.page.locator("main button.button").click()
    visitor.choose("email")
    visitor.enter(visitor.installation.code_from_mail(f"{name}@home.example", sent))


def test_people_sign_in_with_the_directorys_password(
    installation: Installation, harbour: LdapServer, context: BrowserContext
) -> None:
    visitor = visit(installation, context, "ldap-signin")
    visitor.sign_in("iris@example.test", Somebody("", "", "").password)
    visitor.look("asked")
    expect(visitor.page.locator("h1")).to_contain_text("Your account")
    visitor.look("account")
    assert visitor.complaints == []


def test_a_wrong_password_is_told_like_any_other(
    installation: Installation, harbour: LdapServer, context: BrowserContext
) -> None:
    visitor = visit(installation, context, "ldap-wrong")
    for name in ("iris", "nobody"):
        visitor.sign_in(f"{name}@example.test", "not the password")
        expect(visitor.page.locator(".note.bad")).to_contain_text("That user name or password isn't right.")
    visitor.look("told")
    assert visitor.complaints == []


def test_what_the_directory_rejects_is_chosen_anew_and_lands_there(
    installation: Installation, harbour: LdapServer, context: BrowserContext
) -> None:
    visitor = visit(installation, context, "ldap-reset")
    prove(visitor, "jan")
    old = Somebody("", "", "").password
    visitor.set_password(old)
    expect(visitor.page.locator(".note.bad")).to_contain_text("You have used this password before")
    visitor.look("rejected")
    visitor.set_password(NEW)
    expect(visitor.page.locator("h1")).to_contain_text("Your password was changed")
    visitor.look("done")
    assert harbour.binds(dn_of("jan"), NEW)
    assert not harbour.binds(dn_of("jan"), old)
    visitor.sign_in("jan@example.test", NEW)
    expect(visitor.page.locator("h1")).to_contain_text("Your account")
    assert visitor.complaints == []


def test_without_scripts_the_stages_come_by_themselves(
    installation: Installation, harbour: LdapServer, browser: Browser
) -> None:
    with browser.new_context(locale="en-GB", java_script_enabled=False) as plain:
        visitor = visit(installation, plain, "ldap-plain")
        prove(visitor, "kim")
        visitor.set_password(NEW)
        expect(visitor.page.locator("h1")).to_contain_text("Your password was changed", timeout=10_000)
        assert harbour.binds(dn_of("kim"), NEW)


def test_a_locked_account_is_unlocked_and_keeps_its_password(
    installation: Installation, harbour: LdapServer, context: BrowserContext
) -> None:
    visitor = visit(installation, context, "ldap-unlock")
    old = Somebody("", "", "").password
    harbour.fail_to_bind(dn_of("lou"), times=5)
    assert not harbour.binds(dn_of("lou"), old)
    prove(visitor, "lou", "locked")
    expect(visitor.page.locator("h1")).to_contain_text("Your account is unlocked")
    expect(visitor.page.locator(".stages")).to_contain_text("Account unlocked")
    visitor.look("done")
    assert harbour.binds(dn_of("lou"), old)
    assert visitor.complaints == []


def test_a_known_password_is_changed_from_ones_own_account(
    installation: Installation, harbour: LdapServer, context: BrowserContext
) -> None:
    visitor = visit(installation, context, "ldap-change")
    old, new = Somebody("", "", "").password, "four slow trains"
    visitor.sign_in("iris@example.test", old)
    expect(visitor.page.locator("h1")).to_contain_text("Your account")
    visitor.page.fill("#id_current_password", old)
    visitor.page.fill("#id_new_password", new)
    visitor.page.fill("#id_once_more", new)
    visitor.press("Change password")
    visitor.look("changing")
    expect(visitor.page.locator(".note.good")).to_contain_text("Your password was changed.")
    visitor.look("changed")
    assert harbour.binds(dn_of("iris"), new)
    assert visitor.complaints == []
