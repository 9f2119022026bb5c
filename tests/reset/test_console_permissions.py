"""What each role may do with each kind of row, and whom it may do it to."""

from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType
from accounts.models import (
    Authenticator,
    Directory,
    Domain,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    Tenant,
    User,
)
from accounts.roles import PERMISSIONS, Role
from accounts.tenants import opened
from reset.console.site import PAGES, site
from tests.administrators import fill, make_administrator, make_operator, signed_in
from tests.conftest import make_authenticator, make_user

# What nobody does in the console, whatever the table of permissions says: an organisation has its own of these already.
NEVER = {("tenant", "add"), ("tenant", "delete"), ("branding", "add"), ("spendguard", "add"), ("signinrule", "add")}
ACTIONS = ("view", "add", "change", "delete")


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def role_of(console: Client, **fields: Any) -> Any:
    return console.post(address(RoleAssignment, "add"), {"user": "", "group": "", **fields})


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_the_table_says_and_nothing_else(acme: Tenant, role: str) -> None:
    rows = fill(acme, "row")
    request = RequestFactory().get("/admin/")
    request.user = make_administrator(acme, "helper@acme.example", role)
    with opened(acme):
        for model, page in site._registry.items():
            for action in ACTIONS:
                name = f"{model._meta.app_label}.{action}_{model._meta.model_name}"
                expected = name in PERMISSIONS[role] and (model._meta.model_name, action) not in NEVER
                arguments = () if action == "add" else (rows[model],)
                assert getattr(page, f"has_{action}_permission")(request, *arguments) is expected, name


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_pages_answer_as_the_table_says(acme: Tenant, role: str) -> None:
    rows = fill(acme, "row")
    console = signed_in(make_administrator(acme, "helper@acme.example", role))
    for model in PAGES:
        name = f"{model._meta.app_label}.{{}}_{model._meta.model_name}"
        may_view = name.format("view") in PERMISSIONS[role]
        assert console.get(address(model, "changelist")).status_code == (200 if may_view else 403), name
        assert console.get(address(model, "change", rows[model].pk)).status_code == (200 if may_view else 403), name
        may_add = name.format("add") in PERMISSIONS[role] and (model._meta.model_name, "add") not in NEVER
        assert console.get(address(model, "add")).status_code == (200 if may_add else 403), name


def test_a_helpdesk_administrator_can_not_change_users(acme: Tenant, alice: User) -> None:
    console = signed_in(make_administrator(acme, "desk@acme.example", Role.HELPDESK_ADMINISTRATOR))
    data = {"principal_name": alice.principal_name, "display_name": "Changed", "is_enabled": "on"}
    assert console.post(address(User, "change", alice.pk), data).status_code == 403
    assert User._base_manager.get(pk=alice.pk).display_name == ""


def test_a_reports_reader_sees_reports_only(acme: Tenant) -> None:
    body = (
        signed_in(make_administrator(acme, "reader@acme.example", Role.REPORTS_READER)).get("/admin/").content.decode()
    )
    assert "/admin/accounts/auditevent/" in body
    assert "/admin/accounts/user/" not in body


