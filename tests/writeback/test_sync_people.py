"""People come in by directory and anchor: renamed, moved, disabled, gone and back, never merged by name."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import facts
from accounts.models import AuditEvent, Tenant, User
from accounts.tenants import opened
from tests.conftest import make_user
from tests.writeback.directory import FakeDirectory, bring_in, make_connector, person
from writeback.models import Connector, SyncConflict, SyncedEntry
from writeback.sync import TooManyDisabled
from writeback.sync.results import Change


def test_people_come_in_with_directory_and_anchor_and_no_password(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put(
        "a1", "Ann", mail="Ann@ACME.example", given_name="Ann", family_name="Å", display_name="Ann Å", language="de-AT"
    )
    result = bring_in(connector, corp)
    ann = person(acme, "a1")
    assert (ann.principal_name, ann.principal_key) == ("Ann@acme.example", "ann@acme.example")
    assert (ann.mail, ann.mail_key) == ("Ann@acme.example", "ann@acme.example")
    assert (ann.given_name, ann.family_name, ann.display_name, ann.language) == ("Ann", "Å", "Ann Å", "de")
    assert (ann.directory_id, ann.is_enabled, ann.has_usable_password()) == (connector.directory_id, True, False)
    assert (result.is_full, result.read, result.added, result.unchanged) == (True, 1, 1, 0)


def test_a_second_full_run_changes_nothing(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    for number in range(3):
        corp.put(f"a{number}", mail="x@acme.example", mobile_phone="+49 1511 2345647")
    corp.put_group("g", "All", "a0", "a1")
    bring_in(connector, corp)
    before = person(acme, "a1")
    result = bring_in(connector, corp, full=True)
    assert (result.added, result.changed, result.unchanged, result.memberships_added) == (0, 0, 3, 0)
    assert vars(person(acme, "a1"))["credentials_epoch"] == before.credentials_epoch


def test_a_rename_and_a_move_keep_the_row(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1", "ann")
    corp.put_group("g", "Sales", "a1")
    bring_in(connector, corp)
    before = person(acme, "a1")
    corp.put("a1", "anna", dn="cn=anna,ou=elsewhere,dc=acme,dc=example", given_name="Anna")
    corp.put_group("g", "Sales", "a1")
    result = bring_in(connector, corp)
    after = person(acme, "a1")
    assert (after.pk, after.principal_name, after.given_name) == (before.pk, "anna@acme.example", "Anna")
    assert (result.is_full, result.changed, result.memberships_removed) == (False, 1, 0)
    assert after.credentials_epoch == before.credentials_epoch


def test_only_changes_are_read_with_the_mark_of_the_last_run(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    corp.put("a2")
    bring_in(connector, corp)
    corp.put("a2", given_name="Two")
    result = bring_in(connector, corp)
    assert (result.is_full, result.read, result.changed) == (False, 1, 1)


def test_a_mark_that_leads_nowhere_any_more_makes_the_run_a_full_one(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    corp.knows_marks = False
    result = bring_in(connector, corp)
    assert (result.is_full, result.read) == (True, 1)


def test_once_a_day_everything_is_read(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    with opened(acme):
        Connector.objects.update(fully_synced_at=timezone.now() - timedelta(hours=25))
    assert bring_in(connector, corp).is_full


def test_disabling_follows_the_directory_and_ends_sessions(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    before = person(acme, "a1")
    corp.put("a1", is_enabled=False)
    result = bring_in(connector, corp)
    after = person(acme, "a1")
    assert (after.is_enabled, result.disabled, result.changed) == (False, 1, 1)
    assert after.credentials_epoch != before.credentials_epoch
    corp.put("a1")
    assert bring_in(connector, corp).enabled == 1
    assert person(acme, "a1").is_enabled


@pytest.mark.parametrize("full", [True, False])
def test_who_is_gone_is_disabled_and_marked_and_comes_back_with_the_same_anchor(
    acme: Tenant, connector: Connector, corp: FakeDirectory, full: bool
) -> None:
    corp.put("a1")
    corp.put("a2")
    bring_in(connector, corp)
    before = person(acme, "a1")
    corp.delete("a1")
    result = bring_in(connector, corp, full=full)
    gone = person(acme, "a1")
    assert (gone.pk, gone.is_enabled, result.gone, result.disabled) == (before.pk, False, 1, 1)
    assert gone.credentials_epoch != before.credentials_epoch
    with opened(acme):
        assert SyncedEntry.objects.get(anchor="a1").gone_at is not None
    assert bring_in(connector, corp, full=full).gone == 0
    corp.put("a1")
    back = bring_in(connector, corp)
    assert (back.enabled, person(acme, "a1").is_enabled) == (1, True)
    with opened(acme):
        assert SyncedEntry.objects.get(anchor="a1").gone_at is None


def test_where_anchors_are_dear_the_gone_are_found_when_everything_is_read(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.anchors_are_cheap = False
    corp.put("a1")
    corp.put("a2")
    bring_in(connector, corp)
    corp.delete("a1")
    assert bring_in(connector, corp).gone == 0
    assert bring_in(connector, corp, full=True).gone == 1


def test_the_directorys_protection_and_an_administrators_stand_apart(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", protected="Domain Admins", cannot_change=True)
    bring_in(connector, corp)
    held = person(acme, "a1")
    assert (held.is_protected, held.is_protected_in_directory, held.cannot_change_password) == (False, True, True)
    with opened(acme):
        assert facts.load([held], False, timezone.now())[held.pk].is_protected
        User.objects.filter(pk=held.pk).update(is_protected=True)
    corp.put("a1")
    bring_in(connector, corp)
    after = person(acme, "a1")
    assert (after.is_protected, after.is_protected_in_directory, after.cannot_change_password) == (True, False, False)


def test_values_that_the_directory_no_longer_has_go_but_a_chosen_language_stays(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1", mail="ann@acme.example", given_name="Ann")
    bring_in(connector, corp)
    with opened(acme):
        User.objects.filter(anchor="a1").update(language="fr")
    corp.put("a1")
    bring_in(connector, corp)
    after = person(acme, "a1")
    assert (after.mail, after.mail_key, after.given_name, after.language) == ("", "", "", "fr")


@pytest.mark.parametrize(
    ("field", "value"),
    [("mail", "no address"), ("given_name", "x" * 101), ("display_name", "a\u0007b"), ("language", "tlh")],
)
def test_a_value_that_cant_be_used_is_skipped_and_told_and_stops_nothing(
    acme: Tenant, connector: Connector, corp: FakeDirectory, field: str, value: str
) -> None:
    corp.put("a1", "ann", **{field: value})
    result = bring_in(connector, corp)
    assert (result.added, result.skipped) == (1, 1)
    assert (result.examples[0].name, result.examples[0].field) == ("ann@acme.example", field)
    assert value not in str(result.as_json())


# --- the guard --------------------------------------------------------------------------------------------------------


def test_a_run_that_would_disable_too_many_changes_nothing(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    for number in range(20):
        corp.put(f"a{number}")
    bring_in(connector, corp)
    for number in range(6):
        corp.delete(f"a{number}")
    corp.put("new")
    with pytest.raises(TooManyDisabled, match="6 of 20"):
        bring_in(connector, corp)
    with opened(acme):
        assert User.objects.filter(is_enabled=True).count() == 20
        event = AuditEvent.objects.get(activity="directory.sync_stopped")
        assert "6 of 20" in Connector.objects.get().sync_result["problem"]
    assert (event.result, event.details["would_disable"]) == ("failure", 6)
    with pytest.raises(TooManyDisabled):
        bring_in(connector, corp, force_disable=5)
    result = bring_in(connector, corp, force_disable=6)
    assert (result.disabled, result.added) == (6, 1)


def test_a_few_may_always_go_but_never_everybody(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    for number in range(3):
        corp.put(f"a{number}")
    bring_in(connector, corp)
    corp.delete("a0")
    corp.put("a1", is_enabled=False)
    assert bring_in(connector, corp, full=True).disabled == 2
    corp.delete("a1")
    corp.delete("a2")
    with pytest.raises(TooManyDisabled):
        bring_in(connector, corp, full=True)


# --- tenants and directories ------------------------------------------------------------------------------------------


def test_the_same_anchors_and_names_elsewhere_are_other_people(
    acme: Tenant, globex: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    theirs, second = make_connector(globex), make_connector(acme, "Second")
    corp.put("a1", "ann")
    bring_in(connector, corp)
    with opened(globex):
        globex.domains.create(tenant=globex, name="acme2.example", verified_at=timezone.now())
    other = FakeDirectory()
    other.put("a1", principal_name="ann@globex.example", given_name="Other")
    bring_in(theirs, other)
    assert person(acme, "a1").given_name == ""
    assert person(globex, "a1").directory_id == theirs.directory_id
    empty = FakeDirectory()
    bring_in(second, empty)
    assert person(acme, "a1").is_enabled
    corp.delete("a1")
    corp.put("a2")
    bring_in(connector, corp)
    assert person(globex, "a1").is_enabled


def test_people_kept_here_are_left_alone(acme: Tenant, connector: Connector, corp: FakeDirectory, bob: User) -> None:
    make_user(acme, "noanchor@acme.example", directory=connector.directory)
    corp.put("a1")
    bring_in(connector, corp)
    bob.refresh_from_db()
    assert bob.is_enabled
    with opened(acme):
        assert User.objects.get(principal_name="noanchor@acme.example").is_enabled


def test_somebody_an_administrator_tied_to_the_anchor_is_matched(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    held = make_user(acme, "old@acme.example", directory=connector.directory, anchor="a1")
    corp.put("a1", "ann")
    assert bring_in(connector, corp).changed == 1
    held.refresh_from_db()
    assert held.principal_name == "ann@acme.example"


# --- what is kept of a run --------------------------------------------------------------------------------------------


def test_a_run_leaves_its_counts_and_one_event(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1", mobile_phone="call me")
    result = bring_in(connector, corp)
    with opened(acme):
        held = Connector.objects.get()
        event = AuditEvent.objects.get(activity="directory.synced")
    assert held.sync_result == result.as_json()
    assert (held.sync_mark, held.synced_at is not None, held.fully_synced_at) == (corp.mark(), True, held.synced_at)
    assert (event.details["added"], event.details["directory"]) == (1, connector.directory_id)
    assert "a1@acme.example" not in str(event.details)


def test_a_dry_run_says_what_would_change_and_writes_nothing(
    acme: Tenant, connector: Connector, corp: FakeDirectory, alice: User
) -> None:
    corp.put("a1")
    corp.put("a2")
    bring_in(connector, corp)
    corp.put("a1", given_name="New", mobile_phone="+49 15112345647")
    corp.delete("a2")
    corp.put("a3", "alice")
    corp.put("a4")
    corp.put_group("g", "Sales", "a4")
    with opened(acme):
        before = (
            list(User.objects.order_by("id").values()),
            list(Connector.objects.values()),
            AuditEvent.objects.count(),
        )
    lines: list[Change] = []
    result = bring_in(connector, corp, dry_run=True, report=lines.append)
    with opened(acme):
        after = (
            list(User.objects.order_by("id").values()),
            list(Connector.objects.values()),
            AuditEvent.objects.count(),
        )
        assert not SyncConflict.objects.exists()
    assert before == after
    assert {(line.what, line.name, line.detail) for line in lines} == {
        ("change", "a1@acme.example", "given_name, phones"),
        ("gone", "a2@acme.example", ""),
        ("conflict", "alice@acme.example", "Somebody else here has this name"),
        ("add", "a4@acme.example", ""),
        ("group", "Sales", ""),
    }
    assert (result.added, result.changed, result.gone, result.conflicts, result.memberships_added) == (1, 1, 1, 1, 1)


def test_progress_is_told_in_phases(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1")
    corp.put_group("g", "Sales", "a1")
    heard: list[Any] = []
    bring_in(connector, corp, progress=lambda *step: heard.append(step))
    assert heard == [("reading", 1, None), ("reading", 2, None), ("people", 1, 1), ("groups", 1, 1)]
