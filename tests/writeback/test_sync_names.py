"""Who gets which name: never somebody else's, never one that nobody may have, and each as soon as it is free."""

import pytest
from django.utils import timezone

from accounts.models import Tenant, User
from accounts.tenants import opened
from tests.writeback.directory import FakeDirectory, bring_in, conflicts, names, person
from writeback.models import Connector


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "name_missing"),
        ("ann@globex.example", "domain_not_verified"),
        ("ann", "domain_not_verified"),
        ("ａnn@acme.example", "name_not_plain"),
        ("an\u200bn@acme.example", "name_not_plain"),
        ("a" * 250 + "@acme.example", "name_too_long"),
    ],
)
def test_a_name_that_nobody_may_have_is_a_conflict_and_stops_nothing(
    acme: Tenant, globex: Tenant, connector: Connector, corp: FakeDirectory, name: str, reason: str
) -> None:
    corp.put("a1", principal_name=name)
    corp.put("a2")
    result = bring_in(connector, corp)
    assert (conflicts(connector), result.conflicts, result.added) == ({"a1": reason}, 1, 1)
    corp.put("a1", "ann")
    bring_in(connector, corp)
    assert (conflicts(connector), names(acme)) == ({}, ["a2@acme.example", "ann@acme.example"])


def test_a_domain_that_is_only_claimed_is_not_enough(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    with opened(acme):
        acme.domains.update(verified_at=None)
    corp.put("a1")
    bring_in(connector, corp)
    assert conflicts(connector) == {"a1": "domain_not_verified"}
    with opened(acme):
        acme.domains.update(verified_at=timezone.now())
    result = bring_in(connector, corp)
    assert (result.is_full, result.added, conflicts(connector)) == (True, 1, {})


def test_somebody_elses_name_is_never_merged_and_comes_in_when_it_is_free(
    acme: Tenant, connector: Connector, corp: FakeDirectory, alice: User
) -> None:
    corp.put("a1", "ALICE", given_name="Impostor")
    bring_in(connector, corp)
    alice.refresh_from_db()
    assert (alice.directory_id, alice.given_name) == (None, "Alice")
    assert conflicts(connector) == {"a1": "name_taken"}
    assert not bring_in(connector, corp).is_full
    with opened(acme):
        alice.principal_name = "alice.old@acme.example"
        alice.save()
    result = bring_in(connector, corp)
    assert (result.is_full, result.added, conflicts(connector)) == (True, 1, {})


def test_who_is_renamed_to_a_taken_name_keeps_the_old_one_and_everything_else_follows(
    acme: Tenant, connector: Connector, corp: FakeDirectory, alice: User
) -> None:
    corp.put("a1", "ann")
    bring_in(connector, corp)
    corp.put("a1", "alice", given_name="New", is_enabled=False)
    bring_in(connector, corp)
    after = person(acme, "a1")
    assert (after.principal_name, after.given_name, after.is_enabled) == ("ann@acme.example", "New", False)
    assert conflicts(connector) == {"a1": "name_taken"}


@pytest.mark.parametrize("size", [2, 3, 5])
def test_names_that_go_round_in_a_circle_change_places(
    acme: Tenant, connector: Connector, corp: FakeDirectory, size: int
) -> None:
    for number in range(size):
        corp.put(f"a{number}", f"n{number}")
    bring_in(connector, corp)
    for number in range(size):
        corp.put(f"a{number}", f"n{(number + 1) % size}")
    result = bring_in(connector, corp)
    assert [person(acme, f"a{number}").principal_name for number in range(size)] == [
        f"n{(number + 1) % size}@acme.example" for number in range(size)
    ]
    assert (result.conflicts, result.changed) == (0, size)


def test_a_chain_of_renames_is_undone_link_by_link(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    for number in range(6):
        corp.put(f"a{number}", f"n{number}")
    bring_in(connector, corp)
    for number in range(6):
        corp.put(f"a{number}", f"n{number + 1}")
    corp.put("late", "n0")
    result = bring_in(connector, corp)
    assert (result.conflicts, names(acme)) == (0, [f"n{number}@acme.example" for number in range(7)])


def test_two_entries_with_one_name_are_one_person_and_a_conflict(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", "ann")
    corp.put("a2", "Ann")
    result = bring_in(connector, corp)
    assert (result.added, conflicts(connector)) == (1, {"a2": "name_taken"})


def test_who_comes_after_somebody_gone_gets_the_name_and_the_old_row_stays(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", "ann")
    bring_in(connector, corp)
    old = person(acme, "a1")
    corp.delete("a1")
    corp.put("a9", "ann")
    bring_in(connector, corp)
    assert person(acme, "a9").principal_name == "ann@acme.example"
    assert person(acme, "a9").pk != old.pk
    aside = person(acme, "a1")
    assert (aside.principal_name, aside.is_enabled) == (f"ann.gone{old.pk}@acme.example", False)
    corp.put("a1", "ann")
    bring_in(connector, corp)
    assert conflicts(connector) == {"a1": "name_taken"}
