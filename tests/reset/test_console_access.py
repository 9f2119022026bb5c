"""Who gets into the console, and where those who don't are sent."""

from typing import Any

import pytest
from django.core import checks
from django.test import Client

from accounts.models import Tenant, User
from accounts.models.users import new_epoch
from accounts.roles import Role
from policy.models import Counter
from reset.console.access import VERIFIED
from reset.console.site import site
from tests.administrators import make_administrator, make_operator, signed_in

pytestmark = pytest.mark.django_db


def give_app_code(client: Client, user: User) -> None:
    session = client.session
    session[VERIFIED] = user.credentials_epoch
    session.save()


def test_a_stranger_is_sent_to_sign_in_and_back() -> None:
    response = Client().get("/admin/accounts/user/?q=a")
    assert response.status_code == 302
    assert response["Location"] == "/signin/?next=/admin/accounts/user/%3Fq%3Da"
    assert Client().get("/admin/")["Location"] == "/signin/?next=/admin/"


def test_djangos_own_sign_in_page_is_not_there() -> None:
    response = Client().get("/admin/login/")
    assert response["Location"].startswith("/signin/")
    assert Client().post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302


def test_a_person_without_a_role_is_told_no(alice: User) -> None:
    assert signed_in(alice).get("/admin/").status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_every_role_opens_the_console(acme: Tenant, role: str) -> None:
    assert signed_in(make_administrator(acme, "helper@acme.example", role)).get("/admin/").status_code == 200


def test_a_disabled_administrator_is_out(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    client = signed_in(boss)
    User._base_manager.filter(pk=boss.pk).update(is_enabled=False)
    assert client.get("/admin/").status_code == 302


def test_administrators_of_an_inactive_tenant_are_out(acme: Tenant) -> None:
    client = signed_in(make_administrator(acme, "boss@acme.example"))
    Tenant.objects.update(is_active=False)
    assert client.get("/admin/").status_code == 302


def test_without_an_app_code_in_this_session_the_console_stays_shut(settings: Any, acme: Tenant) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    boss = make_administrator(acme, "boss@acme.example")
    client = signed_in(boss)
    assert client.get("/admin/")["Location"] == "/signin/?next=/admin/"
    give_app_code(client, boss)
    assert client.get("/admin/").status_code == 200


def test_a_renewed_epoch_ends_what_an_app_code_opened(settings: Any, acme: Tenant) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    boss = make_administrator(acme, "boss@acme.example")
    client = signed_in(boss)
    give_app_code(client, boss)
    boss.credentials_epoch = new_epoch()
    boss.save()
    client.force_login(boss)
    assert client.get("/admin/")["Location"] == "/signin/?next=/admin/"


def test_a_due_change_of_password_comes_before_the_console(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    client = signed_in(boss)
    User._base_manager.filter(pk=boss.pk).update(must_change_password=True)
    response = client.get("/admin/", follow=True)
    assert [path for path, _ in response.redirect_chain] == ["/signin/?next=/admin/", "/account/?next=%2Fadmin%2F"]


def test_platform_operators_need_the_app_code_too(settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    assert signed_in(make_operator()).get("/admin/").status_code == 302


def test_home_names_the_tenant_and_leads_out_by_the_products_own_pages(acme: Tenant) -> None:
    body = signed_in(make_administrator(acme, "boss@acme.example")).get("/admin/").content.decode()
    assert "You are looking after Acme." in body
    assert 'action="/signout/"' in body
    assert 'href="/account/"' in body
    assert 'href="/"' in body
    assert "Recent actions" not in body


def test_djangos_own_pages_for_passwords_and_sign_out_lead_to_the_products(acme: Tenant) -> None:
    client = signed_in(make_administrator(acme, "boss@acme.example"))
    assert client.get("/admin/password_change/")["Location"] == "/account/"
    assert client.post("/admin/logout/")["Location"] == "/signout/"


def test_no_page_of_the_console_carries_inline_styles_or_scripts(acme: Tenant) -> None:
    client = signed_in(make_administrator(acme, "boss@acme.example"))
    for path in ("/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/", "/admin/policy/resetpolicy/add/"):
        response = client.get(path)
        body = response.content.decode()
        assert " style=" not in body
        assert "<style" not in body
        assert "<script>" not in body
        assert "unsafe" not in response["Content-Security-Policy"]
        assert "no-store" in response["Cache-Control"]


def test_counters_and_invitations_have_no_page() -> None:
    names = {model._meta.model_name for model in site._registry}
    assert not names & {"counter", "invitation", "securityanswer", "capturedmessage", "logentry", "executorkey"}
    assert not site.is_registered(Counter)


def test_djangos_checks_find_nothing_wrong_with_the_pages() -> None:
    assert site.check(None) == []
    assert not [found for found in checks.run_checks(tags=["admin"]) if found.is_serious()]


def test_the_redirect_to_any_objects_public_page_is_gone(acme: Tenant) -> None:
    client = signed_in(make_administrator(acme, "boss@acme.example"))
    assert client.get("/admin/r/1/1/").status_code == 404


def test_the_language_can_be_asked_for_on_lists_too(acme: Tenant) -> None:
    client = signed_in(make_administrator(acme, "boss@acme.example"))
    response = client.get("/admin/accounts/user/?mkt=ar&whr=acme.example")
    assert response.status_code == 200
    assert 'lang="ar" dir="rtl"' in response.content.decode()
