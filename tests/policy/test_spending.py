"""Budgets for texts and calls: what each counts, where it stops, and what only looks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Tenant
from accounts.tenants import all_opened
from policy import spending, throttle
from policy.models import SpendGuard
from policy.spending import Budget, Send

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(hours=24, seconds=1)
BERN, GENEVA, BERLIN = "+41791234567", "+41791234999", "+4915112345647"


def guard(**fields: Any) -> SpendGuard:
    return SpendGuard(**{"tenant_id": 1, **fields})


def send(number: str = BERN, account: str = "alice", is_real: bool = True, tenant: int = 1) -> Send:
    return Send(tenant, account, f"digest of {number}", number, is_real)


def spend(held: SpendGuard, one: Send, now: datetime = NOW) -> Budget | None:
    """Count one, and say which budget it exceeds."""
    counted = spending.uses(held, one)
    states = throttle.count(*counted.values(), now=now)
    return spending.exceeded(dict(zip(counted, states, strict=True)), one.is_real)


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("budget", "limit", "others"),
    [
        (Budget.USER, "per_user", [send(number) for number in (BERN, GENEVA, BERLIN)]),
        (Budget.NUMBER, "per_number", [send(BERN, name) for name in "abc"]),
        (Budget.RANGE, "per_range", [send(f"+4179123400{digit}", str(digit)) for digit in range(3)]),
        (Budget.COUNTRY, "per_country", [send(f"+4179{digit}234567", str(digit)) for digit in range(3)]),
        (Budget.ALL, "in_all", [send(number, number) for number in (BERN, BERLIN, "+33612345678")]),
    ],
)
def test_the_send_after_the_last_one_is_stopped(budget: Budget, limit: str, others: list[Send]) -> None:
    held = guard(**{limit: 2})
    assert [spend(held, one) for one in others] == [None, None, budget]
    assert spend(held, others[0], TOMORROW) is None, "the next day begins anew"


def test_p5_a_thousand_to_one_range_stop_at_its_budget() -> None:
    held = guard()
    stopped = [spend(held, send(f"+4179123{last:04d}", f"person {last}")) for last in range(1000)]
    assert sum(1 for budget in stopped if budget is None) == 50
    assert set(stopped) == {None, Budget.RANGE}


def test_p5_other_ranges_of_the_country_stop_at_the_countrys_budget() -> None:
    held = guard(per_country=120)
    went = sum(1 for last in range(1000) if spend(held, send(f"+4179{last:03d}4567", f"person {last}")) is None)
    assert went == 120


def test_another_tenant_has_budgets_of_its_own() -> None:
    held = guard(in_all=1)
    assert [spend(held, send()), spend(held, send())] == [None, Budget.ALL]
    assert spend(guard(tenant_id=2, in_all=1), send(tenant=2)) is None


def test_a_strangers_send_costs_the_others_nothing() -> None:
    held = guard(in_all=3, per_user=1000, per_number=1000)
    for _ in range(10):
        assert spend(held, send(is_real=False)) is None
    assert spending.today(held, NOW).sent == 0


@pytest.mark.parametrize("limit", ["per_user", "per_number", "per_range", "per_country", "in_all"])
def test_e1_a_stranger_is_stopped_where_a_person_would_be(limit: str) -> None:
    held = guard(**{limit: 2})
    shared = limit in ("per_range", "per_country", "in_all")
    if shared:
        assert [spend(held, send(account=name)) for name in "ab"] == [None, None]
    strangers = [spend(held, send(account="nobody", is_real=False)) for _ in range(3)]
    assert (strangers[0] is not None) is shared
    assert strangers[2] is not None


@pytest.mark.parametrize(
    ("countries", "number", "allowed"),
    [
        ([], BERN, True),
        (["CH"], BERN, True),
        (["CH"], BERLIN, False),
        (["DE", "CH"], BERLIN, True),
        (["CH"], "", False),
    ],
)
def test_numbers_of_other_countries_are_not_allowed(countries: list[str], number: str, allowed: bool) -> None:
    assert spending.is_allowed(guard(countries=countries), number) is allowed


def test_an_extension_belongs_to_its_number() -> None:
    assert spending.country_of("+4930901820x123") == "DE"
    with_it, without = (spending.uses(guard(), send(number)) for number in ("+4930901820x123", "+4930901820"))
    assert with_it[Budget.RANGE].key == without[Budget.RANGE].key


def test_without_a_row_the_defaults_hold(acme: Tenant) -> None:
    assert spending.guard_of(acme.pk).in_all == 2000
    with all_opened():
        SpendGuard.objects.create(tenant=acme, in_all=7)
    assert spending.guard_of(acme.pk).in_all == 7


@pytest.mark.parametrize("countries", [["XX"], ["ch"], ["CH", "Switzerland"], [7]])
def test_a_country_that_does_not_exist_is_refused_by_name(countries: list[Any]) -> None:
    with pytest.raises(ValidationError, match=str(countries[-1])):
        guard(countries=countries).clean()


def test_the_day_is_told_by_country() -> None:
    held = guard()
    for number in (BERN, GENEVA, BERLIN):
        spend(held, send(number))
    throttle.count(*spending.proof(1), now=NOW)
    spent = spending.today(held, NOW)
    assert (spent.sent, spent.answered, spent.percent) == (3, 1, 33)
    assert spent.by_country == {"CH": 2, "DE": 1}
    assert spent.ends_at == NOW + timedelta(hours=24)
    assert spending.today(held, TOMORROW).sent == 0


@pytest.mark.parametrize(
    ("sent", "answered", "percent", "alarming"),
    [
        (19, 0, 30, False),
        (20, 0, 30, True),
        (20, 5, 30, True),
        (20, 6, 30, False),
        (20, 0, 0, False),
        (100, 99, 100, True),
    ],
)
def test_p5_few_answers_of_many_are_alarming(sent: int, answered: int, percent: int, alarming: bool) -> None:
    assert spending.Spent(sent, answered, NOW, {}).is_alarming(percent) is alarming


def test_p5_a_day_with_few_answers_is_to_alarm_and_is_first_once(acme: Tenant) -> None:
    held = spending.guard_of(acme.pk)
    for last in range(20):
        spend(held, send(f"+4179{last:03d}4567", f"person {last}", tenant=acme.pk))
    [(alarmed, spent)] = spending.to_alarm(NOW)
    assert (alarmed.tenant_id, spent.sent, spent.answered) == (acme.pk, 20, 0)
    firsts = [spending.is_first_alarm(acme.pk, NOW + timedelta(hours=hours)) for hours in (0, 1, 25)]
    assert firsts == [True, False, True]
