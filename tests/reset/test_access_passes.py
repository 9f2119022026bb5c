"""Temporary access passes: who may make them, what they open, and who may not use them."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import eq
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import facts
from accounts.audit import Activity
from accounts.methods import Method
from accounts.models import AccessPass, Authenticator, Group, Tenant, User
from accounts.roles import Role
from accounts.visitor import NOBODY, Visitor
from policy.models import ResetPolicy
from reset import access_passes, own_account, registration
from reset.access_passes import LONGEST, SHORTEST
from reset.methods import METHODS
from reset.methods.base import Verdict
from reset.models import Challenge, State
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys, passes
from tests.reset.journeys import PASSWORD, STATUS, VERIFY, Browser
from tests.reset.passes import DESK, HOUR, NOTICE, give, held, offered, refusal, staff, use
from tests.reset.signing_in import events, make_administrator, post_sign_in

open_policy, helper = passes.open_policy, passes.helper


# --- making one ---------------------------------------------------------------------------------------------------


def test_a_pass_is_twenty_digits_to_read_aloud_and_kept_as_a_keyed_digest(
    alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    number = give(alice, helper)
    assert [len(group) for group in number.split("-")] == [4] * 5
    assert number.replace("-", "").isdecimal()
    assert 10**access_passes.DIGITS >= 2**64
    kept = held(alice)
    assert number.replace("-", "") not in str(vars(kept))
    assert kept.digest.startswith("test1:")
    assert (kept.issuer_id, kept.issuer_network, kept.used_at) == (helper.pk, DESK.network, None)
    with scopes_disabled():
        assert bytes(Authenticator.objects.get(user=alice, type="access_pass").sealed) == b""


def test_o8_no_pass_stands_in_an_event_or_a_message(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    digits = give(alice, helper).replace("-", "")
    (event,) = events(Activity.ACCESS_PASS_ISSUED)
    assert (event.actor_id, event.target_id, event.details) == (helper.pk, alice.pk, {"minutes": 60})
    told = [wizard.contents(message) for message in journeys.messages(NOTICE)]
    assert sorted(notice["recipient"] for notice in told) == ["alice@acme.example", "alice@home.example"]
    assert digits[:8] not in str(told)


@pytest.mark.parametrize(
    ("lifetime", "works"),
    [
        (SHORTEST, True),
        (LONGEST, True),
        (SHORTEST - timedelta(seconds=1), False),
        (LONGEST + timedelta(seconds=1), False),
    ],
)
def test_it_works_from_ten_minutes_to_a_day(
    lifetime: timedelta, works: bool, alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    now = timezone.now()
    if works:
        give(alice, helper, now, lifetime)
        assert held(alice).expires_at == now + lifetime
    else:
        assert refusal(lambda: give(alice, helper, now, lifetime)) == "lifetime"


def test_a_new_pass_takes_the_place_of_the_old_one(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    old, new = give(alice, helper), give(alice, helper)
    with scopes_disabled():
        assert AccessPass.objects.count() == 1
    assert use(Browser(), old).status_code == 200
    assert use(Browser(), new).url == VERIFY


@pytest.mark.parametrize("role", [None, Role.REPORTS_READER])
def test_p1_only_staff_with_the_right_make_passes(
    role: str | None, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    actor = make_user(acme, "somebody@acme.example")
    if role:
        make_administrator(actor, role)
    assert refusal(lambda: give(alice, actor)) == "no_right"
    assert [event.reason for event in events(Activity.ACCESS_PASS_ISSUED)] == ["no_right"]


def test_p9_staff_of_another_organisation_make_none(alice: User, globex: Tenant, open_policy: ResetPolicy) -> None:
    assert refusal(lambda: give(alice, staff(globex, "theirs", Role.GLOBAL_ADMINISTRATOR))) == "no_right"


@pytest.mark.parametrize("role", list(Role))
def test_p2_no_holder_of_a_role_gets_one(
    role: str, alice: User, acme: Tenant, helper: User, open_policy: ResetPolicy
) -> None:
    make_administrator(alice, role)
    assert refusal(lambda: give(alice, helper)) == "holds_role"
    assert refusal(lambda: give(helper, helper)) == "no_right"


def test_p2_nor_does_somebody_whose_group_carries_a_role(
    alice: User, acme: Tenant, helper: User, open_policy: ResetPolicy
) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Administrators")
        group.memberships.create(tenant=acme, user=alice)
        group.role_assignments.create(tenant=acme, role=Role.REPORTS_READER)
    assert refusal(lambda: give(alice, helper)) == "holds_role"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"is_enabled": False}, "disabled"),
        ({"is_protected": True}, "protected"),
        ({"self_service_paused": True}, "paused"),
    ],
)
def test_none_is_made_for_an_account_that_can_not_reset(
    fields: dict[str, bool], reason: str, alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    journeys.change(alice, **fields)
    assert refusal(lambda: give(journeys.person(alice), helper)) == reason


def test_none_is_made_where_the_policy_does_not_allow_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    assert refusal(lambda: give(alice, helper)) == "not_allowed"


# --- using one ----------------------------------------------------------------------------------------------------


def test_only_a_person_with_a_live_pass_is_offered_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    assert offered() == {"email", "sms"}
    give(alice, helper)
    assert offered() == {"email", "sms", "access_pass"}
    journeys.policy_with(open_policy, methods=["email"])
    assert offered() == {"email"}


def test_a_pass_alone_never_completes_a_reset(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    assert use(client, give(alice, helper)).url == VERIFY
    request = journeys.newest()
    assert (request.state, request.gates_required, len(request.passed)) == (State.VERIFYING, 2, 1)
    page = client.get(VERIFY)
    assert "This is the second, by another way." in page.content.decode()
    assert {offer.method for offer in page.context["offers"]} == {"email", "sms"}
    assert client.get(PASSWORD).url == VERIFY
    wizard.choose(client, "email")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD
    assert journeys.set_password(client).url == STATUS
    assert not journeys.has_old_password(alice)


def test_after_another_proof_it_counts_as_the_second(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    number, client = give(alice, helper), Browser()
    journeys.begin_answering(client)
    assert wizard.answer(client, wizard.last_code()).url == VERIFY
    wizard.choose(client, "access_pass")
    assert wizard.answer(client, number).url == PASSWORD


def test_whoever_holds_nothing_else_can_not_reset_with_it(acme: Tenant, helper: User, open_policy: ResetPolicy) -> None:
    empty = make_user(acme, "empty@acme.example", mail="empty@private.example")
    give(empty, helper)
    journeys.begin(Browser(), "empty@acme.example")
    assert journeys.newest().is_decoy


def test_another_proof_alone_is_as_good_as_before(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    journeys.prove(Browser())
    assert journeys.newest().state == State.VERIFIED


@pytest.mark.parametrize(
    "change", [str, lambda number: number.replace("-", ""), lambda number: f" {number.replace('-', '  ')} "]
)
def test_it_may_be_typed_as_people_do(change: Any, alice: User, helper: User, open_policy: ResetPolicy) -> None:
    assert use(Browser(), change(give(alice, helper))).url == VERIFY


@pytest.mark.parametrize("typed", ["", "1", "0" * 20, "0000-0000-0000-0000-000", "１" * 20, "٠" * 20, "a" * 20])
def test_o9_anything_else_is_wrong_and_counted(typed: str, alice: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    page = use(Browser(), typed)
    assert (page.status_code, "4 tries left" in page.content.decode()) == (200, True)


def test_o2_a_new_pass_gives_no_new_tries(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    for left in (4, 3, 2):
        page = use(Browser(), "wrong")
        assert f"{left} tries left" in page.content.decode()
        give(alice, helper)
    for _ in range(2):
        use(Browser(), "wrong")
    journeys.begin(Browser())
    assert journeys.newest().is_decoy


def test_o4_it_opens_one_reset_only(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number = give(alice, helper)
    ahead, behind = Browser(), Browser()
    for client in (ahead, behind):
        journeys.begin_answering(client, method="access_pass")
    assert wizard.answer(ahead, number).url == VERIFY
    assert wizard.answer(behind, number).status_code == 200
    assert offered() == {"email", "sms"}


def test_it_is_over_at_its_time_and_not_before(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    number = give(alice, helper, now)
    with scopes_disabled():
        row = Authenticator.objects.get(user=alice, type="access_pass")
        assert access_passes.find(row, number, now + HOUR - timedelta(seconds=1)) is not None
        assert access_passes.find(row, number, now + HOUR) is None
        known = facts.load([alice], False, now + HOUR)[alice.pk]
    assert [one.counts for one in known.authenticators if one.type == "access_pass"] == [False]


def test_o4_one_that_ran_out_while_it_was_typed_is_not_used(
    alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    number = give(alice, helper)
    client = Browser()
    journeys.begin_answering(client, method="access_pass")
    kept = held(alice)
    with scopes_disabled():
        row = Authenticator.objects.get(user=alice, type="access_pass")
        verdict = METHODS[Method.ACCESS_PASS].check(Challenge(), row, [number], timezone.now())
        journeys.change(kept, expires_at=timezone.now() - timedelta(seconds=1))
        assert (verdict.is_right, METHODS[Method.ACCESS_PASS].consume(row, verdict)) == (True, False)
        assert not METHODS[Method.ACCESS_PASS].consume(row, Verdict(True))
    assert wizard.answer(client, number).status_code == 200


def test_o7_it_dies_when_the_password_is_set_or_all_sessions_end(
    alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    give(alice, helper)
    journeys.finish(Browser())
    assert offered() == {"email", "sms"}
    number = give(journeys.person(alice), helper)
    client = Browser()
    journeys.begin_answering(client, method="access_pass")
    with scopes_disabled():
        own_account.sign_out_everywhere(journeys.person(alice), NOBODY, timezone.now())
    assert wizard.answer(client, number).url == STATUS
    assert (journeys.newest().passed, held(alice).used_at) == ([], None)
    assert offered() == {"email", "sms"}


def test_s4_another_persons_pass_opens_nothing(alice: User, bob: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    assert use(Browser(), give(bob, helper)).status_code == 200


def test_s10_a_role_granted_after_it_was_made_closes_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number, client = give(alice, helper), Browser()
    journeys.begin_answering(client, method="access_pass")
    make_administrator(alice, Role.REPORTS_READER)
    assert wizard.answer(client, number).url == STATUS
    assert journeys.newest().state == State.FAILED
    assert "access_pass" not in offered()


def test_s10_a_pass_that_was_replaced_or_removed_takes_its_gate_along(
    alice: User, helper: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    use(client, give(alice, helper))
    give(alice, helper)
    wizard.choose(client, "email")
    assert journeys.newest().state == State.FAILED


# --- not for those who gave it ------------------------------------------------------------------------------------


def test_e1_nobody_chooses_a_pass_to_be_used_first(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    """No stranger seems to have: an order in which a pass comes first would be somebody's."""
    give(alice, helper)
    with scopes_disabled():
        assert not registration.use_first(alice, held(alice).authenticator_id, NOBODY)


