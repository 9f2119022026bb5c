"""Staff type what a person proves themselves with: it is checked, sealed, masked, and proves nothing at once."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, Tenant, User
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_authenticator, make_user

ADD = "/admin/accounts/authenticator/add/"
NUMBER = "+49 1512 3987654"
STORED = "+4915123987654"


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


@pytest.fixture
def mallory(acme: Tenant) -> User:
    return make_user(acme, "mallory@acme.example")


def add(console: Client, person: User, kind: str, value: str = "") -> Any:
    return console.post(ADD, {"user": person.pk, "type": kind, "value": value})


def change_address(row: Authenticator) -> str:
    return reverse("admin:accounts_authenticator_change", args=[row.pk])


def held_by(person: User) -> list[Authenticator]:
    return list(Authenticator._base_manager.filter(user=person).order_by("id"))


def test_a_number_is_stored_sealed_as_typed_by_staff_and_unconfirmed(console: Client, mallory: User) -> None:
    assert add(console, mallory, "mobile_phone", NUMBER).status_code == 302
    (row,) = held_by(mallory)
    assert row.secret_value == STORED
    assert (row.source, row.confirmed_at, row.tenant) == (Authenticator.Source.STAFF, None, mallory.tenant)
    assert not row.replaces_another
    assert STORED.encode() not in bytes(row.sealed)


@pytest.mark.parametrize("held", [AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE])
def test_what_staff_add_beside_anything_held_waits_whatever_its_type(
    console: Client, mallory: User, held: AuthenticatorType
) -> None:
    make_authenticator(mallory, held, "x@home.example" if held == AuthenticatorType.EMAIL else "+4915112345647")
    assert add(console, mallory, "mobile_phone", NUMBER).status_code == 302
    assert held_by(mallory)[-1].replaces_another


def test_an_app_after_a_deleted_number_waits_too(console: Client, mallory: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.MOBILE_PHONE, STORED)
    console.post(f"/admin/accounts/authenticator/{row.pk}/delete/", {"post": "yes"})
    add(console, mallory, "app")
    (app,) = held_by(mallory)
    assert app.replaces_another


def test_only_the_mask_is_shown_afterwards_and_recorded_nowhere_in_full(console: Client, mallory: User) -> None:
    add(console, mallory, "mobile_phone", NUMBER)
    (row,) = held_by(mallory)
    pages = (change_address(row), "/admin/accounts/authenticator/", f"/admin/accounts/user/{mallory.pk}/change/")
    for page in pages:
        body = console.get(page).content.decode()
        assert "•••••• 54" in body
        assert "3987654" not in body
    for event in AuditEvent._base_manager.all():
        assert "3987654" not in json.dumps(event.details) + event.target_name


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        ("mobile_phone", "0151 23456789", "country code"),
        ("mobile_phone", "+49 1", "number"),
        ("email", "not-an-address", "e-mail address"),
        ("email", "mallory@acme.example", "own domains"),
        ("email", "", "Type the address"),
        ("app", "JBSWY3DPEHPK3PXP", "Leave this empty"),
        ("questions", "blue", "Select a valid choice"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(
    console: Client, mallory: User, kind: str, value: str, word: str
) -> None:
    response = add(console, mallory, kind, value)
    errors = response.context["adminform"].form.errors
    assert word in str(errors.get("value", "")) + str(errors.get("type", ""))
    assert held_by(mallory) == []


def test_the_same_value_twice_is_refused(console: Client, mallory: User) -> None:
    add(console, mallory, "email", "mallory@Home.example")
    assert "already" in str(add(console, mallory, "email", "mallory@home.example").context["errors"])


def test_a_second_office_phone_is_refused(console: Client, mallory: User) -> None:
    add(console, mallory, "office_phone", "+1 4255550123x123")
    assert held_by(mallory)[0].secret_value == "+14255550123x123"
    assert "already" in str(add(console, mallory, "office_phone", "+1 4255550124").context["errors"])


def test_a_replaced_value_loses_its_confirmation_and_waits(console: Client, mallory: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.MOBILE_PHONE, "+4915112345647")
    assert console.post(change_address(row), {"value": NUMBER}).status_code == 302
    (changed,) = held_by(mallory)
    now = timezone.now()
    assert changed.secret_value == STORED
    assert (changed.source, changed.confirmed_at) == (Authenticator.Source.STAFF, None)
    assert not changed.proves(imported_counts=True, now=now)
    assert changed.proves(imported_counts=True, now=now + timedelta(hours=73))


def test_an_empty_value_leaves_what_is_there(console: Client, mallory: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.MOBILE_PHONE, "+4915112345647")
    assert console.post(change_address(row), {"value": ""}).status_code == 302
    (kept,) = held_by(mallory)
    assert kept.secret_value == "+4915112345647"
    assert kept.confirmed_at is not None


def test_a_value_added_beside_another_waits_too(console: Client, mallory: User) -> None:
    make_authenticator(mallory, AuthenticatorType.MOBILE_PHONE, "+4915112345647")
    add(console, mallory, "mobile_phone", NUMBER)
    assert not held_by(mallory)[1].proves(imported_counts=True, now=timezone.now())


def test_deleting_and_adding_is_no_way_around_the_wait(console: Client, mallory: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.MOBILE_PHONE, "+4915112345647")
    delete = reverse("admin:accounts_authenticator_delete", args=[row.pk])
    assert console.post(delete, {"post": "yes"}).status_code == 302
    add(console, mallory, "mobile_phone", NUMBER)
    assert not held_by(mallory)[0].proves(imported_counts=True, now=timezone.now())


def test_an_apps_key_is_made_here_and_shown_in_one_answer_only(console: Client, mallory: User) -> None:
    response = add(console, mallory, "app")
    (row,) = held_by(mallory)
    body = response.content.decode()
    assert response.status_code == 200
    assert re.fullmatch(r"[A-Z2-7]{32}", row.secret_value)
    assert row.secret_value in body
    assert "data:image/svg+xml" in body
    assert "no-store" in response["Cache-Control"]
    assert row.secret_value not in str(response.cookies)
    assert row.secret_value not in console.get(change_address(row)).content.decode()
    assert row.secret_value not in json.dumps([event.details for event in AuditEvent._base_manager.all()])


def test_an_apps_key_is_never_typed_over(console: Client, mallory: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.APP, "JBSWY3DPEHPK3PXP")
    console.post(change_address(row), {"value": "AAAAAAAAAAAAAAAA"})
    assert held_by(mallory)[0].secret_value == "JBSWY3DPEHPK3PXP"


def test_person_and_type_of_an_authenticator_stay(console: Client, mallory: User, alice: User) -> None:
    row = make_authenticator(mallory, AuthenticatorType.EMAIL, "mallory@home.example")
    console.post(change_address(row), {"value": "", "user": alice.pk, "type": "mobile_phone"})
    (kept,) = held_by(mallory)
    assert kept.type == AuthenticatorType.EMAIL
