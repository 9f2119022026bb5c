"""What staff change of a person's proofs, the person hears of at every address held before."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import tenants
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Tenant, User
from accounts.models.executors import ExecutorKey
from notifications.models import Message
from tests import administrators, wizard


def told() -> set[str]:
    with tenants.all_opened():
        rows = list(Message.objects.filter(kind="authenticator_was_changed"))
    return {wizard.contents(row)["recipient"] for row in rows}


@pytest.fixture
def console(acme: Tenant) -> Client:
    return administrators.signed_in(administrators.make_administrator(acme, "grace@acme.example"))


def authenticator_of(user: User, kind: AuthenticatorType) -> Authenticator:
    with tenants.all_opened():
        return Authenticator.objects.get(user=user, type=kind)


def test_p7_an_address_changed_by_staff_is_announced_to_the_addresses_before(console: Client, alice: User) -> None:
    row = authenticator_of(alice, AuthenticatorType.EMAIL)
    saved = console.post(f"/admin/accounts/authenticator/{row.pk}/change/", {"value": "mallory@evil.example"})
    assert saved.status_code == 302
    assert told() == {"alice@home.example", "alice@acme.example"}


def test_p7_an_authenticator_deleted_by_staff_is_announced(console: Client, alice: User) -> None:
    row = authenticator_of(alice, AuthenticatorType.MOBILE_PHONE)
    console.post(f"/admin/accounts/authenticator/{row.pk}/delete/", {"post": "yes"})
    assert told() == {"alice@home.example", "alice@acme.example"}


def test_p7_a_deleted_address_hears_of_it_however_it_was_deleted(console: Client, bob: User) -> None:
    row = authenticator_of(bob, AuthenticatorType.EMAIL)
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    console.post("/admin/accounts/authenticator/", chosen)
    assert told() == {"bob@home.example"}


def test_without_a_worker_the_change_is_made_and_the_administrator_told_that_nobody_was(
    console: Client, alice: User
) -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()
    row = authenticator_of(alice, AuthenticatorType.MOBILE_PHONE)
    page = console.post(f"/admin/accounts/authenticator/{row.pk}/delete/", {"post": "yes"}, follow=True)
    assert "could not be told" in page.content.decode()
    with tenants.all_opened():
        assert not Authenticator.objects.filter(pk=row.pk).exists()


def test_saving_without_a_change_announces_nothing(console: Client, alice: User) -> None:
    row = authenticator_of(alice, AuthenticatorType.EMAIL)
    console.post(f"/admin/accounts/authenticator/{row.pk}/change/", {"value": ""})
    assert told() == set()


def test_text_messages_are_not_offered_without_a_provider(
    client: Client, alice: User, open_policy: Any, settings: Any
) -> None:
    settings.SMS_URL = ""
    wizard.start(client, "alice@acme.example")
    assert [offer.method for offer in client.get("/reset/verify/").context["offers"]] == ["email"]


def test_without_the_captcha_a_name_is_enough(client: Client, alice: User, open_policy: Any, settings: Any) -> None:
    settings.CAPTCHA_REQUIRED = False
    assert b"captcha" not in client.get("/reset/").content
    posted = client.post("/reset/", {"user": "alice@acme.example", "trouble": "forgot"})
    assert posted["Location"] == "/reset/verify/"


@pytest.mark.parametrize("hint", ["whr=%00acme.example", "username=a@%00", "whr=a..b", "whr=" + "a" * 300])
def test_an_address_with_a_hint_that_is_no_host_name_shows_the_plain_page(
    client: Client, acme: Tenant, hint: str
) -> None:
    page = client.get(f"/reset/?{hint}")
    assert (page.status_code, page.context["tenant"]) == (200, None)
