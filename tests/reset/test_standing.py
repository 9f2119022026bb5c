"""Does what a request started with still hold: the condition inside every guarded update."""

from collections.abc import Callable

import pytest
from django_scopes import scopes_disabled

from accounts.models import Authenticator, Group, GroupMembership, GroupNesting, Tenant, User
from policy.models import ResetPolicy
from reset.models import ResetRequest
from reset.standing import still_stands
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.signing_in import make_administrator
from tests.reset.test_flaws_midflow import CHANGES


def stands(request: ResetRequest) -> bool:
    with scopes_disabled():
        return ResetRequest.objects.filter(still_stands(request), pk=request.pk).exists()


def test_it_stands_while_nothing_changes(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    assert stands(journeys.begin_answering(client))
    assert stands(journeys.prove(Browser()))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_falls_with_every_change(change: Callable[[User], None], alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.prove(Browser())
    change(alice)
    assert not stands(request)


def test_it_stands_for_a_decoy_whatever_happens(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.begin(Browser(), "nobody@acme.example")
    for change in CHANGES:
        change(alice)
    assert stands(request)


def test_another_persons_change_is_no_matter(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    request = journeys.prove(Browser())
    for change in CHANGES[:7]:
        change(bob)
    assert stands(request)


def test_a_policy_for_a_nested_group_governs_until_the_group_is_left(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    with scopes_disabled():
        inner, outer = (Group.objects.create(tenant=acme, name=name) for name in ("inner", "outer"))
        GroupNesting.objects.create(tenant=acme, parent=outer, child=inner)
        GroupNesting.objects.create(tenant=acme, parent=inner, child=outer)
        membership = GroupMembership.objects.create(tenant=acme, group=inner, user=alice)
        open_policy.policy_groups.create(group=outer)
    journeys.policy_with(open_policy, audience="groups")
    request = journeys.begin_answering(Browser())
    assert request.user_id == alice.pk
    assert stands(request)
    with scopes_disabled():
        membership.delete()
    assert not stands(request)


def test_a_policy_that_comes_later_or_asks_less_changes_nothing(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    request = journeys.begin_answering(Browser())
    with scopes_disabled():
        ResetPolicy.objects.create(tenant=acme, name="Later", audience="everybody", priority=99, methods_required=2)
    journeys.policy_with(open_policy, methods_required=1)
    assert stands(request)


def test_another_organisations_policy_is_no_matter(alice: User, globex: Tenant, open_policy: ResetPolicy) -> None:
    request = journeys.begin_answering(Browser())
    with scopes_disabled():
        ResetPolicy.objects.create(tenant=globex, name="Strict", audience="everybody", priority=1, methods_required=2)
    assert stands(request)


def test_an_administrator_stands_without_a_policy_and_with_another_role(alice: User, open_policy: ResetPolicy) -> None:
    make_administrator(alice)
    request = journeys.begin_answering(Browser())
    with scopes_disabled():
        ResetPolicy.objects.update(audience="nobody")
    make_administrator(alice, "reports_reader")
    assert stands(request)


def test_what_no_gate_was_passed_with_may_go(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.prove(Browser())
    with scopes_disabled():
        Authenticator.objects.filter(user=alice, type="mobile_phone").delete()
    assert stands(request)
    with scopes_disabled():
        Authenticator.objects.filter(user=alice, type="email").delete()
    assert not stands(request)
