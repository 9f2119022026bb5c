"""Interrupt mode: who is asked at sign-in, for what, who may put it off, and how it ends."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.models import Tenant, User
from policy.models import ResetPolicy
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.signing_in import events, make_administrator, post_sign_in, reloaded
from tests.reset.test_security_info import text_of

SETUP = "/security-info/setup/"
NAME, SECRET = "carol@acme.example", "old-password-3"


@pytest.fixture
def carol(acme: Tenant, open_policy: ResetPolicy) -> User:
    """Has a password and no method."""
    return make_user(acme, NAME, SECRET, given_name="Carol")


def register_address(client: Any, address: str = "carol@home.example") -> Any:
    place = client.post("/security-info/add/email/", {"address": address}).url
    return client.post(place, {"code": wizard.last_code()})


def test_who_lacks_a_method_is_asked_at_sign_in_for_the_most_secure_one(client: Any, carol: User) -> None:
    assert post_sign_in(client, NAME, SECRET).url == SETUP
    page = client.get(SETUP)
    assert (page.context["first"], page.context["others"]) == ("app_code", ["sms", "email"])
    assert "register one more way" in text_of(page)
    assert client.get("/account/").status_code == 200, "the session stands"


def test_one_registers_another_way_reviews_it_and_goes_on_as_wished(client: Any, carol: User) -> None:
    address = "/signin/?next=/account/?mkt=de"
    assert post_sign_in(client, NAME, SECRET, address).url == SETUP
    assert register_address(client).url == SETUP
    page = client.get(SETUP)
    assert "Is this still right?" in text_of(page)
    assert "carol@home.example" in text_of(page)
    assert client.post(SETUP, {"action": "confirm"}).url == "/account/?mkt=de"
    assert reloaded(carol).methods_confirmed_at is not None
    assert len(events(Activity.METHODS_CONFIRMED)) == 1
    client.post("/signout/")
    assert post_sign_in(client, NAME, SECRET).url == "/account/", "asked once"


def test_two_required_methods_are_asked_for_one_after_the_other(
    client: Any, carol: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    post_sign_in(client, NAME, SECRET)
    assert "register 2 more ways" in text_of(client.get(SETUP))
    register_address(client)
    page = client.get(SETUP)
    assert "register one more way" in text_of(page)
    assert (page.context["first"], page.context["others"]) == ("app_code", ["sms"])
    assert client.post(SETUP, {"action": "confirm"}).status_code == 200, "not before everything is there"
    assert reloaded(carol).methods_confirmed_at is None


def test_it_may_be_put_off_until_the_days_are_over(client: Any, carol: User, open_policy: ResetPolicy) -> None:
    post_sign_in(client, NAME, SECRET)
    assert "Not now" in text_of(client.get(SETUP))
    assert client.post(SETUP, {"action": "skip"}).url == "/account/"
    assert len(events(Activity.REGISTRATION_SKIPPED)) == 1
    client.post("/signout/")
    with scopes_disabled():
        User.objects.filter(pk=carol.pk).update(registration_asked_at=timezone.now() - timedelta(days=14))
    assert post_sign_in(client, NAME, SECRET).url == SETUP
    assert "Not now" not in text_of(client.get(SETUP))
    assert client.post(SETUP, {"action": "skip"}).status_code == 200


def test_a_policy_can_allow_no_putting_off(client: Any, carol: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, registration_skippable=False)
    post_sign_in(client, NAME, SECRET)
    assert "Not now" not in text_of(client.get(SETUP))


@pytest.mark.parametrize(("days_ago", "asked"), [(179, False), (180, True)])
def test_after_the_policys_days_one_looks_at_everything_again(
    client: Any, alice: User, open_policy: ResetPolicy, days_ago: int, asked: bool
) -> None:
    with scopes_disabled():
        User.objects.filter(pk=alice.pk).update(methods_confirmed_at=timezone.now() - timedelta(days=days_ago))
    onward = post_sign_in(client, "alice@acme.example", "old-password-1").url
    assert onward == (SETUP if asked else "/account/")


@pytest.mark.parametrize("fields", [{"registration_required": False}, {"audience": "nobody"}])
def test_a_policy_that_asks_for_nothing_interrupts_nobody(
    client: Any, carol: User, open_policy: ResetPolicy, fields: dict[str, Any]
) -> None:
    journeys.policy_with(open_policy, **fields)
    assert post_sign_in(client, NAME, SECRET).url == "/account/"


def test_a_due_password_change_comes_first(client: Any, carol: User) -> None:
    with scopes_disabled():
        User.objects.filter(pk=carol.pk).update(must_change_password=True)
    assert post_sign_in(client, NAME, SECRET).url == "/account/"
    assert client.get(SETUP).url == "/account/"


def test_administrators_are_asked_for_two_kinds_and_never_for_questions(
    client: Any, carol: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods=["email", "questions"])
    make_administrator(carol)
    assert post_sign_in(client, NAME, SECRET, "/signin/?next=/admin/").url == SETUP
    page = client.get(SETUP)
    assert "register 2 more ways" in text_of(page)
    assert [page.context["first"], *page.context["others"]] == ["app_code", "sms", "office_call", "email"]


def test_without_being_asked_there_is_no_setup(client: Any, carol: User) -> None:
    post_sign_in(client, NAME, SECRET)
    client.post(SETUP, {"action": "skip"})
    assert client.get(SETUP).url == "/security-info/"


def test_one_may_choose_a_different_method(client: Any, carol: User) -> None:
    post_sign_in(client, NAME, SECRET)
    page = client.get(f"{SETUP}?with=email")
    assert page.context["first"] == "email"
