"""Administrators for tests of the console, and the rows of another organisation that they must never see."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity, Event, record
from accounts.identifiers import moment_of, new_id
from accounts.methods import AuthenticatorType
from accounts.models import (
    AuditEvent,
    Branding,
    Directory,
    Domain,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    Tenant,
    User,
)
from accounts.roles import Role
from notifications.models import Delivery, Message
from policy.models import QuestionText, ResetPolicy, SpendGuard
from reset.models import ResetRequest
from tests.conftest import make_authenticator, make_user


def make_administrator(tenant: Tenant, name: str, role: str = Role.GLOBAL_ADMINISTRATOR) -> User:
    user = make_user(tenant, name)
    with scopes_disabled():
        RoleAssignment.objects.create(tenant=tenant, user=user, role=role)
    return user


def make_operator(name: str = "operator") -> User:
    with scopes_disabled():
        return User.objects.create(tenant=None, principal_name=name, password="!")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_message(tenant: Tenant, kind: str) -> Message:
    identifier = new_id()
    return Message.objects.create(
        id=identifier, created_at=moment_of(identifier), tenant=tenant, kind=kind, channel="email", language="en",
        sealed=b"sealed-content", expires_at=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip


def make_request(tenant: Tenant, user: User | None, name: str) -> ResetRequest:
    now = timezone.now()
    return ResetRequest.objects.create(
        tenant=tenant, user=user, typed_name=name, account_key="key-of-account", secret_digest="digest-of-secret",
        support_code=new_id().hex[-12:], created_at=now, expires_at=now + timedelta(minutes=15),
    )  # fmt: skip


def fill(tenant: Tenant, mark: str) -> dict[Any, Any]:
    """One row of every model the console shows, each with `mark` in every name. Keyed by model."""
    with scopes_disabled():
        user = make_user(tenant, f"{mark}-user@{tenant.slug}.example", display_name=f"{mark} person")
        group = Group.objects.create(tenant=tenant, name=f"{mark} group")
        inner = Group.objects.create(tenant=tenant, name=f"{mark} inner group")
        message = make_message(tenant, f"{mark}_message")
        moment = timezone.now()
        record(Event(Activity.SIGNED_IN, tenant.pk, target=user, actor=user))
        return {
            Tenant: tenant,
            Branding: Branding.objects.create(tenant=tenant, accent="#123456"),
            Domain: Domain.objects.create(tenant=tenant, name=f"{mark}.example"),
            Directory: Directory.objects.create(tenant=tenant, name=f"{mark} directory", kind="openldap"),
            User: user,
            Group: group,
            GroupMembership: GroupMembership.objects.create(tenant=tenant, group=group, user=user),
            GroupNesting: GroupNesting.objects.create(tenant=tenant, parent=group, child=inner),
            RoleAssignment: RoleAssignment.objects.create(tenant=tenant, group=inner, role=Role.REPORTS_READER),
            type(auth := make_authenticator(user, AuthenticatorType.EMAIL, f"{mark}@home.example")): auth,
            AuditEvent: AuditEvent.objects.filter(tenant=tenant).latest("created_at"),
            ResetPolicy: ResetPolicy.objects.create(tenant=tenant, name=f"{mark} policy"),
            QuestionText: QuestionText.objects.create(tenant=tenant, text=f"{mark} question?"),
            SpendGuard: SpendGuard.objects.create(tenant=tenant),
            Message: message,
            Delivery: Delivery.objects.create(
                tenant=tenant,
                message=message,
                created_at=moment,
                started_at=moment,
                accepted=True,
                answer=f"{mark} answer",
            ),
            ResetRequest: make_request(tenant, user, user.principal_name),
        }
