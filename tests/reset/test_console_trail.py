"""What is done in the console stands in the audit trail, and nothing in the console answers questions about secrets."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity, Event, is_genuine, record
from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, Group, GroupMembership, Tenant, User
from accounts.roles import Role
from policy import throttle
from policy.models import ResetPolicy
from reset import buckets
from reset.models import ResetRequest
from tests.administrators import make_administrator, make_message, make_operator, make_request, signed_in
from tests.conftest import make_user

NO_MEMBERSHIPS = {
    "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
    "authenticators-TOTAL_FORMS": "0", "authenticators-INITIAL_FORMS": "0",
}  # fmt: skip


@pytest.fixture
def boss(acme: Tenant) -> User:
    return make_administrator(acme, "boss@acme.example")


@pytest.fixture
def console(boss: User) -> Client:
    client = signed_in(boss)
    client.defaults["HTTP_USER_AGENT"] = "Console browser"
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def newest() -> AuditEvent:
    return AuditEvent._base_manager.latest("created_at", "id")


def test_adding_changing_and_deleting_are_recorded_with_who_and_from_where(
    console: Client, boss: User, acme: Tenant
) -> None:
    console.post(address(Group, "add"), {"name": "Staff"})
    group = Group._base_manager.get(name="Staff")
    added = newest()
    assert (added.activity, added.tenant, added.actor_id) == (Activity.OBJECT_ADDED, acme, boss.pk)
    assert (added.client_address, added.user_agent) == ("127.0.0.1", "Console browser")
    assert added.details["model"] == "accounts.group"
    console.post(
        address(Group, "change", group.pk), {"name": "People", "nested-TOTAL_FORMS": "0", "nested-INITIAL_FORMS": "0"}
    )
    changed = newest()
    assert changed.activity == Activity.OBJECT_CHANGED
    assert changed.details["changes"] == {"name": ["Staff", "People"]}
    console.post(address(Group, "delete", group.pk), {"post": "yes"})
    deleted = newest()
    assert deleted.activity == Activity.OBJECT_DELETED
    assert deleted.details["values"]["name"] == "People"
    with scopes_disabled():
        assert all(is_genuine(event) for event in AuditEvent.objects.all())


def test_saving_without_a_change_records_nothing(console: Client, acme: Tenant) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Staff")
    console.post(
        address(Group, "change", group.pk), {"name": "Staff", "nested-TOTAL_FORMS": "0", "nested-INITIAL_FORMS": "0"}
    )
    assert not AuditEvent._base_manager.exists()


def test_deleting_many_records_each(console: Client, acme: Tenant) -> None:
    with scopes_disabled():
        groups = [Group.objects.create(tenant=acme, name=f"Group {number}") for number in range(3)]
    data = {"action": "delete_selected", "_selected_action": [group.pk for group in groups], "post": "yes"}
    console.post(address(Group, "changelist"), data)
    assert AuditEvent._base_manager.filter(activity=Activity.OBJECT_DELETED).count() == 3


def test_what_names_a_person_never_enters_the_details_of_an_event(console: Client, alice: User) -> None:
    data = {
        "principal_name": "alicia@acme.example", "given_name": "Alicia", "mail": "alicia@acme.example",
        "is_enabled": "on", "is_protected": "on", **NO_MEMBERSHIPS,
    }  # fmt: skip
    assert console.post(address(User, "change", alice.pk), data).status_code == 302
    event = newest()
    assert event.target_id == alice.pk
    assert event.details["changes"]["is_protected"] == [False, True]
    assert event.details["changes"]["given_name"] == ["…", "…"]
    assert "alic" not in json.dumps(event.details).lower()


def test_changes_of_a_policy_are_recorded_with_old_and_new_values(console: Client, open_policy: ResetPolicy) -> None:
    data = {
        "name": "Everybody", "priority": "10", "audience": "everybody", "methods_required": "2",
        "methods": ["email", "sms"],
        "reconfirm_days": "90", "registration_skip_days": "14", "questions_registered": "5", "questions_asked": "3",
        "notify_users": "on", "notify_administrators": "on", "registration_required": "on",
        "policy_groups-TOTAL_FORMS": "0", "policy_groups-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert console.post(address(ResetPolicy, "change", open_policy.pk), data).status_code == 302
    event = newest()
    assert event.activity == Activity.POLICY_CHANGED
    assert event.details["action"] == "changed"
    assert event.details["changes"]["methods_required"] == [1, 2]
    assert event.details["changes"]["methods"] == [["email", "sms", "app_code"], ["email", "sms"]]
    assert is_genuine(event)


def test_what_an_operator_does_stands_in_the_tenants_own_trail(acme: Tenant, boss: User) -> None:
    operator = signed_in(make_operator())
    operator.post(address(Group, "add"), {"name": "From above", "tenant": acme.pk})
    assert newest().tenant == acme
    group = Group._base_manager.get(name="From above")
    history = signed_in(boss).get(address(Group, "history", group.pk)).content.decode()
    assert "operator" in history


def test_djangos_own_log_stays_empty(console: Client) -> None:
    console.post(address(Group, "add"), {"name": "Staff"})
    assert not LogEntry.objects.exists()


def test_a_rows_history_is_its_audit_events(console: Client, acme: Tenant) -> None:
    console.post(address(Group, "add"), {"name": "Staff"})
    console.post(address(Group, "add"), {"name": "Others"})
    group = Group._base_manager.get(name="Staff")
    console.post(
        address(Group, "change", group.pk), {"name": "People", "nested-TOTAL_FORMS": "0", "nested-INITIAL_FORMS": "0"}
    )
    console.get("/admin/")  # shows what was said of both groups, and so ends it
    body = console.get(address(Group, "history", group.pk)).content.decode()
    assert "boss@acme.example" in body
    assert "Staff → People" in body
    assert "Others" not in body


def test_a_persons_history_has_their_authenticators_and_groups_too(console: Client, acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Staff")
    console.post(address(GroupMembership, "add"), {"group": group.pk, "user": alice.pk})
    console.post(address(Authenticator, "add"), {"user": alice.pk, "type": "email", "value": "second@home.example"})
    body = console.get(address(User, "history", alice.pk)).content.decode()
    assert body.count("console.added") == 2
    assert "second@home.example" not in body


@pytest.mark.parametrize(
    ("model", "question"),
    [
        (User, "password__startswith=md5"),
        (User, "credentials_epoch__startswith=a"),
        (Authenticator, "digest__startswith=a"),
        (Authenticator, "user__password__startswith=md5"),
        (GroupMembership, "user__password__startswith=md5"),
        (GroupMembership, "group__role_assignments__role=x"),
        (ResetRequest, "secret_digest__startswith=a"),
        (ResetRequest, "user__credentials_epoch__startswith=a"),
        (AuditEvent, "mac__startswith=a"),
    ],
)
def test_lists_answer_no_questions_about_hidden_fields(console: Client, model: Any, question: str) -> None:
    assert console.get(f"{address(model, 'changelist')}?{question}").status_code == 400


def test_no_page_of_a_person_shows_or_takes_a_password(console: Client, alice: User) -> None:
    body = console.get(address(User, "change", alice.pk)).content.decode()
    stored = User._base_manager.get(pk=alice.pk)
    assert stored.password not in body
    assert stored.credentials_epoch not in body
    assert 'name="password"' not in body
    console.post(
        address(User, "change", alice.pk),
        {"principal_name": alice.principal_name, "password": "planted", "is_enabled": "on", **NO_MEMBERSHIPS},
    )
    assert User._base_manager.get(pk=alice.pk).password == stored.password


def test_reports_show_no_secret(console: Client, acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        made = make_request(acme, alice, alice.principal_name)
        message = make_message(acme, "passcode")
    pages = [address(ResetRequest, "change", made.pk), address(type(message), "change", message.pk)]
    for page in pages:
        body = console.get(page).content.decode()
        for secret in ("digest-of-secret", "key-of-account", "sealed-content"):
            assert secret not in body


def test_a_decoy_is_called_an_unknown_name(console: Client, acme: Tenant) -> None:
    with scopes_disabled():
        made = make_request(acme, None, "nobody@acme.example")
    body = console.get(address(ResetRequest, "change", made.pk)).content.decode()
    assert "unknown name" in body
    assert "nobody@acme.example" in body


def test_an_audit_events_page_says_whether_it_is_as_it_was_written(console: Client, acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        record(Event(Activity.SIGNED_IN, acme.pk, actor=alice, target=alice))
        event = AuditEvent.objects.latest("created_at")
    assert "icon-yes" in console.get(address(AuditEvent, "change", event.pk)).content.decode()
    AuditEvent._base_manager.filter(pk=event.pk).update(activity=Activity.SIGN_IN_FAILED)
    assert "icon-no" in console.get(address(AuditEvent, "change", event.pk)).content.decode()


def test_nobody_writes_the_trail_by_hand(acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        record(Event(Activity.SIGNED_IN, acme.pk, actor=alice, target=alice))
        event = AuditEvent.objects.latest("created_at")
    operator = signed_in(make_operator())
    assert operator.get(address(AuditEvent, "add")).status_code == 403
    assert operator.post(address(AuditEvent, "change", event.pk), {"activity": "x"}).status_code == 403
    assert operator.post(address(AuditEvent, "delete", event.pk), {"post": "yes"}).status_code == 403
    operator.post(
        address(AuditEvent, "changelist"),
        {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"},
    )
    assert AuditEvent._base_manager.filter(pk=event.pk, activity=Activity.SIGNED_IN).exists()


def test_events_are_found_by_name_and_by_correlation(console: Client, acme: Tenant, alice: User) -> None:
    journey = uuid.uuid4()
    with scopes_disabled():
        record(
            Event(Activity.USER_ID_SUBMITTED, acme.pk, target=alice, correlation_id=journey),
            Event(Activity.USER_ID_SUBMITTED, acme.pk, target_name="stranger@acme.example"),
        )
    by_name = console.get(address(AuditEvent, "changelist"), {"q": "alice@"}).content.decode()
    by_journey = console.get(address(AuditEvent, "changelist"), {"q": str(journey)}).content.decode()
    for body in (by_name, by_journey):
        assert "alice@acme.example" in body
        assert "stranger@" not in body
    filtered = console.get(address(AuditEvent, "changelist"), {"activity": Activity.SIGNED_IN}).content.decode()
    assert "0 audit events" in filtered


def test_unblocking_opens_self_service_and_is_recorded(acme: Tenant, alice: User) -> None:
    User._base_manager.filter(pk=alice.pk).update(self_service_paused=True)
    account = buckets.account_key(acme.pk, alice.principal_name, alice)
    use = throttle.Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account), 5)
    throttle.count(use)
    console = signed_in(make_administrator(acme, "desk@acme.example", Role.HELPDESK_ADMINISTRATOR))
    response = console.post(
        address(User, "changelist"), {"action": "unblock", "_selected_action": [alice.pk]}, follow=True
    )
    assert "1 person may try again now." in response.content.decode()
    assert throttle.look(use)[0].count == 0
    assert not User._base_manager.get(pk=alice.pk).self_service_paused
    assert newest().activity == Activity.SELF_SERVICE_UNBLOCKED


def test_people_of_a_higher_role_are_left_alone_by_actions(acme: Tenant, boss: User) -> None:
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    for action in ("unblock", "sign_out_everywhere"):
        response = console.post(
            address(User, "changelist"), {"action": action, "_selected_action": [boss.pk]}, follow=True
        )
        assert "left alone" in response.content.decode()
    assert User._base_manager.get(pk=boss.pk).credentials_epoch == boss.credentials_epoch


def test_signing_somebody_out_everywhere_ends_their_sessions(console: Client, alice: User, acme: Tenant) -> None:
    other = make_administrator(acme, "other@acme.example")
    theirs = signed_in(other)
    console.post(address(User, "changelist"), {"action": "sign_out_everywhere", "_selected_action": [other.pk]})
    assert theirs.get("/admin/").status_code == 302
    assert newest().details["action"] == "signed_out_everywhere"


def test_helpdesk_has_no_signing_out(acme: Tenant, alice: User) -> None:
    console = signed_in(make_administrator(acme, "desk@acme.example", Role.HELPDESK_ADMINISTRATOR))
    console.post(address(User, "changelist"), {"action": "sign_out_everywhere", "_selected_action": [alice.pk]})
    assert User._base_manager.get(pk=alice.pk).credentials_epoch == alice.credentials_epoch


def test_disabling_and_enabling_renew_the_epoch(console: Client, alice: User) -> None:
    epochs = [alice.credentials_epoch]
    for state in ({}, {"is_enabled": "on"}):
        data = {"principal_name": alice.principal_name, **state, **NO_MEMBERSHIPS}
        assert console.post(address(User, "change", alice.pk), data).status_code == 302
        epochs.append(User._base_manager.get(pk=alice.pk).credentials_epoch)
    assert len(set(epochs)) == 3


def test_deleting_a_person_takes_what_is_theirs_along(acme: Tenant, alice: User) -> None:
    with scopes_disabled():
        make_request(acme, alice, alice.principal_name)
    console = signed_in(make_administrator(acme, "people@acme.example", Role.USER_ADMINISTRATOR))
    assert console.post(address(User, "delete", alice.pk), {"post": "yes"}).status_code == 302
    assert not User._base_manager.filter(pk=alice.pk).exists()
    assert not Authenticator._base_manager.exists()


def test_requests_are_found_by_name_and_support_code(console: Client, acme: Tenant, alice: User) -> None:
    bob = make_user(acme, "bob@acme.example")
    with scopes_disabled():
        one, other = make_request(acme, alice, alice.principal_name), make_request(acme, bob, bob.principal_name)
        ResetRequest.objects.filter(pk=other.pk).update(created_at=timezone.now() - timedelta(days=2))
    for term in ("alice", one.support_code, str(one.pk)):
        body = console.get(address(ResetRequest, "changelist"), {"q": term}).content.decode()
        assert one.support_code in body
        assert other.support_code not in body


def test_messages_are_found_by_a_whole_correlation_id_only(console: Client, acme: Tenant) -> None:
    with scopes_disabled():
        message = make_message(acme, "passcode")
        type(message).objects.update(correlation_id=uuid.UUID(int=5))
    found = console.get(address(type(message), "changelist"), {"q": str(uuid.UUID(int=5))}).content.decode()
    assert "1 message" in found
    assert "0 messages" in console.get(address(type(message), "changelist"), {"q": "5"}).content.decode()


def test_every_type_of_staff_typed_value_is_named_in_the_form(console: Client) -> None:
    body = console.get(address(Authenticator, "add")).content.decode()
    for kind in (AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE, AuthenticatorType.APP):
        assert f'value="{kind}"' in body
    assert f'value="{AuthenticatorType.QUESTIONS}"' not in body
