"""One organisation's administrators never see, name or reach another's rows."""

from typing import Any

import pytest
from django.db.models import ForeignKey
from django.test import Client
from django.urls import reverse
from django_scopes import scopes_disabled

from accounts.models import Authenticator, Directory, Domain, Group, GroupMembership, RoleAssignment, Tenant, User
from accounts.roles import Role
from policy.models import ResetPolicy
from policy.models.policies import PolicyGroup
from reset.console.site import PAGES, site
from tests.administrators import fill, make_administrator, make_operator, signed_in

pytestmark = pytest.mark.slow

MARK = "secluded"
MODELS = list(PAGES)
NAMES = (MARK, "Globex", "globex")


@pytest.fixture
def theirs(acme: Tenant, globex: Tenant) -> dict[Any, Any]:
    fill(acme, "shown")
    return fill(globex, MARK)


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def names_nobody(body: str) -> bool:
    return not any(name in body for name in NAMES)


def test_every_model_of_the_console_has_a_row_in_the_crawl(theirs: dict[Any, Any]) -> None:
    assert set(theirs) == set(PAGES) == set(site._registry)


@pytest.mark.parametrize("model", MODELS)
def test_p9_lists_show_own_rows_only(model: Any, console: Client, theirs: dict[Any, Any]) -> None:
    response = console.get(address(model, "changelist"))
    assert response.status_code == 200
    assert names_nobody(response.content.decode())
    if model not in (Tenant, Domain):
        assert console.get(address(model, "changelist"), {"q": MARK}).status_code == 200


