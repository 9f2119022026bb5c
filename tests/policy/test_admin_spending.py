"""The console's page of budgets for texts and calls: what it takes, what it refuses, and what it shows of today."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Tenant
from policy import spending, throttle
from policy.models import SpendGuard
from policy.spending import Send
from tests.administrators import make_administrator, make_operator, signed_in

LIST, ADD = "/admin/policy/spendguard/", "/admin/policy/spendguard/add/"


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def budgets(**fields: Any) -> dict[str, Any]:
    usual = {"per_user": "10", "per_number": "10", "per_range": "50", "per_country": "1000", "in_all": "2000"}
    return {**usual, "countries": "", "conversion_percent": "30", **fields}


def held() -> SpendGuard:
    return SpendGuard._base_manager.get()


def test_budgets_and_countries_are_saved_and_recorded(console: Client, acme: Tenant) -> None:
    assert console.post(ADD, budgets(countries="ch, de AT,de")).status_code == 302
    assert (held().tenant, held().countries, held().in_all) == (acme, ["AT", "CH", "DE"], 2000)
    assert AuditEvent._base_manager.filter(activity="policy.changed").count() == 1
    assert "AT, CH, DE" in console.get(f"{LIST}{held().pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"countries": "CH, XX"}, "countries"),
        ({"countries": "Switzerland"}, "countries"),
        ({"in_all": "0"}, "in_all"),
        ({"per_user": "many"}, "per_user"),
        ({"per_number": "-1"}, "per_number"),
        ({"conversion_percent": "101"}, "conversion_percent"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_loses_nothing(
    console: Client, fields: dict[str, str], field: str
) -> None:
    page = console.post(ADD, budgets(**fields))
    form = page.context["adminform"].form
    assert list(form.errors) == [field]
    assert form["per_country"].value() == "1000"
    assert not SpendGuard._base_manager.exists()


def test_an_organisation_has_one(console: Client, acme: Tenant) -> None:
    console.post(ADD, budgets())
    assert console.get(ADD).status_code == 403
    operator = signed_in(make_operator())
    again = operator.post(ADD, budgets(tenant=str(acme.pk)))
    assert again.status_code == 200
    assert SpendGuard._base_manager.count() == 1


def test_it_shows_what_was_spent_today(console: Client, acme: Tenant) -> None:
    console.post(ADD, budgets(in_all="30"))
    page = f"{LIST}{held().pk}/change/"
    assert "Nothing was sent yet." in console.get(page).content.decode()
    for last in range(22):
        send = Send(acme.pk, f"person {last}", f"digest {last}", f"+4179{last:03d}4567", True)
        throttle.count(*spending.uses(held(), send).values(), now=timezone.now())
    shown = console.get(page).content.decode()
    assert "22 of 30 sent, 0 answered (0 %)" in shown
    assert "CH 22" in shown
    assert "somebody may be earning by it" in shown
    assert "22 / 30" in console.get(LIST).content.decode()
