"""Lists cost the same number of queries however long they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity, Event, record
from accounts.methods import AuthenticatorType
from accounts.models import (
    Branding,
    Directory,
    Domain,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    Tenant,
    User,
)
from accounts.roles import Role
from notifications.models import Delivery
from policy.models import QuestionText, ResetPolicy, SignInRule, SpendGuard
from reset.console.site import PAGES
from tests.administrators import make_administrator, make_message, make_operator, make_request, of_writeback, signed_in
from tests.conftest import make_authenticator, make_tenant, make_user

pytestmark = pytest.mark.slow

MOST = 15


def fill_lists(tenant: Tenant, numbers: range) -> None:
    """One row of every list for each number."""
    with scopes_disabled():
        directory = Directory.objects.create(tenant=tenant, name=f"Directory {numbers}", kind="openldap")
        for number in numbers:
            user = make_user(tenant, f"person{number}@acme.example", directory=directory, anchor=str(number))
            group = Group.objects.create(tenant=tenant, name=f"Group {number}", directory=directory, anchor=str(number))
            GroupMembership.objects.create(tenant=tenant, group=group, user=user)
            GroupNesting.objects.create(tenant=tenant, parent=group, child=group)
            RoleAssignment.objects.create(tenant=tenant, user=user, role=Role.REPORTS_READER)
            make_authenticator(user, AuthenticatorType.EMAIL, f"person{number}@home.example")
            reached = Directory.objects.create(tenant=tenant, name=f"Directory {number}", kind="openldap")
            of_writeback(tenant, reached, user, str(number))
            Domain.objects.create(tenant=tenant, name=f"n{number}.example", directory=directory, authority="directory")
            ResetPolicy.objects.create(tenant=tenant, name=f"Policy {number}", priority=number)
            QuestionText.objects.create(tenant=tenant, text=f"Question {number}?")
            message, now = make_message(tenant, "passcode"), timezone.now()
            Delivery.objects.create(tenant=tenant, message=message, created_at=now, started_at=now, accepted=True)
            make_request(tenant, user, user.principal_name)
            record(Event(Activity.SIGNED_IN, tenant.pk, actor=user, target=user))
            other = make_tenant(f"other{number}", f"other{number}.example")
            for one_of_a_tenant in (Branding, SignInRule, SpendGuard):
                one_of_a_tenant.objects.create(tenant=other)


def queries_by_list(console: Client) -> Iterator[tuple[Any, int]]:
    for model in PAGES:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert console.get(address).status_code == 200
        yield model, len(captured)


@pytest.mark.parametrize("by", ["administrator", "operator"])
def test_lists_take_as_many_queries_for_60_rows_as_for_30_and_15_at_most(acme: Tenant, by: str, settings: Any) -> None:
    user = make_administrator(acme, "boss@acme.example") if by == "administrator" else make_operator()
    console = signed_in(user)
    fill_lists(acme, range(30))
    few = dict(queries_by_list(console))
    fill_lists(acme, range(30, 60))
    many = dict(queries_by_list(console))
    assert few == many
    assert max(many.values()) <= MOST


def test_a_groups_page_does_not_list_its_people(acme: Tenant) -> None:
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Everybody")
        for number in range(40):
            person = make_user(acme, f"person{number}@acme.example")
            GroupMembership.objects.create(tenant=acme, group=group, user=person)
    body = console.get(reverse("admin:accounts_group_change", args=[group.pk])).content.decode()
    assert "40 directly in it" in body
    assert "person7@" not in body
    address = f"{reverse('admin:accounts_groupmembership_changelist')}?group__id__exact={group.pk}"
    assert address in body
    assert "person7@" in console.get(address).content.decode()


def test_a_persons_page_takes_as_many_queries_for_20_groups_as_for_10(acme: Tenant, alice: User) -> None:
    console = signed_in(make_administrator(acme, "boss@acme.example"))
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    console.get(page)  # the first page of a process also loads what is kept afterwards
    counts = []
    for half in range(2):
        with scopes_disabled():
            for number in range(10):
                group = Group.objects.create(tenant=acme, name=f"Group {half}-{number}")
                GroupMembership.objects.create(tenant=acme, group=group, user=alice)
                make_authenticator(alice, AuthenticatorType.EMAIL, f"alice{half}{number}@home.example")
        with CaptureQueriesContext(connection) as captured:
            assert console.get(page).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= MOST
