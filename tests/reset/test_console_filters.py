"""The list of people, narrowed by what the policies make of each; and who hangs on the organisation's own mailboxes."""

from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import own_addresses, tenants
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, Tenant, User
from policy.models import ResetPolicy
from reset import housekeeping, registration
from tests.administrators import make_administrator, make_operator, signed_in
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.signing_in import post_sign_in
from tests.reset.test_security_info import INFO, text_of
from tests.reset.test_unreadable import DAMAGED, FOREIGN, NO_JSON, spoil

USERS = "/admin/accounts/user/"
MAIL = AuthenticatorType.EMAIL


@pytest.fixture
def console(acme: Tenant) -> Any:
    return signed_in(make_administrator(acme, "grace@acme.example"))


@pytest.fixture
def carol(acme: Tenant) -> User:
    """Holds one address, which is in a domain that acme adds later."""
    user = make_user(acme, "carol@acme.example", "old-password-3", methods_confirmed_at=timezone.now())
    make_authenticator(user, MAIL, "carol@mail.newname.example")
    return user


def names(console: Any, query: str) -> list[str]:
    rows = console.get(f"{USERS}?{query}").context["cl"].result_list
    return [row.principal_name.partition("@")[0] for row in rows]


def add_domain(tenant: Tenant, name: str = "newname.example") -> None:
    with scopes_disabled():
        Domain.objects.create(tenant=tenant, name=name, verified_at=timezone.now())
    housekeeping.look_through_addresses()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("registered=yes", ["alice"]),
        ("registered=no", ["bob", "grace", "nora"]),
        ("may_reset=yes", ["alice", "bob", "grace"]),
        ("may_reset=no", ["nora"]),
        ("can_reset=yes", ["alice"]),
        ("may_reset=yes&can_reset=no", ["bob", "grace"]),
        ("own_mailboxes=yes", []),
        ("registered=perhaps", ["alice", "bob", "grace", "nora"]),
    ],
)
def test_people_are_filtered_by_what_the_columns_say(
    console: Any, acme: Tenant, alice: User, bob: User, open_policy: ResetPolicy, query: str, found: list[str]
) -> None:
    make_user(acme, "nora@acme.example", is_protected=True)
    journeys.policy_with(open_policy, methods_required=2)
    assert names(console, query) == found


def test_an_operator_chooses_an_organisation_first(
    acme: Tenant, globex: Tenant, alice: User, open_policy: ResetPolicy
) -> None:
    make_authenticator(make_user(globex, "gil@globex.example"), MAIL, "gil@home.example")
    console = signed_in(make_operator())
    page = console.get(f"{USERS}?registered=yes")
    assert page.content.decode().count("Choose one organisation first") == 5, "at each filter, and as a warning"
    assert not page.context["cl"].result_list
    assert names(console, f"registered=yes&tenant__id__exact={acme.pk}") == ["alice"]
    assert names(console, f"may_reset=yes&tenant__id__exact={globex.pk}") == []


def test_an_administrator_can_not_ask_about_another_organisation(
    console: Any, acme: Tenant, globex: Tenant, alice: User
) -> None:
    make_authenticator(make_user(globex, "gil@globex.example"), MAIL, "gil@home.example")
    page = console.get(f"{USERS}?registered=yes&tenant__id__exact={globex.pk}")
    assert page.status_code == 400, "no filter of this page"


def test_a_filter_costs_the_same_statements_however_many_people_there_are(
    console: Any, acme: Tenant, open_policy: ResetPolicy
) -> None:
    address = f"{USERS}?registered=no&can_reset=no"
    console.get(address)
    with journeys.statements() as few:
        console.get(address)
    for number in range(10):
        make_user(acme, f"person{number}@acme.example")
    with journeys.statements() as many:
        console.get(address)
    assert len(many) == len(few)


# --- own mailboxes ------------------------------------------------------------------------------------------------


def test_an_address_below_a_domain_that_was_added_later_is_found(
    console: Any, acme: Tenant, alice: User, carol: User, open_policy: ResetPolicy
) -> None:
    assert names(console, "own_mailboxes=yes") == []
    add_domain(acme)
    assert names(console, "own_mailboxes=yes") == ["carol"]
    make_authenticator(carol, AuthenticatorType.APP, "JBSWY3DPEHPK3PXP")
    assert names(console, "own_mailboxes=yes") == []


def test_what_counts_in_no_reset_makes_no_difference(
    console: Any, acme: Tenant, carol: User, open_policy: ResetPolicy
) -> None:
    add_domain(acme)
    make_authenticator(carol, AuthenticatorType.APP, "JBSWY3DPEHPK3PXP")
    journeys.policy_with(open_policy, methods=["email", "sms"])
    assert names(console, "own_mailboxes=yes") == ["carol"]


def test_the_person_is_told_and_what_to_do(client: Any, acme: Tenant, carol: User, open_policy: ResetPolicy) -> None:
    add_domain(acme)
    assert post_sign_in(client, "carol@acme.example", "old-password-3").url == "/account/"
    assert "All your codes go to mailboxes of your organisation." in text_of(client.get(INFO))
    journeys.policy_with(open_policy, methods_required=2)
    client.post("/signout/")
    assert post_sign_in(client, "carol@acme.example", "old-password-3").url == f"{INFO}setup/"
    assert "Add a phone, an app or a private address." in text_of(client.get(f"{INFO}setup/"))


def test_nobody_else_is_told(client: Any, acme: Tenant, alice: User, open_policy: ResetPolicy) -> None:
    add_domain(acme)
    client.force_login(alice)
    assert "All your codes go to mailboxes" not in text_of(client.get(INFO))


def test_addresses_are_looked_through_once_for_each_change_of_the_domains(acme: Tenant, carol: User) -> None:
    with tenants.all_opened():
        assert own_addresses.look_through() == 0
        Domain.objects.create(tenant=acme, name="newname.example")
        assert own_addresses.look_through() == 1
        with journeys.statements() as shapes:
            assert own_addresses.look_through() == 0
        assert len(shapes) == 2
        Domain.objects.filter(name="newname.example").delete()
        assert own_addresses.look_through() == 1
        assert not Authenticator.objects.get(user=carol).in_own_domain


def test_an_address_typed_in_its_place_is_another_one(acme: Tenant, carol: User) -> None:
    add_domain(acme)
    with tenants.opened(acme):
        row = Authenticator.objects.get(user=carol)
        assert row.in_own_domain
        row.set_value("carol@private.example")
        assert not row.in_own_domain


def test_another_organisations_domain_is_not_ones_own(acme: Tenant, globex: Tenant, carol: User) -> None:
    add_domain(globex)
    with tenants.opened(acme):
        assert not registration.standing_of(carol).registration.hangs_on_itself


@pytest.mark.parametrize("how", [DAMAGED, FOREIGN, NO_JSON])
def test_an_address_that_does_not_open_stops_nothing(acme: Tenant, alice: User, carol: User, how: bytes | str) -> None:
    with scopes_disabled():
        spoil(Authenticator.objects.get(user=alice, type=MAIL), how)
    add_domain(acme)
    with scopes_disabled():
        assert Authenticator.objects.get(user=carol).in_own_domain
