"""Phones come in as an import makes them: told when replaced, waiting 72 hours, never over what the person registered."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Tenant
from accounts.tenants import all_opened, opened
from notifications.models import Message
from tests.conftest import make_authenticator
from tests.wizard import contents
from tests.writeback.directory import FakeDirectory, bring_in, person, phones
from writeback.models import Connector

MOBILE, OFFICE = AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE
FIRST, SECOND = "+49 1511 2345647", "+4915112345648"


def told() -> list[str]:
    with all_opened():
        return sorted(contents(row)["recipient"] for row in Message.objects.all())


def mobile_of(tenant: Tenant, anchor: str) -> Authenticator:
    with opened(tenant):
        return Authenticator.objects.get(user__anchor=anchor, type=MOBILE)


def test_phones_are_imported_authenticators_that_count_where_the_tenant_says_so(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mobile_phone=FIRST, office_phone="+1 4255551234x123")
    bring_in(connector, corp)
    assert phones(acme, "a1") == {"mobile_phone": "+4915112345647", "office_phone": "+14255551234x123"}
    row = mobile_of(acme, "a1")
    assert (row.source, row.confirmed_at, row.replaces_another) == ("import", None, False)
    assert (row.proves(False, timezone.now()), row.proves(True, timezone.now())) == (False, True)


def test_a_number_that_cant_be_read_is_skipped_and_leaves_the_one_before(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", "ann", mobile_phone=FIRST, office_phone="extension 12")
    result = bring_in(connector, corp)
    assert (result.added, result.skipped) == (1, 1)
    assert result.examples[0][:2] == ("ann@acme.example", "office_phone")
    assert "extension 12" not in str(result.as_json())
    corp.put("a1", "ann", mobile_phone="0151 12")
    bring_in(connector, corp)
    assert phones(acme, "a1") == {"mobile_phone": "+4915112345647"}


@pytest.mark.usefixtures("executor")
def test_another_number_waits_72_hours_and_is_told_to_the_addresses_before(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mail="old@acme.example", mobile_phone=FIRST)
    bring_in(connector, corp)
    assert told() == []
    corp.put("a1", mail="new@acme.example", mobile_phone=SECOND)
    result = bring_in(connector, corp)
    row = mobile_of(acme, "a1")
    assert (result.announced, told(), row.replaces_another) == (1, ["old@acme.example"], True)
    assert not row.proves(True, timezone.now())
    assert row.proves(True, timezone.now() + timedelta(hours=73))


@pytest.mark.usefixtures("executor")
def test_taken_away_and_given_anew_a_number_waits_like_a_replacement(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mail="ann@acme.example", mobile_phone=FIRST)
    bring_in(connector, corp)
    corp.put("a1", mail="ann@acme.example")
    result = bring_in(connector, corp)
    assert (phones(acme, "a1"), result.changed, told()) == ({}, 1, ["ann@acme.example"])
    corp.put("a1", mail="ann@acme.example", mobile_phone=SECOND)
    bring_in(connector, corp)
    row = mobile_of(acme, "a1")
    assert (row.replaces_another, row.proves(True, timezone.now())) == (True, False)
    assert told() == ["ann@acme.example"] * 2


def test_what_the_person_registered_is_kept_whatever_the_directory_says(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    make_authenticator(person(acme, "a1"), MOBILE, SECOND)
    corp.put("a1", mobile_phone=FIRST)
    result = bring_in(connector, corp)
    assert (result.kept, result.changed, phones(acme, "a1")) == (1, 0, {"mobile_phone": SECOND})
    corp.put("a1")
    bring_in(connector, corp)
    assert phones(acme, "a1") == {"mobile_phone": SECOND}


def test_an_imported_number_that_the_person_confirmed_is_theirs(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mobile_phone=FIRST)
    bring_in(connector, corp)
    with opened(acme):
        Authenticator.objects.update(confirmed_at=timezone.now())
    corp.put("a1")
    bring_in(connector, corp)
    assert phones(acme, "a1") == {"mobile_phone": "+4915112345647"}


def test_a_number_that_came_by_another_way_is_not_taken_away(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    make_authenticator(person(acme, "a1"), MOBILE, SECOND, confirmed_at=None, source=Authenticator.Source.IMPORT)
    make_authenticator(person(acme, "a1"), OFFICE, SECOND, confirmed_at=None, source=Authenticator.Source.STAFF)
    corp.put("a1", given_name="New")
    bring_in(connector, corp)
    assert phones(acme, "a1") == {"mobile_phone": SECOND, "office_phone": SECOND}


def test_without_an_address_or_a_worker_nobody_is_told_and_that_is_counted(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mobile_phone=FIRST)
    bring_in(connector, corp)
    with opened(acme):
        acme.domains.update(verified_at=timezone.now())
    corp.put("a1", mobile_phone=SECOND)
    result = bring_in(connector, corp)
    assert result.announced + result.not_announced == 1