@pytest.mark.parametrize(
    "higher", [Role.GLOBAL_ADMINISTRATOR, Role.AUTHENTICATION_POLICY_ADMINISTRATOR, Role.USER_ADMINISTRATOR]
)
def test_nobody_changes_a_person_of_an_equal_or_higher_role(acme: Tenant, higher: str) -> None:
    boss = make_administrator(acme, "boss@acme.example", higher)
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    data = {"principal_name": "renamed@acme.example"}
    assert console.post(address(User, "change", boss.pk), data).status_code == 403
    assert console.post(address(User, "delete", boss.pk), {"post": "yes"}).status_code == 403
    console.post(
        address(User, "changelist"), {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"}
    )
    assert User._base_manager.get(pk=boss.pk).principal_name == "boss@acme.example"


def test_a_role_by_way_of_nested_groups_counts_too(acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        inner, outer = (Group.objects.create(tenant=acme, name=name) for name in ("Inner", "Outer"))
        GroupMembership.objects.create(tenant=acme, group=inner, user=alice)
        GroupNesting.objects.create(tenant=acme, parent=outer, child=inner)
        RoleAssignment.objects.create(tenant=acme, group=outer, role=Role.GLOBAL_ADMINISTRATOR)
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    assert console.post(address(User, "change", alice.pk), {"principal_name": "x@acme.example"}).status_code == 403


def test_nobody_touches_the_authenticators_of_an_equal_or_higher_role(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    held = make_authenticator(boss, AuthenticatorType.EMAIL, "boss@home.example")
    console = signed_in(make_administrator(acme, "methods@acme.example", Role.AUTHENTICATION_POLICY_ADMINISTRATOR))
    assert console.post(address(Authenticator, "change", held.pk), {"value": "me@home.example"}).status_code == 403
    assert console.post(address(Authenticator, "delete", held.pk), {"post": "yes"}).status_code == 403
    response = console.post(
        address(Authenticator, "add"), {"user": boss.pk, "type": "email", "value": "me@home.example"}
    )
    assert response.context["errors"]
    assert list(Authenticator._base_manager.filter(user=boss)) == [held]


def test_global_administrators_manage_each_other(acme: Tenant) -> None:
    other = make_administrator(acme, "other@acme.example")
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    assert console.post(address(User, "delete", other.pk), {"post": "yes"}).status_code == 302
    assert not User._base_manager.filter(pk=other.pk).exists()


def test_nobody_deletes_or_disables_themselves(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    console = signed_in(boss)
    assert console.post(address(User, "delete", boss.pk), {"post": "yes"}).status_code == 403
    data = {
        "principal_name": boss.principal_name,
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
        "authenticators-TOTAL_FORMS": "0",
        "authenticators-INITIAL_FORMS": "0",
    }
    response = console.post(address(User, "change", boss.pk), data)
    assert "is_enabled" in response.context["adminform"].form.errors
    assert User._base_manager.get(pk=boss.pk).is_enabled


def test_nobody_changes_their_own_roles(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    own = RoleAssignment._base_manager.get(user=boss)
    console = signed_in(boss)
    assert role_of(console, role=Role.REPORTS_READER, user=boss.pk).context["errors"]
    assert console.post(address(RoleAssignment, "delete", own.pk), {"post": "yes"}).status_code == 403
    assert console.post(address(RoleAssignment, "change", own.pk), {"role": Role.REPORTS_READER}).status_code == 403
    assert list(RoleAssignment._base_manager.filter(user=boss)) == [own]


def test_nobody_gives_themselves_a_role_by_way_of_a_group(acme: Tenant) -> None:
    boss = make_administrator(acme, "boss@acme.example")
    with scopes_disabled():
        mine, readers = (Group.objects.create(tenant=acme, name=name) for name in ("Mine", "Readers"))
        GroupMembership.objects.create(tenant=acme, group=mine, user=boss)
        RoleAssignment.objects.create(tenant=acme, group=readers, role=Role.REPORTS_READER)
    console = signed_in(boss)
    assert role_of(console, role=Role.REPORTS_READER, group=mine.pk).context["errors"]
    assert console.post(address(GroupMembership, "add"), {"group": readers.pk, "user": boss.pk}).context["errors"]
    assert console.post(address(GroupNesting, "add"), {"parent": readers.pk, "child": mine.pk}).context["errors"]


def test_filling_a_group_that_carries_a_role_is_giving_the_role(acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        outer, inner, plain = (Group.objects.create(tenant=acme, name=name) for name in ("Outer", "Inner", "Plain"))
        RoleAssignment.objects.create(tenant=acme, group=outer, role=Role.GLOBAL_ADMINISTRATOR)
        GroupNesting.objects.create(tenant=acme, parent=outer, child=inner)
        held = GroupMembership.objects.create(tenant=acme, group=inner, user=alice)
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    bob = make_user(acme, "bob@acme.example")
    assert console.post(address(GroupMembership, "add"), {"group": inner.pk, "user": bob.pk}).context["errors"]
    assert console.post(address(GroupMembership, "delete", held.pk), {"post": "yes"}).status_code == 403
    assert console.post(address(GroupNesting, "add"), {"parent": inner.pk, "child": plain.pk}).context["errors"]
    assert console.post(address(Group, "change", outer.pk), {"name": "Renamed"}).status_code == 403
    assert console.post(address(Group, "delete", outer.pk), {"post": "yes"}).status_code == 403
    assert console.post(address(GroupMembership, "add"), {"group": plain.pk, "user": bob.pk}).status_code == 302
    boss = signed_in(make_administrator(acme, "boss@acme.example"))
    assert boss.post(address(GroupMembership, "add"), {"group": inner.pk, "user": bob.pk}).status_code == 302


def test_a_group_that_a_directory_fills_carries_no_role(acme: Tenant) -> None:
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="Head office", kind="openldap")
        synced = Group.objects.create(tenant=acme, name="Synced", directory=directory, anchor="1")
        around = Group.objects.create(tenant=acme, name="Around")
        GroupNesting.objects.create(tenant=acme, parent=around, child=synced)
        carrying = Group.objects.create(tenant=acme, name="Carrying")
        RoleAssignment.objects.create(tenant=acme, group=carrying, role=Role.REPORTS_READER)
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    for group in (synced, around):
        assert role_of(console, role=Role.REPORTS_READER, group=group.pk).context["errors"]
        assert console.post(address(GroupNesting, "add"), {"parent": carrying.pk, "child": group.pk}).context["errors"]
    data = {"name": "Carrying", "directory": directory.pk, "nested-TOTAL_FORMS": "0", "nested-INITIAL_FORMS": "0"}
    assert "directory" in console.post(address(Group, "change", carrying.pk), data).context["adminform"].form.errors


def test_who_keeps_a_password_is_for_global_administrators_to_say(acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="Head office", kind="openldap")
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    data = {
        "principal_name": alice.principal_name, "is_enabled": "on", "directory": directory.pk, "anchor": "1",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
        "authenticators-TOTAL_FORMS": "0", "authenticators-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert console.post(address(User, "change", alice.pk), data).status_code == 302
    assert User._base_manager.get(pk=alice.pk).directory is None
    assert console.get(address(Directory, "add")).status_code == 403
    assert console.post(address(Directory, "change", directory.pk), {"name": "Mine"}).status_code == 403


def test_only_platform_operators_verify_domains_and_make_tenants(acme: Tenant) -> None:
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    data = {
        "name": "new.acme.example",
        "authority": "cloud",
        "verified_at_0": "2026-01-01",
        "verified_at_1": "00:00:00",
    }
    assert console.post(address(Domain, "add"), data).status_code == 302
    added = Domain._base_manager.get(name="new.acme.example")
    assert added.verified_at is None
    assert console.get(address(Tenant, "add")).status_code == 403
    operator = signed_in(make_operator())
    assert operator.post(address(Domain, "change", added.pk), data).status_code == 302
    assert Domain._base_manager.get(pk=added.pk).verified_at is not None
    made = {"slug": "initech", "name": "Initech", "kind": "workforce", "language": "en", "disclosure": "private",
            "administrator_notice": "global", "contact": "form", "is_active": "on"}  # fmt: skip
    assert operator.post(address(Tenant, "add"), made).status_code == 302
    assert Tenant.objects.filter(slug="initech").exists()


def test_an_administrator_does_not_lock_the_own_tenant_out(acme: Tenant) -> None:
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    data = {"name": "Acme Ltd", "slug": "other", "kind": "customers", "language": "en", "disclosure": "private",
            "administrator_notice": "global", "contact": "form"}  # fmt: skip
    assert console.post(address(Tenant, "change", acme.pk), data).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.slug, acme.kind, acme.is_active) == ("Acme Ltd", "acme", "workforce", True)
