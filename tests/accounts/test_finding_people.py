"""From a typed name to a person, or to nobody."""

from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts import people, tenants
from accounts.models import Domain, Tenant, User
from tests.conftest import make_tenant, make_user


@pytest.mark.parametrize("typed", ["alice@acme.example", "ALICE@ACME.EXAMPLE", "  alice@acme.example "])
def test_a_person_is_found_by_user_name_whatever_its_case(alice: User, typed: str) -> None:
    assert people.find(typed).user == alice


def test_s6_look_alike_names_find_nobody_but_lead_to_the_tenant(alice: User, acme: Tenant) -> None:
    for typed in ["ａlice@acme.example", "al\u0131ce@acme.example", "alice\u200b@acme.example"]:
        found = people.find(typed)
        assert (found.user, found.tenant) == (None, acme)


def test_a_name_is_found_by_mail_only_where_the_tenant_allows_it(acme: Tenant) -> None:
    user = make_user(acme, "a.larsen@acme.example", mail="anna@home.example")
    assert people.find("anna@home.example", tenant=acme).user is None
    acme.find_by_mail = True
    acme.save()
    assert people.find("anna@home.example", tenant=acme).user == user


def test_a_shared_mail_address_finds_nobody(acme: Tenant) -> None:
    acme.find_by_mail = True
    acme.save()
    for number in range(2):
        make_user(acme, f"team{number}@acme.example", mail="team@home.example")
    assert people.find("team@home.example", tenant=acme).user is None


def test_customers_are_found_at_their_own_address_only(executor: Any) -> None:
    shop = make_tenant("shop", "shop.example", kind=Tenant.Kind.CUSTOMERS)
    user = make_user(shop, "frida")
    assert people.find("frida", tenant=shop).user == user
    member = make_user(shop, "karl@shop.example")
    assert people.find("karl@shop.example").user is None
    assert people.find("karl@shop.example", tenant=shop).user == member


def test_the_same_name_in_two_tenants_is_two_people(acme: Tenant, globex: Tenant) -> None:
    first, second = make_user(acme, "admin"), make_user(globex, "admin")
    assert people.find("admin", tenant=acme).user == first
    assert people.find("admin", tenant=globex).user == second


def test_finding_somebody_and_nobody_takes_the_same_single_statement(
    alice: User, django_assert_num_queries: Any
) -> None:
    for typed in ["alice@acme.example", "nobody@acme.example", "ａlice@acme.example"]:
        with django_assert_num_queries(1):
            people.find(typed)


def test_a_domain_that_was_only_claimed_leads_nobody_anywhere(alice: User, globex: Tenant) -> None:
    with scopes_disabled():
        Domain.objects.create(tenant=globex, name="claimed.example")
    make_user(globex, "eve@claimed.example")
    assert people.find("eve@claimed.example").tenant is None
    assert tenants.find_by_domain("claimed.example") is None
