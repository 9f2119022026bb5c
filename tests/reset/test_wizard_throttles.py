"""Too often: who waits, for how long, and who is never held up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Tenant, User
from accounts.visitor import Visitor
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import attempts, challenges, flow, unblocking
from reset.beginning import Beginning
from reset.browsers import KnownBrowser
from reset.models import State
from reset.requests import TooOften
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, VERIFY, Browser
from tests.reset.signing_in import is_signed_in, post_sign_in

HERE, ELSEWHERE = Visitor("192.0.2.7"), Visitor("198.51.100.9")
NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


def beginning(visitor: Visitor = HERE, typed: str = journeys.ALICE, tenant: Tenant | None = None) -> Beginning:
    return Beginning(typed, "forgot", visitor, "en", KnownBrowser(), tenant)


def test_the_account_opens_a_day_after_its_first_failure(alice: User, open_policy: ResetPolicy) -> None:
    request = flow.begin(beginning(), NOON)[0]
    with scopes_disabled():
        mail = flow.offers_of(request)[0]
        flow.choose(request, mail.method, mail.authenticator_id, HERE, NOON)
        flow.answer(request, ["wrong"], HERE, NOON)
    second = flow.begin(beginning(), NOON + timedelta(hours=23))[0]
    with scopes_disabled():
        flow.choose(second, mail.method, mail.authenticator_id, HERE, NOON + timedelta(hours=23))
        for _ in range(4):
            flow.answer(second, ["wrong"], HERE, NOON + timedelta(hours=23))
    assert second.state == State.BLOCKED
    almost, over = NOON + timedelta(hours=24, seconds=-1), NOON + timedelta(hours=24)
    assert flow.begin(beginning(), almost)[0].user_id is None
    assert flow.begin(beginning(), over)[0].user_id == alice.pk


def test_p6_an_attacker_never_stops_the_owners_recognised_browser(alice: User, open_policy: ResetPolicy) -> None:
    owner = Browser()
    journeys.finish(owner)
    journeys.use_up_failures(alice)
    assert journeys.begin(Browser()).user_id is None
    assert journeys.prove(owner).user_id == alice.pk
    assert journeys.set_password(owner, "four green horses").status_code == 302
    assert journeys.person(alice).check_password("four green horses")


def test_p6_an_attacker_who_uses_up_the_codes_leaves_some_for_the_owner(alice: User, open_policy: ResetPolicy) -> None:
    owner = Browser()
    journeys.finish(owner)
    now = timezone.now()
    with scopes_disabled():
        stranger = flow.begin(beginning(ELSEWHERE))[0]
        mail = next(offer for offer in flow.offers_of(stranger) if offer.method == "email")
        for _ in range(throttle.SENDS_TO_ACCOUNT.events):
            flow.choose(stranger, mail.method, mail.authenticator_id, ELSEWHERE, now)
        with pytest.raises(TooOften):
            flow.choose(stranger, mail.method, mail.authenticator_id, ELSEWHERE, now)
    assert len(journeys.messages("passcode")) == 1 + throttle.SENDS_TO_ACCOUNT.events
    assert journeys.prove(owner).user_id == alice.pk


def test_p6_failures_of_resets_never_touch_sign_in(alice: User, open_policy: ResetPolicy) -> None:
    journeys.use_up_failures(alice)
    client = Browser()
    post_sign_in(client, journeys.ALICE, journeys.OLD)
    assert is_signed_in(client)


def test_a_recognised_browser_has_a_limit_too(alice: User, open_policy: ResetPolicy) -> None:
    owner = Browser()
    journeys.finish(owner)
    journeys.begin_answering(owner)
    for _ in range(5):
        wizard.answer(owner, "wrong")
    owner.post("/reset/cancel/")
    assert journeys.begin(owner).user_id is None
    assert journeys.begin(Browser()).user_id == alice.pk, "strangers' bucket is another one"


def test_a_forged_or_foreign_browser_cookie_is_a_strangers(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    bobs = Browser()
    journeys.finish(bobs, "bob@acme.example")
    journeys.use_up_failures(alice)
    for cookie in (bobs.cookies["rekey-browser"].value, "x", "", bobs.cookies["rekey-browser"].value[:-1] + "x"):
        client = Browser()
        client.cookies["rekey-browser"] = cookie
        assert journeys.begin(client).user_id is None


def test_a_browser_remembers_eight_accounts_and_shows_no_name(alice: User, open_policy: ResetPolicy) -> None:
    known = KnownBrowser()
    people = [User(pk=number, principal_name=f"p{number}@acme.example") for number in range(1, 11)]
    for user in people:
        known = KnownBrowser.read(known.learning(user))
    assert [bool(known.recognises(user)) for user in people] == [False] * 2 + [True] * 8
    assert known.recognises(None) == ""
    assert "acme" not in known.learning(people[0])


def test_a_success_starts_the_accounts_counters_anew(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for _ in range(4):
        wizard.answer(client, "wrong")
    wizard.answer(client, wizard.last_code())
    journeys.set_password(client)
    again = journeys.begin_answering(Browser())
    assert journeys.failures(again) == 0


def test_60_starts_from_one_address_then_ten_minutes_of_patience(alice: User, open_policy: ResetPolicy) -> None:
    for number in range(60):
        flow.begin(beginning(typed=f"n{number}@acme.example"), NOON)
    with pytest.raises(TooOften) as raised:
        flow.begin(beginning(), NOON + timedelta(minutes=9))
    assert raised.value.ends_at == NOON + timedelta(minutes=10)
    assert flow.begin(beginning(ELSEWHERE), NOON)[0].user_id == alice.pk
    assert flow.begin(beginning(), NOON + timedelta(minutes=10))[0].user_id == alice.pk


def test_names_of_nobody_elses_domain_count_once_per_start(
    alice: User, open_policy: ResetPolicy, globex: Tenant
) -> None:
    for _ in range(60):
        with pytest.raises(flow.UnknownOrganisation):
            flow.begin(beginning(typed="someone@nowhere.example"), NOON)
    with pytest.raises(TooOften):
        flow.begin(beginning(), NOON)


def test_a_name_without_a_domain_counts_once_at_the_only_organisation(alice: User, open_policy: ResetPolicy) -> None:
    flow.begin(beginning(typed="alice"), NOON)
    assert throttle.look(Use(throttle.STARTS_FROM_ADDRESS, HERE.network), now=NOON)[0].count == 1


def test_an_ipv6_customer_is_one_address(alice: User, open_policy: ResetPolicy) -> None:
    for number in range(60):
        flow.begin(beginning(Visitor(f"2001:db8:1:2::{number:x}"), f"n{number}@acme.example"), NOON)
    with pytest.raises(TooOften):
        flow.begin(beginning(Visitor("2001:db8:1:2:ffff::1")), NOON)
    assert flow.begin(beginning(Visitor("2001:db8:1:3::1")), NOON)[0].user_id == alice.pk


def test_100_failures_from_one_address_pause_it_for_ten_minutes_and_never_for_a_day(
    alice: User, open_policy: ResetPolicy
) -> None:
    request = flow.begin(beginning(), NOON)[0]
    for _ in range(99):
        attempts.count(request, HERE, NOON)
    assert flow.begin(beginning(typed="x@acme.example"), NOON)[0]
    attempts.count(request, HERE, NOON)
    with pytest.raises(TooOften) as raised:
        flow.begin(beginning(), NOON)
    assert raised.value.ends_at == NOON + timedelta(minutes=10)
    flow.begin(beginning(ELSEWHERE), NOON)
    later = NOON + timedelta(minutes=10)
    flow.begin(beginning(), later)
    attempts.count(request, HERE, later)
    flow.begin(beginning(), later)


def test_a_start_too_many_gets_a_kind_page(client: Browser, alice: User, open_policy: ResetPolicy) -> None:
    throttle.count(Use(throttle.STARTS_FROM_ADDRESS, "127.0.0.1", 60))
    page = wizard.start(client, journeys.ALICE)
    assert (page.status_code, "Nothing is wrong with your account" in page.content.decode()) == (429, True)
    assert "try again in 10 minutes" in page.content.decode()


@pytest.mark.parametrize(("method", "limit"), [("email", 10), ("sms", 5)])
def test_codes_for_one_account_are_limited(method: str, limit: int, alice: User, open_policy: ResetPolicy) -> None:
    request = flow.begin(beginning())[0]
    offer = next(offer for offer in flow.offers_of(request) if offer.method == method)
    with scopes_disabled():
        for _ in range(limit):
            challenges.start(request, offer, HERE, timezone.now())
        with pytest.raises(TooOften):
            challenges.start(request, offer, HERE, timezone.now())
    assert len(journeys.messages("passcode")) == limit


def test_codes_to_one_destination_are_limited_over_accounts_of_browsers(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    request = journeys.newest()
    offer = next(offer for offer in flow.offers_of(request) if offer.method == "email")
    throttle.count(Use(throttle.SENDS_TO_DESTINATION, offer.destination, throttle.SENDS_TO_DESTINATION.events))
    page = wizard.choose(client, "email")
    assert "Please try again in" in page.content.decode()
    assert journeys.messages() == []


def test_unblocking_opens_the_account_at_once_and_is_audited(alice: User, open_policy: ResetPolicy) -> None:
    journeys.use_up_failures(alice)
    journeys.change(alice, self_service_paused=True)
    with scopes_disabled():
        assert unblocking.unblock(journeys.person(alice))
        assert not unblocking.unblock(journeys.person(alice))
    assert journeys.begin(Browser()).user_id == alice.pk


def test_a_blocked_request_says_what_still_works(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for _ in range(5):
        wizard.answer(client, "wrong")
    text: Any = client.get("/reset/status/").content.decode()
    assert "Signing in with the password still works" in text
    assert "Contact your administrator" in text
    assert client.get(PASSWORD).url == "/reset/status/"
    assert client.get(VERIFY).url == "/reset/status/"
