"""Where a person stands, whether sign-in asks for more, and how long that may be put off."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Kind, Method
from accounts.models import Authenticator, Tenant, User
from policy.models import ResetPolicy
from reset import registration
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.registering import HERE, NUMBER, begin, held
from tests.reset.signing_in import events, give_app, make_administrator, reloaded

MAIL, PHONE = AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


def is_asked(user: User, days: int = 0) -> bool:
    now = timezone.now() + timedelta(days=days)
    return registration.is_to_be_asked(reloaded(user), registration.standing_of(user, now), now)


def can_skip(user: User, days: int = 0) -> bool:
    now = timezone.now() + timedelta(days=days)
    return registration.can_skip(reloaded(user), registration.standing_of(user, now), now)


def looked_through(user: User) -> None:
    registration.confirm_all(user, HERE, timezone.now())


def without_methods(user: User) -> User:
    Authenticator.objects.filter(user=user).delete()
    return user


def test_what_is_held_stands_in_the_order_it_was_registered_in(alice: User, open_policy: ResetPolicy) -> None:
    app = give_app(alice)
    standing = registration.standing_of(alice)
    assert [row.type for row in standing.held] == [MAIL, PHONE, AuthenticatorType.APP]
    assert standing.registration.held == {Kind.MAIL, Kind.PHONE, Kind.APP}
    assert standing.proves(app)


def test_nobody_elses_methods_stand_there(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    assert {row.user_id for row in registration.standing_of(alice).held} == {alice.pk}


def test_what_was_imported_is_shown_but_proves_nothing(alice: User, open_policy: ResetPolicy) -> None:
    row = make_authenticator(alice, PHONE, NUMBER, confirmed_at=None, source=Authenticator.Source.IMPORT)
    standing = registration.standing_of(alice)
    assert row in standing.held
    assert not standing.proves(row)


def test_what_was_imported_proves_where_the_organisation_says_so(
    acme: Tenant, bob: User, open_policy: ResetPolicy
) -> None:
    row = make_authenticator(bob, PHONE, NUMBER, confirmed_at=None, source=Authenticator.Source.IMPORT)
    bob.tenant = acme
    acme.imported_methods_count = True
    assert registration.standing_of(bob).proves(row)


def test_a_standing_costs_the_same_statements_whatever_is_held(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    give_app(alice)
    counts = []
    for user in (alice, bob, alice):
        with CaptureQueriesContext(connection) as captured:
            registration.standing_of(user)
        counts.append(len(captured))
    assert len(set(counts[1:])) == 1


def test_without_the_last_of_a_kind_something_is_missing(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    (phone,) = held(alice, PHONE)
    assert registration.standing_of(alice).after_removing(phone).missing == 1


def test_another_of_the_same_kind_takes_its_place(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    make_authenticator(alice, PHONE, NUMBER)
    assert registration.standing_of(alice).after_removing(held(alice, PHONE)[0]).missing == 0


def test_one_of_the_same_kind_that_proves_nothing_does_not(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    make_authenticator(alice, PHONE, NUMBER, confirmed_at=None, source=Authenticator.Source.IMPORT)
    assert registration.standing_of(alice).after_removing(held(alice, PHONE)[0]).missing == 1


def test_an_office_phone_does_not_take_a_mobile_phones_place(alice: User, open_policy: ResetPolicy) -> None:
    """The policy allows text messages and no calls."""
    journeys.policy_with(open_policy, methods_required=2)
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, NUMBER)
    assert registration.standing_of(alice).after_removing(held(alice, PHONE)[0]).missing == 1


def test_removing_what_proves_nothing_changes_nothing(alice: User, open_policy: ResetPolicy) -> None:
    row = make_authenticator(alice, PHONE, NUMBER, confirmed_at=None, source=Authenticator.Source.IMPORT)
    standing = registration.standing_of(alice)
    assert standing.after_removing(row) == standing.registration


def test_whoever_lacks_a_method_is_asked(bob: User, open_policy: ResetPolicy) -> None:
    looked_through(bob)
    assert not is_asked(bob)
    journeys.policy_with(open_policy, methods_required=2)
    assert is_asked(bob)


def test_something_begun_is_still_missing(bob: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    begin(bob, Method.SMS, NUMBER)
    assert is_asked(bob)


def test_where_nothing_can_be_registered_nobody_is_asked(bob: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email"], methods_required=2)
    assert not is_asked(bob)


def test_whom_no_policy_covers_is_not_asked(bob: User) -> None:
    assert not is_asked(without_methods(bob))


def test_where_the_policy_asks_nobody_nobody_is_asked(bob: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, registration_required=False)
    assert not is_asked(without_methods(bob))


@pytest.mark.parametrize("field", ["is_protected", "self_service_paused"])
def test_whose_account_can_not_reset_is_not_asked(field: str, bob: User, open_policy: ResetPolicy) -> None:
    setattr(without_methods(bob), field, True)
    assert not is_asked(bob)


def test_an_administrator_is_asked_without_a_policy(bob: User) -> None:
    make_administrator(bob)
    assert is_asked(bob)


def test_methods_are_looked_through_after_their_days(alice: User, open_policy: ResetPolicy) -> None:
    assert is_asked(alice), "never looked through"
    looked_through(alice)
    assert [is_asked(alice, days) for days in (0, 179, 181)] == [False, False, True]


def test_with_no_days_methods_are_never_looked_through(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, reconfirm_days=0)
    assert not is_asked(alice, 4000)


def test_looking_through_is_on_record(alice: User, open_policy: ResetPolicy) -> None:
    looked_through(alice)
    (event,) = events(Activity.METHODS_CONFIRMED)
    assert (event.actor_id, event.target_id, event.client_address) == (alice.pk, alice.pk, HERE.address)


def test_the_days_of_putting_off_count_from_the_first_time(bob: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    registration.note_asked(bob, now)
    registration.note_asked(reloaded(bob), now + timedelta(days=3))
    assert reloaded(bob).registration_asked_at == bob.registration_asked_at == now
    assert [can_skip(bob, days) for days in (0, 13, 15)] == [True, True, False]


def test_two_pages_that_ask_at_once_note_the_first(bob: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    other = reloaded(bob)
    registration.note_asked(bob, now)
    registration.note_asked(other, now + timedelta(minutes=1))
    assert reloaded(bob).registration_asked_at == now


def test_registering_is_not_put_off_where_the_policy_forbids_it(bob: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, registration_skippable=False)
    assert not can_skip(bob)


def test_putting_off_is_on_record_and_changes_nothing(bob: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    registration.skip(bob, HERE)
    assert [event.target_id for event in events(Activity.REGISTRATION_SKIPPED)] == [bob.pk]
    assert is_asked(bob)


def test_after_looking_through_the_days_count_anew(alice: User, open_policy: ResetPolicy) -> None:
    registration.note_asked(alice, timezone.now() - timedelta(days=20))
    assert not can_skip(alice)
    looked_through(alice)
    assert can_skip(alice)
