"""What an import does with good rows: people, groups and proofs, once, and again."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts import facts
from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, Directory, Group, GroupMembership, RoleAssignment, Tenant, User
from accounts.models.groups import GroupNesting
from accounts.tenants import opened
from tests.accounts.importing import everything, import_text, proofs_of
from tests.conftest import make_authenticator, make_user

HEADER = (
    "principal_name,mail,given_name,family_name,display_name,language,enabled,groups,"
    "mobile_phone,office_phone,authentication_email\n"
)
ALICE = (
    "alice@acme.example,alice@acme.example,Alice,Moreau,,fr,,Staff;Library,"
    "+1 4255551234x123,+1 4255551234x123,alice@home.example\n"
)
BOB = "bob@acme.example,,Bob,Okafor,Bob O.,,false,Staff,+49 15112345647,,\n"


def test_people_groups_and_proofs_are_written_alike_on_every_database(acme: Tenant, tmp_path: Path) -> None:
    result = import_text(tmp_path, acme, HEADER + ALICE + BOB)
    assert (result.counts.added, result.counts.groups_added, result.refused) == (2, 2, [])
    assert everything(acme) == [
        {
            "name": "alice@acme.example",
            "keys": ("alice@acme.example", "alice@acme.example"),
            "names": ("Alice", "Moreau", ""),
            "rest": ("alice@acme.example", "fr", True, False),
            "groups": ["Library", "Staff"],
            "proofs": {
                "mobile_phone": "+14255551234",
                "office_phone": "+14255551234x123",
                "email": "alice@home.example",
            },
        },
        {
            "name": "bob@acme.example",
            "keys": ("bob@acme.example", ""),
            "names": ("Bob", "Okafor", "Bob O."),
            "rest": ("", "", False, False),
            "groups": ["Staff"],
            "proofs": {"mobile_phone": "+4915112345647"},
        },
    ]


def test_imported_proofs_are_not_confirmed_and_hold_no_value_in_clear(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + ALICE)
    with opened(acme):
        for row in Authenticator.objects.all():
            assert (row.source, row.confirmed_at, row.replaces_another) == ("import", None, False)
            assert b"4255551234" not in bytes(row.sealed)
            assert b"home.example" not in bytes(row.sealed)


def test_running_again_changes_nothing(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + ALICE + BOB)
    with opened(acme):
        before = list(Authenticator.objects.order_by("id").values())
        users = list(User.objects.order_by("id").values())
    counts = import_text(tmp_path, acme, HEADER + ALICE + BOB).counts
    assert (counts.added, counts.changed, counts.unchanged, counts.groups_added) == (0, 0, 2, 0)
    with opened(acme):
        assert list(Authenticator.objects.order_by("id").values()) == before
        assert list(User.objects.order_by("id").values()) == users


def test_only_what_differs_is_changed(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + ALICE + BOB)
    text = "principal_name,family_name,groups\nALICE@acme.example,Martin,Archive\nbob@acme.example,,\n"
    counts = import_text(tmp_path, acme, text).counts
    assert (counts.added, counts.changed, counts.unchanged) == (0, 1, 1)
    alice, bob = everything(acme)
    assert alice["name"] == "ALICE@acme.example"
    assert alice["names"] == ("Alice", "Martin", "")
    assert alice["groups"] == ["Archive", "Library", "Staff"]
    assert len(alice["proofs"]) == 3
    assert bob["names"] == ("Bob", "Okafor", "Bob O.")


def test_a_proof_is_added_to_somebody_who_is_there_already(bob: User, acme: Tenant, tmp_path: Path) -> None:
    text = "principal_name,mobile_phone\nbob@acme.example,+1 4255551234\n"
    assert import_text(tmp_path, acme, text).counts.changed == 1
    assert proofs_of(acme, "bob@acme.example") == {"email": "bob@home.example", "mobile_phone": "+14255551234"}
    assert import_text(tmp_path, acme, text).counts.unchanged == 1


def test_a_value_that_replaces_an_imported_one_counts_after_72_hours(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + BOB)
    later = timezone.now() + timedelta(days=30)
    text = "principal_name,mobile_phone\nbob@acme.example,+49 15112345648\n"
    assert import_text(tmp_path, acme, text, now=later).counts.changed == 1
    assert proofs_of(acme, "bob@acme.example") == {"mobile_phone": "+4915112345648"}
    with opened(acme):
        row = Authenticator.objects.get()
        assert (row.replaces_another, row.changed_at) == (True, later)
        assert not row.proves(True, later + timedelta(hours=71))
        assert row.proves(True, later + timedelta(hours=72))


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "user"},
        {"source": "import", "confirmed_at": timezone.now()},
        {"source": "staff", "confirmed_at": None},
    ],
)
def test_what_people_or_staff_registered_is_kept(acme: Tenant, tmp_path: Path, fields: dict[str, object]) -> None:
    user = make_user(acme, "alice@acme.example")
    make_authenticator(user, AuthenticatorType.MOBILE_PHONE, "+4915112345647", **fields)
    text = "principal_name,mobile_phone\nalice@acme.example,+1 4255551234\n"
    counts = import_text(tmp_path, acme, text).counts
    assert (counts.unchanged, counts.kept) == (1, 1)
    assert proofs_of(acme, "alice@acme.example") == {"mobile_phone": "+4915112345647"}


def test_the_value_that_a_person_registered_is_no_second_proof(alice: User, acme: Tenant, tmp_path: Path) -> None:
    text = "principal_name,mobile_phone\nalice@acme.example,+49 15112345647\n"
    counts = import_text(tmp_path, acme, text).counts
    assert (counts.unchanged, counts.kept) == (1, 0)
    assert len(proofs_of(acme, "alice@acme.example")) == 2


def test_a_dry_run_counts_the_same_and_writes_nothing(acme: Tenant, tmp_path: Path) -> None:
    text = HEADER + ALICE + BOB + "carol@elsewhere.example,,,,,,,,,,\n"
    dry = import_text(tmp_path, acme, text, dry_run=True)
    assert everything(acme) == []
    with opened(acme):
        assert not Group.objects.exists()
        assert not AuditEvent.objects.exists()
    assert list(dry.reasons) == [4]
    assert import_text(tmp_path, acme, text).counts == dry.counts


def test_switching_somebody_off_ends_their_sessions(acme: Tenant, tmp_path: Path) -> None:
    user = make_user(acme, "bob@acme.example")
    epoch = user.credentials_epoch
    import_text(tmp_path, acme, "principal_name,given_name\nbob@acme.example,Bob\n")
    with opened(acme):
        user.refresh_from_db()
        assert user.credentials_epoch == epoch
    import_text(tmp_path, acme, "principal_name,enabled\nbob@acme.example,no\n")
    with opened(acme):
        user.refresh_from_db()
    assert not user.is_enabled
    assert user.credentials_epoch != epoch


def test_an_existing_password_stays_and_a_new_person_has_none(alice: User, acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, "principal_name,given_name\nalice@acme.example,Alicia\nnew@acme.example,New\n")
    with opened(acme):
        assert User.objects.get(principal_name="alice@acme.example").check_password("old-password-1")
        assert not User.objects.get(principal_name="new@acme.example").has_usable_password()


def test_one_audit_event_tells_the_counts_and_no_names(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + ALICE + "x\n")
    with opened(acme):
        event = AuditEvent.objects.get(activity="users.imported")
    assert event.details == {
        "added": 1, "changed": 0, "unchanged": 0, "refused": 1, "groups_added": 2, "kept": 0,
        "announced": 0, "not_announced": 0,
    }  # fmt: skip


def test_people_of_a_directory_are_not_touched(acme: Tenant, tmp_path: Path) -> None:
    with opened(acme):
        directory = Directory.objects.create(tenant=acme, name="AD", kind=Directory.Kind.ACTIVE_DIRECTORY)
    make_user(acme, "dave@acme.example", directory=directory, anchor="1", given_name="Dave")
    result = import_text(tmp_path, acme, "principal_name,given_name\ndave@acme.example,Changed\n")
    assert "kept in a directory" in result.reasons[2]
    assert everything(acme)[0]["names"] == ("Dave", "", "")


@pytest.mark.parametrize("name", ["Helpdesk", "helpdesk", "Night shift"])
def test_s7_nobody_gets_a_role_through_a_group_of_an_import(acme: Tenant, tmp_path: Path, name: str) -> None:
    with opened(acme):
        helpdesk = Group.objects.create(tenant=acme, name="Helpdesk")
        nested = Group.objects.create(tenant=acme, name="Night shift")
        GroupNesting.objects.create(tenant=acme, parent=helpdesk, child=nested)
        RoleAssignment.objects.create(tenant=acme, role="helpdesk_administrator", group=helpdesk)
    result = import_text(tmp_path, acme, f"principal_name,groups\nmallory@acme.example,{name}\n")
    assert "carries a role" in result.reasons[2]
    assert everything(acme) == []


def test_a_group_is_found_whatever_its_case_and_a_look_alike_is_refused(acme: Tenant, tmp_path: Path) -> None:
    with opened(acme):
        Group.objects.create(tenant=acme, name="Straße")
    result = import_text(
        tmp_path, acme, "principal_name,groups\na@acme.example,STRAßE\nb@acme.example,Strasse\nc@acme.example,Ｓtaff\n"
    )
    assert result.reasons.keys() == {3, 4}
    with opened(acme):
        assert GroupMembership.objects.get().group.name == "Straße"


def test_customers_may_have_names_without_a_domain(globex: Tenant, tmp_path: Path) -> None:
    globex.kind = Tenant.Kind.CUSTOMERS
    globex.save()
    assert import_text(tmp_path, globex, "principal_name\nfrida\nkarl@home.example\n").counts.added == 2


def test_the_same_name_in_another_tenant_is_another_person(alice: User, globex: Tenant, tmp_path: Path) -> None:
    globex.kind = Tenant.Kind.CUSTOMERS
    globex.save()
    counts = import_text(tmp_path, globex, "principal_name,given_name\nalice@acme.example,Other\n").counts
    assert counts.added == 1
    with opened(alice.tenant or globex):
        alice.refresh_from_db()
    assert alice.given_name == "Alice"


def test_imported_proofs_count_only_where_the_tenant_says_so(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, HEADER + ALICE)
    with opened(acme):
        user = User.objects.get()
        for counts in (False, True):
            known = facts.load([user], counts, timezone.now())[user.pk]
            assert {item.counts for item in known.authenticators} == {counts}


def test_many_batches_are_one_import(acme: Tenant, tmp_path: Path) -> None:
    rows = "".join(f"user{number}@acme.example,Group {number % 3}\n" for number in range(2300))
    result = import_text(tmp_path, acme, "principal_name,groups\n" + rows + "USER5@acme.example,\n")
    assert (result.counts.added, result.counts.groups_added) == (2299, 3)
    assert result.reasons == {
        7: "the same principal_name as in line 2302, or one that looks like it",
        2302: "the same principal_name as in line 7, or one that looks like it",
    }
