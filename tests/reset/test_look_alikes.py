"""What a look-alike of a name shows or counts tells nothing of the name itself (E1)."""

import pytest
from django.test import Client

from accounts.models import Tenant, User
from policy.models import ResetPolicy
from reset import buckets, decoys, invitations
from tests import wizard
from tests.conftest import make_tenant, make_user

LOOK_ALIKES = ["ａlice@acme.example", "al\u0131ce@acme.example", "alice\u200b@acme.example"]


@pytest.mark.parametrize("typed", LOOK_ALIKES)
def test_e1_a_look_alike_counts_apart_from_the_name_it_looks_like(typed: str) -> None:
    assert buckets.account_key(1, typed, None) != buckets.account_key(1, "alice@acme.example", None)
    assert buckets.account_key(1, " ALICE@acme.example", None) == buckets.account_key(1, "alice@acme.example", None)


def test_e1_a_look_alike_shows_another_decoy_than_the_name_would_if_it_were_nobodys() -> None:
    shown = [decoys.snapshot(1, name, ())[0].offers for name in ("alice@acme.example", *LOOK_ALIKES)]
    assert len(set(shown)) == len(shown)


def test_e1_people_of_customers_tenants_are_nobody_at_the_common_address(client: Client, executor: object) -> None:
    shop = make_tenant("shop", "shop.example", kind=Tenant.Kind.CUSTOMERS)
    make_tenant("other", "other.example")
    make_user(shop, "karl@shop.example")
    for name in ("karl@shop.example", "nobody@shop.example"):
        assert b"No organisation here uses this name" in wizard.start(client, name).content


@pytest.mark.parametrize("name", ["alice@acme.example", "nobody@acme.example"])
def test_e1_a_request_stops_once_the_organisation_is_switched_off_whoever_it_is(
    name: str, client: Client, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    wizard.start(client, name)
    Tenant.objects.filter(pk=acme.pk).update(is_active=False)
    assert client.get("/reset/verify/")["Location"] == "/reset/status/"


def test_o7_a_completed_reset_ends_an_open_invitation(client: Client, alice: User, open_policy: ResetPolicy) -> None:
    token = invitations.invite(alice)
    assert invitations.find(token) is not None
    wizard.start(client, "alice@acme.example")
    wizard.choose(client, "email")
    wizard.answer(client, wizard.last_code())
    client.post("/reset/password/", {"password": "three blue horses", "again": "three blue horses"})
    assert invitations.find(token) is None
