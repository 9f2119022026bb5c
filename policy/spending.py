"""Texts and calls cost money, and somebody earns it: budgets for a day, counted before anything is sent.

Every budget is a `throttle.Limit` of 24 hours from the first send; all of them are counted in the statement that counts the
account's own limits. A stranger's send costs nothing and only looks at what is shared; the statement is the same.
Sources: SMS pumping and toll fraud guides of providers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from phonenumbers import SUPPORTED_REGIONS, NumberParseException, parse, region_code_for_number

from accounts.lookups import Lookup
from accounts.models import Tenant
from accounts.tenants import all_opened
from policy import throttle
from policy.models import SpendGuard
from policy.throttle import Limit, State, Use

DAY = timedelta(hours=24)
SMALLEST_SAMPLE = 20
LAST_DIGITS = 3


class Budget(StrEnum):
    """What a budget is of. The order is the one in which they are named to a person."""

    USER = "user"
    NUMBER = "number"
    RANGE = "range"
    COUNTRY = "country"
    ALL = "all"


# What depends on whom or what was typed alone; the other budgets are everybody's.
OF_ONE = (Budget.USER, Budget.NUMBER)
PROVED = Limit("texts and calls that were answered", 0, DAY)
ALARMED = Limit("alarms about texts and calls", 0, DAY)


@dataclass(frozen=True)
class Send:
    """A text or a call about to be made. `number` in E.164, empty where nobody knows one (a stranger's office phone)."""

    tenant_id: int
    account: str
    destination: str
    number: str
    is_real: bool


def _of_tenant(tenant: int) -> "QuerySet[Any, Any]":
    with all_opened():
        return SpendGuard.objects.filter(tenant=tenant).order_by()


GUARD: Lookup[SpendGuard] = Lookup(_of_tenant, tenant=Tenant._meta.get_field("id"))


def guard_of(tenant_id: int) -> SpendGuard:
    """A tenant's budgets, the defaults where nobody set any; one statement."""
    return next(iter(GUARD.rows(tenant=tenant_id)), None) or SpendGuard(tenant_id=tenant_id)


def country_of(number: str) -> str:
    """The country (ISO 3166) that a number in E.164 belongs to; empty for none."""
    try:
        return region_code_for_number(parse(number.partition("x")[0], None)) or ""
    except NumberParseException:
        return ""


def is_allowed(guard: SpendGuard, number: str) -> bool:
    """Whether numbers of this country may be texted and called."""
    return not guard.countries or country_of(number) in guard.countries


def uses(guard: SpendGuard, send: Send, sign: int = 1) -> dict[Budget, Use]:
    """What a send counts against. A stranger's counts against their own alone, and looks at the rest."""
    shared = sign if send.is_real else 0
    subjects = {
        Budget.USER: send.account,
        Budget.NUMBER: send.destination,
        Budget.RANGE: send.number.partition("x")[0][:-LAST_DIGITS],
        Budget.COUNTRY: country_of(send.number),
        Budget.ALL: "",
    }
    return {
        budget: Use(_limit(guard, budget), f"{send.tenant_id}|{subject}", sign if budget in OF_ONE else shared)
        for budget, subject in subjects.items()
    }


def _limit(guard: SpendGuard, budget: Budget) -> Limit:
    events = {
        Budget.USER: guard.per_user,
        Budget.NUMBER: guard.per_number,
        Budget.RANGE: guard.per_range,
        Budget.COUNTRY: guard.per_country,
        Budget.ALL: guard.in_all,
    }[budget]
    return Limit(f"texts and calls: {budget}", events, DAY)


def exceeded(states: Mapping[Budget, State], is_real: bool) -> Budget | None:
    """The first budget that has nothing left for this send. Who only looks is stopped where a real one would be."""
    for budget, state in states.items():
        counted = is_real or budget in OF_ONE
        if state.is_over if counted else state.is_used_up:
            return budget
    return None


def sent_and_answered(tenant_id: int, sent: int = 0, answered: int = 0) -> tuple[Use, Use]:
    """The two counts that an alarm compares.

    Whoever counts one looks at the other in the same statement, so both days begin in the same moment: else yesterday's
    answers would stand for the texts that somebody earns by today.
    """
    return Use(_limit(SpendGuard(), Budget.ALL), f"{tenant_id}|", sent), Use(PROVED, f"{tenant_id}|", answered)


def proof(tenant_id: int) -> tuple[Use, Use]:
    """What is counted when a text or a call was answered."""
    return sent_and_answered(tenant_id, answered=1)


def beside(tenant_id: int) -> Use:
    """The look at what was answered, for whoever counts a send."""
    return sent_and_answered(tenant_id)[1]


@dataclass(frozen=True)
class Spent:
    """A tenant's running day: how many texts and calls, how many of them were answered, and by country."""

    sent: int
    answered: int
    ends_at: datetime | None
    by_country: dict[str, int]

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.sent if self.sent else 100

    def is_alarming(self, percent: int) -> bool:
        """Whether so few of so many were answered that somebody may be earning by it."""
        return self.sent >= SMALLEST_SAMPLE and self.percent < percent


def today(guard: SpendGuard, now: datetime) -> Spent:
    """What was spent in the running day, in one statement."""
    tenant = guard.tenant_id
    countries = sorted(guard.countries or SUPPORTED_REGIONS)
    asked = [
        *sent_and_answered(tenant),
        *(Use(_limit(guard, Budget.COUNTRY), f"{tenant}|{country}") for country in countries),
    ]
    sent, answered, *each = throttle.look(*asked, now=now)
    by_country = {country: state.count for country, state in zip(countries, each, strict=True) if state.count}
    return _spent(sent, answered, by_country)


def _spent(sent: State, answered: State, by_country: dict[str, int]) -> Spent:
    return Spent(sent.count, min(answered.count, sent.count), sent.ends_at if sent.count else None, by_country)


def in_all(tenant_ids: Sequence[int], now: datetime) -> dict[int, Spent]:
    """What each of these tenants spent in its running day, without the countries; one statement for all."""
    states = throttle.look(*(use for tenant in tenant_ids for use in sent_and_answered(tenant)), now=now)
    pairs = zip(tenant_ids, states[::2], states[1::2], strict=True)
    return {tenant: _spent(sent, answered, {}) for tenant, sent, answered in pairs}


def to_alarm(now: datetime) -> list[tuple[SpendGuard, Spent]]:
    """Tenants whose day looks like somebody earns by it."""
    with all_opened():
        held = {guard.tenant_id: guard for guard in SpendGuard.objects.all()}
        tenants = list(Tenant.objects.filter(is_active=True).values_list("pk", flat=True))
    guards = {pk: held.get(pk) or SpendGuard(tenant_id=pk) for pk in tenants}
    spent = in_all(tenants, now)
    return [(guards[pk], spent[pk]) for pk in tenants if spent[pk].is_alarming(guards[pk].conversion_percent)]


def is_first_alarm(tenant_id: int, now: datetime) -> bool:
    """Whether nobody was told in this day. Counted, so it belongs into the transaction of what is told."""
    return throttle.count(Use(ALARMED, f"{tenant_id}|"), now=now)[0].count == 1
