"""At the review: one more method is offered, once in 30 days, and never forced on anybody. And which method comes first."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, Tenant, User
from policy import rules
from policy.decisions import ADMINISTRATOR_METHODS
from policy.models import ResetPolicy, SignInRule
from reset import decoys
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.registering import held
from tests.reset.signing_in import PASSWORD, events, give_app, post_sign_in, reloaded
from tests.reset.test_flaws_disclosure import Walk, assert_alike, by_mail
from tests.reset.test_security_info import INFO, prove, text_of

SETUP = f"{INFO}setup/"
NAME = "alice@acme.example"
MAIL, PHONE = AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE


@pytest.fixture
def at_review(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    """Alice has mail and phone, and looks at them for the first time; the policy takes an app too."""
    assert post_sign_in(client, NAME, PASSWORD).url == SETUP
    return client


def offered_again(client: Any, user: User, days: int) -> Any:
    """What is offered at a review so many days after the last one."""
    moved = timezone.now() - timedelta(days=days)
    journeys.change(user, one_more_offered_at=moved, methods_confirmed_at=None)
    client.post("/signout/")
    post_sign_in(client, NAME, PASSWORD)
    return client.get(SETUP).context["more"]


def test_the_most_secure_kind_not_held_is_offered(at_review: Any) -> None:
    page = at_review.get(SETUP)
    assert page.context["more"] == Method.APP_CODE
    assert "One more way is safer" in text_of(page)


def test_one_goes_on_without_it_and_is_not_asked_again_for_30_days(at_review: Any, alice: User) -> None:
    assert at_review.post(SETUP, {"action": "confirm"}).url == "/account/"
    assert reloaded(alice).one_more_offered_at is not None
    assert offered_again(at_review, alice, 29) is None
    assert offered_again(at_review, alice, 30) == Method.APP_CODE


def test_putting_the_review_off_puts_the_offer_off_too(at_review: Any, alice: User) -> None:
    assert at_review.post(SETUP, {"action": "skip"}).url == "/account/"
    assert reloaded(alice).one_more_offered_at is not None


def test_taking_the_offer_leads_to_the_method_and_no_other_is_offered_after_it(at_review: Any, alice: User) -> None:
    assert at_review.post(SETUP, {"action": "more"}).url == f"{INFO}add/app_code/"
    assert at_review.get(SETUP).context["more"] is None
    assert at_review.post(SETUP, {"action": "more"}).status_code == 200


def test_while_something_is_missing_nothing_more_is_offered(client: Any, alice: User, open_policy: ResetPolicy) -> None:
    with scopes_disabled():
        Authenticator.objects.filter(user=alice).delete()
    post_sign_in(client, NAME, PASSWORD)
    page = client.get(SETUP)
    assert page.context["more"] is None
    client.post(SETUP, {"action": "more"})
    assert reloaded(alice).one_more_offered_at is None


def test_who_holds_every_kind_is_offered_nothing(at_review: Any, alice: User) -> None:
    give_app(alice)
    page = at_review.get(SETUP)
    assert page.context["more"] is None
    assert "One more way is safer" not in text_of(page)


# --- used first ---------------------------------------------------------------------------------------------------


@pytest.fixture
def managing(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    journeys.change(alice, methods_confirmed_at=timezone.now())
    post_sign_in(client, NAME, PASSWORD)
    prove(client)
    return client


def methods_offered(name: str = NAME) -> list[str]:
    browser = Browser()
    journeys.begin(browser, name)
    return [str(offer.method) for offer in browser.get("/reset/verify/").context["offers"]]


def row_of(user: User, kind: AuthenticatorType) -> Authenticator:
    with scopes_disabled():
        return held(user, kind)[0]


def use_first(client: Any, row: Authenticator) -> Any:
    return client.post(f"{INFO}{row.pk}/", {"action": "first"})


def test_what_is_used_first_leads_in_the_wizard_before_changes_and_at_sign_in(
    managing: Any, acme: Tenant, alice: User
) -> None:
    give_app(alice)
    with scopes_disabled():
        SignInRule.objects.create(tenant=acme, audience="everybody")
    assert methods_offered() == ["email", "sms", "app_code"]
    phone = row_of(alice, PHONE)
    assert use_first(managing, phone).url == INFO
    assert "Used first" in text_of(managing.get(INFO))
    assert methods_offered() == ["sms", "email", "app_code"]
    assert managing.get(f"{INFO}prove/").context["offers"][0].method == "sms"
    browser = Browser()
    post_sign_in(browser, NAME, PASSWORD)
    page = browser.get("/signin/verify/")
    assert [offer.method for offer in page.context["offers"]] == ["sms", "call", "app_code"]
    assert f'value="sms:{phone.pk}" checked' in page.content.decode()
    assert len(events(Activity.METHOD_USED_FIRST)) == 1


def test_one_of_two_addresses_is_used_first(managing: Any, alice: User) -> None:
    second = make_authenticator(alice, MAIL, "alice@second.example")
    use_first(managing, second)
    browser = Browser()
    journeys.begin(browser)
    offers = browser.get("/reset/verify/").context["offers"]
    assert (offers[0].method, offers[0].authenticator_id) == ("email", second.pk)
    assert [offer.method for offer in offers] == ["email", "email", "sms"]


def test_one_method_at_a_time_is_first_and_it_ends_with_the_method(managing: Any, alice: User) -> None:
    for kind in (PHONE, MAIL, PHONE):
        use_first(managing, row_of(alice, kind))
    with scopes_disabled():
        assert Authenticator.objects.get(user=alice, is_first=True).type == PHONE
    managing.post(f"{INFO}{row_of(alice, PHONE).pk}/", {"action": "remove"})
    with scopes_disabled():
        assert not Authenticator.objects.filter(user=alice, is_first=True).exists()
    assert methods_offered() == ["email"]


def test_what_proves_nothing_or_belongs_to_somebody_else_is_not_made_first(
    managing: Any, alice: User, bob: User
) -> None:
    imported = make_authenticator(alice, PHONE, "+4915155555502", confirmed_at=None, source=Authenticator.Source.IMPORT)
    assert "Use this first" not in text_of(managing.get(f"{INFO}{imported.pk}/"))
    for row in (imported, row_of(bob, MAIL)):
        use_first(managing, row)
    with scopes_disabled():
        assert not Authenticator.objects.filter(is_first=True).exists()


def test_it_takes_a_fresh_proof(client: Any, alice: User, open_policy: ResetPolicy) -> None:
    client.force_login(alice)
    assert use_first(client, row_of(alice, PHONE)).url.startswith(f"{INFO}prove/")
    assert not row_of(alice, PHONE).is_first


def test_an_order_of_ones_own_does_not_tell_a_person_from_a_stranger(open_policy: ResetPolicy, acme: Tenant) -> None:
    """About every fourth stranger with a choice seems to have chosen too, and stays with it."""
    allowed = list(ADMINISTRATOR_METHODS)
    with scopes_disabled():
        policies = rules.load(acme)
    chose = choices = 0
    for number in range(400):
        offers = decoys.snapshot(acme.pk, f"nobody{number}@acme.example", policies)[0].offers
        assert offers == decoys.snapshot(acme.pk, f"nobody{number}@acme.example", policies)[0].offers
        places = [allowed.index(offer.method) for offer in offers]
        chose += places != sorted(places)
        choices += len(set(places)) > 1
    assert 0.05 < chose / choices < 0.35


def test_e1_who_uses_the_second_way_first_walks_like_a_stranger_who_seems_to(
    acme: Tenant, alice: User, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    journeys.policy_with(open_policy, methods=["email", "sms"])
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(allowed))
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "TWO_ADDRESSES_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "CHOSE_FIRST_ONE_IN", 1)
    journeys.change(row_of(alice, PHONE), is_first=True)
    with scopes_disabled():
        policies = rules.load(acme)
    stranger = next(
        name
        for name in (f"nobody{number}" for number in range(100))
        if decoys.snapshot(acme.pk, f"{name}@acme.example", policies)[0].offers[0].method == "sms"
    )
    walks = [Walk(name) for name in ("somebody", "alice", stranger)]
    for walk in walks:
        by_mail(walk)
    assert_alike(walks[1:])  # the first one read what a process keeps: the executors' keys