@pytest.mark.parametrize("page", ["change", "history", "delete"])
@pytest.mark.parametrize("model", MODELS)
def test_p9_pages_of_foreign_rows_do_not_open(model: Any, page: str, console: Client, theirs: dict[Any, Any]) -> None:
    for method in (console.get, console.post):
        response = method(address(model, page, theirs[model].pk), {"post": "yes"}, follow=True)
        first = response.redirect_chain[0][1] if response.redirect_chain else response.status_code
        assert first in (302, 403, 404), (model, page, first)
        assert names_nobody(response.content.decode())
    with scopes_disabled():
        assert model._base_manager.filter(pk=theirs[model].pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_p9_adding_offers_own_rows_only(model: Any, console: Client, theirs: dict[Any, Any]) -> None:
    response = console.get(address(model, "add"))
    assert response.status_code in (200, 403)
    assert names_nobody(response.content.decode())


@pytest.mark.parametrize("model", MODELS)
def test_p9_completion_of_names_offers_own_rows_only(model: Any, console: Client, theirs: dict[Any, Any]) -> None:
    for field in model._meta.get_fields():
        if not isinstance(field, ForeignKey):
            continue
        query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
        for term in ("", MARK, "glob"):
            response = console.get(reverse("admin:autocomplete"), {**query, "term": term})
            assert response.status_code in (200, 403, 404)
            assert names_nobody(response.content.decode())


@pytest.mark.parametrize("model", MODELS)
def test_p9_deleting_many_leaves_foreign_rows_alone(model: Any, console: Client, theirs: dict[Any, Any]) -> None:
    data = {"action": "delete_selected", "_selected_action": [str(theirs[model].pk)], "post": "yes"}
    response = console.post(address(model, "changelist"), data, follow=True)
    assert names_nobody(response.content.decode())
    assert model._base_manager.filter(pk=theirs[model].pk).exists()


@pytest.mark.parametrize("action", ["unblock", "sign_out_everywhere"])
def test_p9_actions_leave_foreign_people_alone(action: str, console: Client, theirs: dict[Any, Any]) -> None:
    before = theirs[User].credentials_epoch
    data = {"action": action, "_selected_action": [str(theirs[User].pk)]}
    response = console.post(address(User, "changelist"), data, follow=True)
    assert names_nobody(response.content.decode())
    with scopes_disabled():
        assert User.objects.get(pk=theirs[User].pk).credentials_epoch == before


def test_p9_a_foreign_group_or_person_can_not_be_joined(
    console: Client, theirs: dict[Any, Any], alice: User, acme: Tenant
) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Staff")
        before = GroupMembership.objects.count()
    for data in ({"group": theirs[Group].pk, "user": alice.pk}, {"group": group.pk, "user": theirs[User].pk}):
        response = console.post(address(GroupMembership, "add"), data)
        assert response.status_code == 200
        assert response.context["errors"]
        assert names_nobody(response.content.decode())
    with scopes_disabled():
        assert GroupMembership.objects.count() == before


def test_p9_a_foreign_person_gets_no_role_and_no_authenticator(console: Client, theirs: dict[Any, Any]) -> None:
    person = theirs[User]
    wanted = {"role": Role.GLOBAL_ADMINISTRATOR, "user": person.pk, "group": ""}
    role = console.post(address(RoleAssignment, "add"), wanted)
    typed = {"user": person.pk, "type": "email", "value": "me@home.example"}
    value = console.post(address(Authenticator, "add"), typed)
    assert role.context["errors"]
    assert value.context["errors"]
    with scopes_disabled():
        assert not RoleAssignment.objects.filter(user=person).exists()
        assert Authenticator.objects.filter(user=person).count() == 1


def test_p9_a_foreign_directory_can_not_be_chosen(console: Client, theirs: dict[Any, Any], alice: User) -> None:
    foreign = theirs[Directory].pk
    data = {"name": "new.acme.example", "authority": "directory", "directory": foreign}
    response = console.post(address(Domain, "add"), data)
    assert response.context["errors"]
    data = {"principal_name": alice.principal_name, "directory": foreign}
    response = console.post(address(User, "change", alice.pk), data)
    assert "directory" in response.context["adminform"].form.errors


def test_p9_a_foreign_group_can_not_be_a_policys_audience(console: Client, theirs: dict[Any, Any]) -> None:
    data = {
        "name": "Ours", "priority": "5", "audience": "groups", "methods_required": "1", "methods": ["email", "sms"],
        "reconfirm_days": "180", "registration_skip_days": "14",
        "policy_groups-TOTAL_FORMS": "1", "policy_groups-INITIAL_FORMS": "0",
        "policy_groups-0-group": str(theirs[Group].pk),
    }  # fmt: skip
    response = console.post(address(ResetPolicy, "add"), data)
    assert response.context["errors"]
    assert not PolicyGroup.objects.exists()


def test_p9_a_posted_tenant_is_ignored(console: Client, theirs: dict[Any, Any], acme: Tenant, globex: Tenant) -> None:
    response = console.post(address(Group, "add"), {"name": "Planted", "tenant": globex.pk})
    assert response.status_code == 302
    with scopes_disabled():
        assert Group.objects.get(name="Planted").tenant == acme


def test_p9_a_domain_in_use_elsewhere_is_refused_without_saying_where(console: Client, theirs: dict[Any, Any]) -> None:
    response = console.post(address(Domain, "add"), {"name": "globex.example", "authority": "cloud"})
    errors = response.context["adminform"].form.errors
    assert errors["name"] == ["This domain is in use already."]
    assert Domain._base_manager.filter(name="globex.example").count() == 1


def test_a_platform_operator_sees_every_organisation_and_chooses_it(theirs: dict[Any, Any], globex: Tenant) -> None:
    console = signed_in(make_operator())
    assert MARK in console.get(address(User, "changelist")).content.decode()
    response = console.post(address(Group, "add"), {"name": "From above", "tenant": globex.pk})
    assert response.status_code == 302
    with scopes_disabled():
        assert Group.objects.get(name="From above").tenant == globex


def test_a_platform_operator_can_not_mix_organisations(theirs: dict[Any, Any], alice: User) -> None:
    console = signed_in(make_operator())
    response = console.post(address(GroupMembership, "add"), {"group": theirs[Group].pk, "user": alice.pk})
    assert response.context["errors"]


def test_a_row_never_moves_to_another_organisation(theirs: dict[Any, Any], acme: Tenant, globex: Tenant) -> None:
    console = signed_in(make_operator())
    group = theirs[Group]
    console.post(address(Group, "change", group.pk), {"name": group.name, "tenant": acme.pk, **NO_NESTING})
    with scopes_disabled():
        assert Group.objects.get(pk=group.pk).tenant == globex


NO_NESTING = {"nested-TOTAL_FORMS": "0", "nested-INITIAL_FORMS": "0"}
