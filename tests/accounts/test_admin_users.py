"""Adding and changing people in the console."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Domain, GroupMembership, Tenant, User
from accounts.models.groups import Group
from accounts.tenants import opened
from reset import invitations
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_tenant

ADD = "/admin/accounts/user/add/"


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def add(console: Client, name: str, **fields: Any) -> Any:
    return console.post(ADD, {"principal_name": name, "is_enabled": "on", **fields})


def test_a_new_person_starts_without_a_password(console: Client, acme: Tenant) -> None:
    assert add(console, "carol@acme.example", language="de").status_code == 302
    carol = User._base_manager.get(principal_name="carol@acme.example")
    assert (carol.tenant, carol.language) == (acme, "de")
    assert not carol.has_usable_password()


@pytest.mark.parametrize("name", ["ALICE@acme.example", "ａlice@acme.example", "alice@acme.example"])
def test_e1_a_name_that_looks_like_another_persons_is_refused_at_its_field(
    console: Client, alice: User, name: str
) -> None:
    errors = add(console, name).context["adminform"].form.errors
    assert set(errors) == {"principal_name"} or "already" in str(errors)
    assert User._base_manager.filter(principal_key="alice@acme.example").count() == 1


def test_two_organisations_may_use_the_same_name(console: Client, acme: Tenant) -> None:
    other = make_tenant("initech", "initech.example", kind="customers")
    User._base_manager.create(tenant=other, principal_name="carol@acme.example", principal_key="carol@acme.example")
    assert add(console, "carol@acme.example").status_code == 302


def test_a_name_outside_the_organisations_domains_is_refused(console: Client) -> None:
    assert "principal_name" in add(console, "carol@elsewhere.example").context["adminform"].form.errors


def test_customers_need_no_domain(acme: Tenant) -> None:
    shop = make_tenant("shop", "shop.example", kind="customers")
    assert add(signed_in(make_administrator(shop, "boss@shop.example")), "carol").status_code == 302


def test_a_person_imported_under_another_name_can_still_be_changed(console: Client, acme: Tenant, alice: User) -> None:
    Domain._base_manager.filter(tenant=acme).delete()
    data = {
        "principal_name": alice.principal_name, "is_enabled": "on", "display_name": "Alice A.",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
        "authenticators-TOTAL_FORMS": "0", "authenticators-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert console.post(f"/admin/accounts/user/{alice.pk}/change/", data).status_code == 302
    assert User._base_manager.get(pk=alice.pk).display_name == "Alice A."


def test_a_name_too_long_once_its_letters_unfold_is_refused(console: Client) -> None:
    name = "ß" * 200 + "@acme.example"
    assert "principal_name" in add(console, name).context["adminform"].form.errors


def test_people_are_found_by_the_beginning_of_name_mail_and_given_name(console: Client, alice: User, bob: User) -> None:
    for term in ("ALI", "alice@acme", "Alice"):
        body = console.get("/admin/accounts/user/", {"q": term}).content.decode()
        assert f"/admin/accounts/user/{alice.pk}/change/" in body
        assert f"/admin/accounts/user/{bob.pk}/change/" not in body


def test_a_group_is_joined_on_the_persons_page(console: Client, acme: Tenant, alice: User) -> None:
    with opened(acme):
        group = Group.objects.create(tenant=acme, name="Staff")
    data = {
        "principal_name": alice.principal_name, "is_enabled": "on", "mail": alice.mail,
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0", "memberships-0-group": str(group.pk),
        "authenticators-TOTAL_FORMS": "0", "authenticators-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert console.post(f"/admin/accounts/user/{alice.pk}/change/", data).status_code == 302
    assert GroupMembership._base_manager.get().tenant == acme


@pytest.mark.parametrize("field", ["is_external", "is_protected"])
def test_what_changes_who_vouches_for_a_person_ends_sessions_and_invitations(
    console: Client, alice: User, field: str
) -> None:
    data = {
        "principal_name": alice.principal_name, "is_enabled": "on", field: "on",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
        "authenticators-TOTAL_FORMS": "0", "authenticators-INITIAL_FORMS": "0",
    }  # fmt: skip
    token = invitations.invite(alice)
    assert console.post(f"/admin/accounts/user/{alice.pk}/change/", data).status_code == 302
    assert User._base_manager.get(pk=alice.pk).credentials_epoch != alice.credentials_epoch
    assert invitations.find(token) is None


def test_signing_out_everywhere_withdraws_an_open_invitation_too(console: Client, alice: User) -> None:
    token = invitations.invite(alice)
    assert invitations.find(token) is not None
    data = {"action": "sign_out_everywhere", "_selected_action": [str(alice.pk)]}
    assert console.post("/admin/accounts/user/", data).status_code == 302
    assert invitations.find(token) is None
