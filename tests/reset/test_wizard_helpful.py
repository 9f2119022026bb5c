"""Disclosure *helpful*: every refusal with its reason and code. And what holds for a whole domain, in both disclosures."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Authenticator, Directory, Domain, Tenant, User
from policy.decisions import ENTRA_CODES, Refusal
from policy.models import ResetPolicy
from reset.views.ends import _refused
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.journeys import STATUS, Browser
from tests.reset.signing_in import make_administrator


def no_policy(alice: User) -> None:
    with scopes_disabled():
        ResetPolicy.objects.update(audience="nobody")


def out_of_scope(alice: User) -> None:
    with scopes_disabled():
        ResetPolicy.objects.update(audience="groups")


def no_methods(alice: User) -> None:
    with scopes_disabled():
        Authenticator.objects.filter(user=alice).delete()


def administrators_may_not(alice: User) -> None:
    make_administrator(alice)
    assert alice.tenant is not None
    journeys.change(alice.tenant, administrators_may_reset=False)


def fields(**values: Any) -> Callable[[User], None]:
    return lambda alice: journeys.change(alice, **values)


REFUSALS: dict[str, tuple[Callable[[User], None], str, str]] = {
    "disabled": (fields(is_enabled=False), "The account is switched off", ""),
    "protected": (fields(is_protected=True), "The account is protected", ""),
    "external": (fields(is_external=True), "Another organisation keeps the password", ""),
    "paused": (fields(self_service_paused=True), "Self-service is paused for this account", ""),
    "administrators": (administrators_may_not, "Administrators can&#x27;t reset their password", "SSPR_0009"),
    "no policy": (no_policy, "Your organisation hasn&#x27;t turned this on.", "SSPR_0011"),
    "out of scope": (out_of_scope, "turned this on for your account", "SSPR_0013"),
    "too few": (no_methods, "Too few ways to prove who you are", "SSPR_0014"),
    "blocked": (journeys.use_up_failures, "Self-service is closed for this account", ""),
}


@pytest.fixture
def helpful(acme: Tenant) -> Tenant:
    journeys.change(acme, disclosure="helpful")
    return acme


@pytest.mark.parametrize("why", REFUSALS)
def test_helpful_says_why_with_entras_code(why: str, alice: User, helpful: Tenant, open_policy: ResetPolicy) -> None:
    arrange, sentence, code = REFUSALS[why]
    arrange(alice)
    client = Browser()
    assert wizard.start(client, journeys.ALICE).url == STATUS
    text = client.get(STATUS).content.decode()
    assert sentence in text
    assert ("SSPR_" in text, code in text) == (bool(code), True)
    assert "Contact your administrator" in text


def test_helpful_says_that_a_name_is_unknown(helpful: Tenant, open_policy: ResetPolicy) -> None:
    client = Browser()
    assert wizard.start(client, "nobody@acme.example").url == STATUS
    assert "We don&#x27;t know this name" in client.get(STATUS).content.decode()


def test_helpful_says_that_unlocking_is_not_allowed(alice: User, helpful: Tenant, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, unlock_without_reset=False)
    client = Browser()
    wizard.start(client, journeys.ALICE, trouble="locked")
    assert "allow unlocking without a new password" in client.get(STATUS).content.decode()


def test_every_refusal_has_words_of_its_own() -> None:
    assert {_refused(refusal) for refusal in Refusal}
    assert len({_refused(refusal)[1] for refusal in Refusal}) == len(Refusal)
    assert set(ENTRA_CODES.values()) == {"SSPR_0009", "SSPR_0010", "SSPR_0011", "SSPR_0013", "SSPR_0014", "SSPR_0030"}


@pytest.mark.parametrize("why", REFUSALS)
def test_private_says_none_of_it(why: str, alice: User, open_policy: ResetPolicy) -> None:
    REFUSALS[why][0](alice)
    client = Browser()
    assert wizard.start(client, journeys.ALICE).url == "/reset/verify/"
    assert journeys.newest().user_id is None


def add_domain(acme: Tenant, authority: str, **values: Any) -> None:
    with scopes_disabled():
        Domain.objects.create(
            tenant=acme, name="north.example", authority=authority, verified_at=timezone.now(), **values
        )


@pytest.mark.parametrize("disclosure", ["private", "helpful"])
@pytest.mark.parametrize("name", ["carol@north.example", "nobody@north.example"])
def test_an_external_domain_names_the_home_organisation_for_every_name(
    name: str, disclosure: str, acme: Tenant, open_policy: ResetPolicy
) -> None:
    journeys.change(acme, disclosure=disclosure)
    add_domain(acme, "external", home_name="North Bank", home_url="https://reset.north.example/")
    make_user(acme, "carol@north.example", is_external=True)
    client = Browser()
    assert wizard.start(client, name).url == STATUS
    text = client.get(STATUS).content.decode()
    assert "North Bank keeps the password for this name" in text
    assert 'href="https://reset.north.example/"' in text


@pytest.mark.parametrize("disclosure", ["private", "helpful"])
@pytest.mark.parametrize("name", ["carol@north.example", "nobody@north.example"])
def test_a_directorys_domain_is_not_available_yet_for_every_name(
    name: str, disclosure: str, acme: Tenant, open_policy: ResetPolicy
) -> None:
    journeys.change(acme, disclosure=disclosure)
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="North", kind="openldap")
    add_domain(acme, "directory", directory=directory)
    make_user(acme, "carol@north.example", directory=directory, anchor="1")
    client = Browser()
    assert wizard.start(client, name).url == STATUS
    text = client.get(STATUS).content.decode()
    assert "Not available yet" in text
    assert "SSPR_0010" in text


def test_a_directory_user_of_another_domain_is_a_stranger_in_private(acme: Tenant, open_policy: ResetPolicy) -> None:
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="North", kind="openldap")
    make_user(acme, "carol@acme.example", directory=directory, anchor="1")
    assert journeys.begin(Browser(), "carol@acme.example").user_id is None


def test_an_unknown_organisation_is_said_on_the_first_page(
    alice: User, globex: Tenant, open_policy: ResetPolicy
) -> None:
    page = wizard.start(Browser(), "alice@nowhere.example")
    assert "No organisation here uses this name" in page.content.decode()
