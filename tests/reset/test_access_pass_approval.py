"""Temporary access passes: approved by a second person, as their person sees them, cleared away, and seen by strangers."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import facts
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Kind, Method
from accounts.models import Authenticator, Tenant, User
from accounts.roles import Role
from accounts.visitor import NOBODY
from policy.models import ResetPolicy
from reset import decoys, housekeeping, proving, registration
from reset.access_passes import LONGEST
from tests import wizard
from tests.administrators import make_administrator as make_console_administrator
from tests.administrators import signed_in
from tests.conftest import make_user
from tests.reset import journeys, passes
from tests.reset.journeys import PASSWORD, STATUS, VERIFY, Browser
from tests.reset.passes import HOUR, NOTICE, approve, approved_in_time, give, held, offered, refusal, staff, use
from tests.reset.signing_in import events, post_sign_in
from tests.reset.test_decoys import policy

INFO = "/security-info/"
open_policy, helper, second = passes.open_policy, passes.helper, passes.second


# --- a second person ----------------------------------------------------------------------------------------------


def test_an_approved_pass_stands_alone_after_an_hour(
    alice: User, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    client = Browser()
    assert use(client, approved_in_time(alice, helper, second)).url == PASSWORD
    assert journeys.set_password(client).url == STATUS
    assert not journeys.has_old_password(alice)


def test_then_nothing_else_need_be_held(acme: Tenant, helper: User, second: User, open_policy: ResetPolicy) -> None:
    empty = make_user(acme, "empty@acme.example", mail="empty@private.example")
    number, client = approved_in_time(empty, helper, second), Browser()
    journeys.begin_answering(client, "empty@acme.example", "access_pass")
    assert wizard.answer(client, number).url == PASSWORD


def test_before_the_hour_is_over_it_does_not(alice: User, helper: User, second: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    number = give(alice, helper, now, LONGEST)
    assert approve(alice, second, now) == now + HOUR
    with scopes_disabled():
        before, after = (
            next(one for one in facts.load([alice], False, at)[alice.pk].authenticators if one.type == "access_pass")
            for at in (now + HOUR - timedelta(seconds=1), now + HOUR)
        )
    assert (before.stands_alone, after.stands_alone) == (False, True)
    assert use(Browser(), number).url == VERIFY


def test_every_address_on_file_hears_when_it_is_approved(
    alice: User, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    now = timezone.now()
    give(alice, helper, now, LONGEST)
    alone_at = approve(alice, second, now)
    told = [wizard.contents(message) for message in journeys.messages(NOTICE)][2:]
    assert sorted(notice["recipient"] for notice in told) == ["alice@acme.example", "alice@home.example"]
    assert {notice["context"]["alone_at"] for notice in told} == {alone_at.isoformat()}
    (event,) = events(Activity.ACCESS_PASS_APPROVED)
    assert (event.actor_id, event.target_id, event.result) == (second.pk, alice.pk, "success")


def test_p1_nobody_approves_a_pass_of_their_own_nor_without_the_right_nor_twice(
    alice: User, bob: User, acme: Tenant, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    assert refusal(lambda: approve(alice, second)) == "no_pass"
    give(alice, helper, lifetime=LONGEST)
    assert refusal(lambda: approve(alice, helper)) == "own_pass"
    assert refusal(lambda: approve(alice, bob)) == "no_right"
    assert refusal(lambda: approve(alice, staff(acme, "reader", Role.REPORTS_READER))) == "no_right"
    assert held(alice).approved_at is None
    approve(alice, second)
    assert refusal(lambda: approve(alice, staff(acme, "third"))) == "approved_before"
    assert [event.reason for event in events(Activity.ACCESS_PASS_APPROVED)] == [
        "no_pass", "own_pass", "no_right", "no_right", "", "approved_before",
    ]  # fmt: skip


def test_o7_what_died_is_not_approved(alice: User, helper: User, second: User, open_policy: ResetPolicy) -> None:
    give(alice, helper, lifetime=LONGEST)
    journeys.finish(Browser())
    assert refusal(lambda: approve(journeys.person(alice), second)) == "no_pass"


def test_an_approval_that_would_come_too_late_is_none(
    alice: User, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    give(alice, helper)
    assert refusal(lambda: approve(alice, second)) == "runs_out_before"


def test_without_an_address_nobody_could_object_so_it_is_not_approved(
    acme: Tenant, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    silent = make_user(acme, "silent@nowhere.invalid")
    give(silent, helper, lifetime=LONGEST)
    assert refusal(lambda: approve(silent, second)) == "nobody_to_tell"
    assert held(silent).approved_at is None


def test_a_new_pass_is_not_approved_because_the_old_one_was(
    alice: User, helper: User, second: User, open_policy: ResetPolicy
) -> None:
    approved_in_time(alice, helper, second)
    assert use(Browser(), give(alice, helper)).url == VERIFY


# --- what its person sees -----------------------------------------------------------------------------------------


def test_its_person_sees_it_while_it_lives_and_removes_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    browser = Browser()
    post_sign_in(browser, "alice@acme.example", "old-password-1")
    shown = browser.get(INFO).content.decode()
    assert "Temporary access pass" in shown
    assert "works until" in shown
    assert f"{INFO}add/access_pass/" not in shown
    row = held(alice).authenticator_id
    page = browser.get(f"{INFO}{row}/").content.decode()
    assert "If you didn&#x27;t ask for it" in page or "If you didn't ask for it" in page
    assert "This wasn't me" in page or "This wasn&#x27;t me" in page
    journeys.change(held(alice), expires_at=timezone.now())
    assert "Temporary access pass" not in browser.get(INFO).content.decode()


def test_the_console_shows_and_deletes_it(alice: User, acme: Tenant, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    console = signed_in(make_console_administrator(acme, "grace@acme.example"))
    row = held(alice).authenticator_id
    assert "Temporary access pass" in console.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert console.get(f"/admin/accounts/authenticator/{row}/change/").status_code == 200
    assert console.post(f"/admin/accounts/authenticator/{row}/delete/", {"post": "yes"}).status_code == 302
    assert offered() == {"email", "sms"}


def test_what_is_removed_opens_nothing(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number, client = give(alice, helper), Browser()
    journeys.begin_answering(client, method="access_pass")
    with scopes_disabled():
        assert registration.remove(alice, held(alice).authenticator_id, NOBODY, timezone.now())
    assert wizard.answer(client, number).status_code == 200
    assert journeys.newest().passed == []
    assert offered() == {"email", "sms"}


def test_it_is_nothing_to_register_nor_a_proof_before_a_change(
    alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    give(alice, helper)
    with scopes_disabled():
        standing = registration.standing_of(alice)
        ways = proving.ways(alice, False, timezone.now())
    assert Method.ACCESS_PASS not in standing.registration.allowed
    assert Kind.PASS not in standing.registration.held
    assert {row.type for _, row in ways} == {AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE}


# --- housekeeping -------------------------------------------------------------------------------------------------


def test_housekeeping_deletes_what_ran_out_and_tells_of_what_nobody_used(
    alice: User, bob: User, helper: User, open_policy: ResetPolicy
) -> None:
    now = timezone.now()
    give(alice, helper, now - 2 * HOUR)
    give(bob, helper, now - HOUR)
    journeys.change(held(bob), used_at=now - HOUR)
    assert housekeeping.prune(now)["passes"] == 1
    assert [event.target_id for event in events(Activity.ACCESS_PASS_EXPIRED)] == [alice.pk]
    assert housekeeping.prune(now + HOUR)["passes"] == 1
    assert len(events(Activity.ACCESS_PASS_EXPIRED)) == 1
    with scopes_disabled():
        assert not Authenticator.objects.filter(type=AuthenticatorType.ACCESS_PASS).exists()


# --- strangers ----------------------------------------------------------------------------------------------------


def test_e2_strangers_run_the_same_statements_with_a_pass(
    alice: User, helper: User, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(alice, helper)
    monkeypatch.setattr(decoys, "PASSES_ONE_IN", 1)
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    walks = []
    for name in ("alice@acme.example", "nobody@acme.example"):
        client = Browser()
        journeys.begin(client, name)
        with journeys.statements() as seen:
            wizard.choose(client, "access_pass")
            for typed in ("", "0" * 20, "0" * 20):
                assert wizard.answer(client, typed).status_code == 200
        walks.append((seen, journeys.normalised(client.get(VERIFY).content.decode(), name)))
    assert walks[0][0] == walks[1][0]
    assert walks[0][1] == walks[1][1]


def test_e1_strangers_seem_to_have_a_pass_for_an_hour_now_and_then(open_policy: ResetPolicy) -> None:
    governing = policy(methods=(Method.EMAIL, Method.SMS, Method.ACCESS_PASS))
    noon = datetime.fromisoformat("2026-03-01T12:00:00+00:00")

    def seems_to(name: str, now: datetime) -> bool:
        offers = decoys.snapshot(1, name, [governing], now)[0].offers
        return any(offer.method == Method.ACCESS_PASS for offer in offers)

    names = [f"name{number}@acme.example" for number in range(400)]
    now_and_later = [{name for name in names if seems_to(name, noon + hours * HOUR)} for hours in (0, 24)]
    assert all(0 < len(some) < 40 for some in now_and_later)
    assert now_and_later[0] != now_and_later[1]


def test_e1_a_stranger_who_needs_two_seems_to_have_a_pass_where_there_is_nothing_else(
    open_policy: ResetPolicy,
) -> None:
    governing = policy(methods=(Method.EMAIL, Method.ACCESS_PASS), methods_required=2)
    for number in range(50):
        made, gates = decoys.snapshot(1, f"name{number}@acme.example", [governing])
        assert len({offer.kind for offer in made.offers}) >= gates
