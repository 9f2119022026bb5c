"""Deleting a person in the console while the person registers or removes a method, on a real PostgreSQL: no deadlock."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import tenants
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, Tenant, User
from policy.models import ResetPolicy
from reset import registration
from reset.requests import NotOffered, TooOften
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_authenticator, make_user
from tests.postgres import test_races
from tests.postgres.test_races import at_once
from tests.reset.registering import HERE, begin, code_for, confirm

pytestmark = test_races.pytestmark
ROUNDS = 12


@pytest.fixture
def people(acme: Tenant, open_policy: ResetPolicy) -> list[User]:
    made = [make_user(acme, f"person{number}@acme.example", "old-password-1") for number in range(ROUNDS)]
    for number, person in enumerate(made):
        for which in range(3):
            make_authenticator(person, AuthenticatorType.EMAIL, f"{number}-{which}@home.example")
    return made


@pytest.fixture
def console(acme: Tenant) -> Any:
    return signed_in(make_administrator(acme, "grace@acme.example"))


def copy_of(console: Any) -> Any:
    other = type(console)(raise_request_exception=False)
    other.cookies.load({name: morsel.value for name, morsel in console.cookies.items()})
    return other


def registers_again(person: User) -> None:
    """Removes two addresses and adds an app, as long as the person is there: who is gone can't begin anything."""
    with tenants.all_opened(), suppress(NotOffered, TooOften, IntegrityError):
        held = list(Authenticator.objects.filter(user=person))
        for row in held[:2]:
            registration.remove(person, row.pk, HERE, timezone.now())
        challenge = begin(person, Method.APP_CODE)
        confirm(challenge, code_for(challenge))


def test_people_are_deleted_while_they_register(people: list[User], console: Any) -> None:
    def work(number: int) -> int:
        person = people[number // 2]
        if number % 2:
            with suppress(User.DoesNotExist):
                registers_again(person)
            return 0
        page = copy_of(console).post(f"/admin/accounts/user/{person.pk}/delete/", {"post": "yes"})
        return int(page.status_code)

    answers = at_once(2 * ROUNDS, work)
    assert set(answers) == {0, 302}
    with tenants.all_opened():
        assert not User.objects.filter(pk__in=[person.pk for person in people]).exists()


def test_several_at_once_are_deleted_in_one_order(people: list[User], console: Any) -> None:
    chosen = {"action": "delete_selected", "post": "yes", "_selected_action": [str(person.pk) for person in people]}
    codes = at_once(4, lambda _: copy_of(console).post("/admin/accounts/user/", chosen).status_code)
    assert set(codes) == {302}
    with tenants.all_opened():
        assert not User.objects.filter(pk__in=[person.pk for person in people]).exists()


def test_the_person_is_locked_before_what_is_theirs(people: list[User], console: Any) -> None:
    """Whoever registers holds the person's row; a deletion that waits for it must hold nothing of theirs yet."""
    person = people[0]
    done: list[int] = []

    def work(number: int) -> None:
        if number:
            done.append(copy_of(console).post(f"/admin/accounts/user/{person.pk}/delete/", {"post": "yes"}).status_code)
            return
        with tenants.all_opened(), transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=person.pk)
            wait_until_somebody_waits()
            free = Authenticator.objects.filter(user=person).select_for_update(nowait=True)
            assert len(free) == 3

    at_once(2, work)
    assert done == [302]


def wait_until_somebody_waits() -> None:
    """For a lock, in this database."""
    for _ in range(1000):
        with connection.cursor() as cursor:
            # Inside a transaction the activity is seen as it was at first, unless that is forgotten.
            cursor.execute("SELECT pg_sleep(0.02), pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
