"""Groups come in with members and nesting as the directory has them; roles and groups kept here are out of its reach."""

import pytest
from django.core.exceptions import ValidationError

from accounts import facts
from accounts.admin import ranks
from accounts.models import Group, GroupMembership, RoleAssignment, Tenant, User
from accounts.roles import Role
from accounts.tenants import opened
from tests.writeback.directory import BASE, FakeDirectory, bring_in, conflicts, make_connector, members, person
from writeback.connectors.reading import GroupEntry
from writeback.models import Connector, SyncedEntry


def test_members_and_nested_groups_come_in_and_go(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    for number in range(4):
        corp.put(f"a{number}")
    corp.put_group("in", "Inner", "a0", "a1")
    corp.put_group("out", "Outer", "a2", "in")
    result = bring_in(connector, corp)
    assert (members(acme, "Inner"), members(acme, "Outer")) == ({"a0", "a1"}, {"a2", "Inner"})
    assert (result.groups, result.groups_added, result.memberships, result.memberships_added) == (2, 2, 4, 4)
    held = person(acme, "a0")
    with opened(acme):
        outer = Group.objects.get(name="Outer")
        assert outer.pk in facts.groups_and_roles([held.pk])[0][held.pk]
    corp.put_group("in", "Inner", "a1", "a3")
    corp.put_group("out", "Outer", "a2")
    result = bring_in(connector, corp)
    assert (members(acme, "Inner"), members(acme, "Outer")) == ({"a1", "a3"}, {"a2"})
    assert (result.memberships_added, result.memberships_removed) == (1, 2)


def test_dns_find_their_entry_however_they_are_written(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1", dn="CN=Doe\\, Ann,OU=People,DC=acme,DC=example")
    corp.put_group("g", "Sales", 'cn="Doe, Ann", ou=people ,dc=ACME,dc=example')
    bring_in(connector, corp)
    assert members(acme, "Sales") == {"a1"}


def test_circles_do_no_harm(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1")
    corp.put_group("g1", "One", "g2", "g1", "a1")
    corp.put_group("g2", "Two", "g1")
    bring_in(connector, corp)
    assert (members(acme, "One"), members(acme, "Two")) == ({"Two", "a1"}, {"One"})
    held = person(acme, "a1")
    with opened(acme):
        assert len(facts.groups_and_roles([held.pk])[0][held.pk]) == 2


def test_members_outside_of_the_base_are_ignored_and_counted(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    corp.put_group("g", "Sales", "a1", "cn=printer,ou=devices,dc=acme,dc=example")
    assert bring_in(connector, corp).outside == 1
    assert members(acme, "Sales") == {"a1"}


def test_a_moved_member_is_found_by_the_new_dn(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1")
    corp.put("a2")
    corp.put_group("g", "Sales", "a1")
    bring_in(connector, corp)
    old = corp.dn_of("a1")
    corp.change("a1", dn="uid=a1,ou=new,dc=acme,dc=example")
    corp.change("a2", dn=old)
    corp.put_group("g", "Sales", "a1")
    corp.put_group("h", "Heirs", "a2")
    bring_in(connector, corp)
    assert (members(acme, "Sales"), members(acme, "Heirs")) == ({"a1"}, {"a2"})


def test_a_dn_that_changed_with_the_tree_above_takes_nobody_out_and_the_next_run_reads_everything(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    """A directory tells no change of entries below a part of the tree that is renamed."""
    corp.put("a1")
    corp.put("a2")
    corp.put_group("g", "Sales", "a1")
    bring_in(connector, corp)
    corp.entries["a1"] = type(corp.entries["a1"])("a1", "uid=a1,ou=renamed,dc=acme", corp.entries["a1"].fields)
    corp.put_group("g", "Sales", "a1", "a2")
    result = bring_in(connector, corp)
    assert (result.is_full, members(acme, "Sales")) == (False, {"a1", "a2"})
    result = bring_in(connector, corp)
    assert (result.is_full, members(acme, "Sales")) == (True, {"a1", "a2"})
    assert not bring_in(connector, corp).is_full


def test_a_rename_keeps_the_group(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put("a1")
    corp.put_group("g", "Sales", "a1")
    bring_in(connector, corp)
    with opened(acme):
        before = Group.objects.get(name="Sales").pk
    corp.put_group("g", "Vertrieb", "a1", dn="cn=v,ou=moved,dc=acme")
    bring_in(connector, corp)
    with opened(acme):
        assert Group.objects.get().pk == before
    assert members(acme, "Vertrieb") == {"a1"}


def test_a_group_kept_here_is_never_taken_over(
    acme: Tenant, connector: Connector, corp: FakeDirectory, alice: User
) -> None:
    with opened(acme):
        ours = Group.objects.create(tenant=acme, name="Admins")
        GroupMembership.objects.create(tenant=acme, group=ours, user=alice)
        RoleAssignment.objects.create(tenant=acme, group=ours, role=Role.GLOBAL_ADMINISTRATOR)
    corp.put("a1")
    corp.put_group("g1", "ADMINS", "a1")
    corp.put_group("g2", "admins")
    bring_in(connector, corp)
    held = person(acme, "a1")
    with opened(acme):
        assert set(Group.objects.values_list("name", flat=True)) == {"Admins", "ADMINS (Corp)", "admins (Corp 2)"}
        assert facts.groups_and_roles([held.pk])[1][held.pk] == set()
        assert GroupMembership.objects.get(group=ours).user_id == alice.pk
        ours.name = "Chiefs"
        ours.save()
    bring_in(connector, corp, full=True)
    assert members(acme, "ADMINS") == {"a1"}


def test_a_synced_group_may_carry_no_role(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    corp.put_group("g", "Sales")
    bring_in(connector, corp)
    with opened(acme):
        group = Group.objects.get()
        assert ranks.is_filled_by_a_directory(group)
        with pytest.raises(ValidationError):
            RoleAssignment(tenant=acme, group=group, role=Role.GLOBAL_ADMINISTRATOR).clean()


def test_a_group_that_is_gone_is_empty_and_stays_for_the_policies_that_name_it(
    acme: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    corp.put_group("g", "Sales", "a1")
    corp.put_group("o", "Outer", "g")
    bring_in(connector, corp)
    corp.delete("g")
    corp.put_group("o", "Outer")
    result = bring_in(connector, corp, full=True)
    assert (result.groups_gone, members(acme, "Sales"), members(acme, "Outer")) == (1, set(), set())
    with opened(acme):
        assert SyncedEntry.objects.get(anchor="g").gone_at is not None
    corp.put_group("g", "Sales", "a1")
    bring_in(connector, corp)
    assert members(acme, "Sales") == {"a1"}


@pytest.mark.parametrize(
    ("name", "reason"), [("", "name_missing"), ("x" * 201, "name_too_long"), ("Ｓales", "name_not_plain")]
)
def test_a_name_that_no_group_may_have_is_a_conflict(
    acme: Tenant, connector: Connector, corp: FakeDirectory, name: str, reason: str
) -> None:
    corp.put("a1")
    corp.put_group("g", name, "a1")
    corp.put_group("h", "Held", "a1")
    bring_in(connector, corp)
    assert (conflicts(connector), members(acme, "Held")) == ({"g": reason}, {"a1"})
    corp.put_group("g", "Good", "a1")
    bring_in(connector, corp)
    assert (conflicts(connector), members(acme, "Good")) == ({}, {"a1"})


def test_a_group_in_parts_is_put_together(acme: Tenant, connector: Connector, corp: FakeDirectory) -> None:
    anchors = [f"a{number}" for number in range(2300)]
    for anchor in anchors:
        corp.put(anchor)
    corp.group_entries["g"] = GroupEntry("g", f"cn=g,{BASE}", "Big", tuple(map(corp.dn_of, anchors)))
    corp.changed["g"] = 1
    assert bring_in(connector, corp).memberships == 2300
    assert members(acme, "Big") == set(anchors)


def test_dns_of_another_directory_or_tenant_lead_to_nobody(
    acme: Tenant, globex: Tenant, connector: Connector, corp: FakeDirectory
) -> None:
    corp.put("a1")
    bring_in(connector, corp)
    other = FakeDirectory()
    other.put_group("g", "Sales", corp.dn_of("a1"))
    for tenant in (globex, acme):
        result = bring_in(make_connector(tenant, "Other"), other)
        assert (result.outside, result.memberships) == (1, 0)
