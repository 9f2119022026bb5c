"""Races around temporary access passes, on a real PostgreSQL: one use, one approval, one live pass."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenants
from accounts.models import AccessPass, Authenticator, Tenant, User
from accounts.visitor import NOBODY, Visitor
from policy.models import ResetPolicy
from reset import access_passes, flow
from reset.access_passes import LONGEST, Refused
from reset.flow import Answered
from reset.models import ResetRequest
from reset.requests import TooOften
from tests import wizard
from tests.conftest import make_user
from tests.postgres import test_races
from tests.postgres.test_races import at_once, copy_of
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.signing_in import make_administrator

pytestmark = test_races.pytestmark
DESK = Visitor("198.51.100.7", "desk")


@pytest.fixture
def staff(acme: Tenant, open_policy: ResetPolicy) -> list[User]:
    journeys.policy_with(open_policy, methods=["email", "sms", "access_pass"])
    people = [make_user(acme, f"staff{number}@acme.example") for number in range(8)]
    for person in people:
        make_administrator(person)
    return people


def give(user: User, issuer: User) -> str:
    with tenants.all_opened():
        return access_passes.issue(user, issuer, DESK, timezone.now(), LONGEST)


def test_o4_50_parallel_uses_of_one_pass_pass_one_gate(alice: User, staff: list[User]) -> None:
    client = Browser()
    number = give(alice, staff[0])
    request = journeys.begin_answering(client, method="access_pass")
    secret = client.cookies["rekey"].value.split(".")[1]

    def right(_: int) -> bool:
        resumed = flow.resume(str(request.pk), secret)
        try:
            with tenants.all_opened():
                return resumed is not None and flow.answer(resumed, [number], NOBODY)[0] == Answered.RIGHT
        except TooOften:
            return False

    assert sum(at_once(50, right)) == 1
    assert len(journeys.reload(request).passed) == 1


def test_o4_one_pass_passes_one_of_many_requests(alice: User, staff: list[User]) -> None:
    number = give(alice, staff[0])
    clients = [Browser() for _ in range(5)]
    for client in clients:
        journeys.begin_answering(client, method="access_pass")
    at_once(5, lambda which: wizard.answer(copy_of(clients[which]), number).status_code)
    with tenants.all_opened():
        assert sum(len(request.passed) for request in ResetRequest.objects.all()) == 1


def test_o4_50_parallel_consumers_take_a_pass_once(alice: User, staff: list[User]) -> None:
    give(alice, staff[0])
    with tenants.all_opened():
        row = AccessPass.objects.get()

    def take(_: int) -> bool:
        with tenants.all_opened():
            return access_passes.use_up(row.pk)

    assert sum(at_once(50, take)) == 1


def test_passes_made_at_once_leave_one_that_works(alice: User, staff: list[User]) -> None:
    numbers = at_once(8, lambda which: give(alice, staff[which]))
    with tenants.all_opened():
        row = Authenticator.objects.get(user=alice, type="access_pass")
        works = [number for number in numbers if access_passes.find(row, number, timezone.now())]
    assert len(works) == 1


def test_one_of_many_approvals_counts(alice: User, staff: list[User]) -> None:
    give(alice, staff[0])

    def approve(which: int) -> bool:
        try:
            with tenants.all_opened():
                access_passes.approve(alice, staff[which], DESK, timezone.now())
        except Refused:
            return False
        return True

    assert sum(at_once(8, approve)) == 1
    with tenants.all_opened():
        row = AccessPass.objects.get()
    assert row.approver_id in {person.pk for person in staff[1:]}
    assert row.stands_alone_at - row.approved_at == timedelta(hours=1)