def test_p1_the_network_it_was_made_from_may_not_use_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number, client = give(alice, helper), Browser()
    assert use(client, number, REMOTE_ADDR=DESK.address).status_code == 200
    failed = events(Activity.VERIFICATION_FAILED)[-1]
    assert (failed.reason, failed.details) == ("issuers_own", {"method": "access_pass"})
    assert wizard.answer(client, number).url == VERIFY, "it was not used up"


def test_p1_nor_a_reset_that_was_begun_there(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number, client = give(alice, helper), Browser(REMOTE_ADDR=DESK.address)
    journeys.begin_answering(client, method="access_pass")
    page = client.post(VERIFY, {"action": "answer", "code": number}, REMOTE_ADDR="203.0.113.9")
    assert page.status_code == 200


def test_p1_one_ipv6_customer_is_one_network(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    with scopes_disabled():
        access_passes.issue(alice, helper, Visitor("2001:db8:1:2::3"), timezone.now())
    kept = held(alice)
    assert not access_passes.may_use(kept, [Visitor("2001:db8:1:2:ffff::9")])
    assert access_passes.may_use(kept, [Visitor("2001:db8:1:3::3")])


def test_p1_the_issuers_browser_may_not_use_it(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    number, browser = give(alice, helper), Browser()
    post_sign_in(browser, "helper@acme.example", "old-password-1")
    assert use(browser, number).status_code == 200
    assert events(Activity.VERIFICATION_FAILED)[-1].reason == "issuers_own"
    assert use(Browser(), number).url == VERIFY


def test_p1_nor_a_browser_the_issuer_has_used_before(alice: User, helper: User, open_policy: ResetPolicy) -> None:
    give(alice, helper)
    kept = replace_approver(held(alice), 77)
    for person in (helper.pk, 77):
        theirs = replace(NOBODY, is_browser_of=partial(eq, person))
        assert not access_passes.may_use(kept, [NOBODY, theirs])
    assert access_passes.may_use(kept, [NOBODY, replace(NOBODY, is_browser_of=partial(eq, alice.pk))])


def replace_approver(access_pass: AccessPass, approver_id: int) -> AccessPass:
    access_pass.approver_id = approver_id
    return access_pass
