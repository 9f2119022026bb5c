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
from policy.models import QuestionText, ResetPolicy, SignInRule, SpendGuard
from reset.models import ResetRequest
from reset.views.members import PROVED_AT, PROVED_EPOCH, SIGNED_IN_AT
from tests.conftest import make_authenticator, make_user
from writeback.models import Agent, Connector, SyncConflict, SyncRun, WritebackJob


def make_administrator(tenant: Tenant, name: str, role: str = Role.GLOBAL_ADMINISTRATOR) -> User:
    user = make_user(tenant, name)
    with scopes_disabled():
        RoleAssignment.objects.create(tenant=tenant, user=user, role=role)
    return user


def make_operator(name: str = "operator") -> User:
    with scopes_disabled():
        return User.objects.create(tenant=None, principal_name=name, password="!")


def signed_in(user: User, is_proved: bool = True) -> Client:
    """A browser of somebody who also proved just now who they are."""
    client = Client()
    client.force_login(user)
    if is_proved:
        session, now = client.session, timezone.now().isoformat()
        session.update({PROVED_AT: now, PROVED_EPOCH: user.credentials_epoch, SIGNED_IN_AT: now})
        session.save()
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


def make_job(connector: Connector, user: User | None, **fields: Any) -> WritebackJob:
    identifier = new_id()
    moment = moment_of(identifier)
    return WritebackJob.objects.create(
        id=identifier, tenant=connector.tenant, connector=connector, user=user, anchor="anchor", operation="reset",
        created_at=moment, deadline=moment + timedelta(minutes=1), sealed=b"sealed-content", signature=b"signature", **fields,
    )  # fmt: skip


def of_writeback(tenant: Tenant, directory: Directory, user: User, mark: str) -> dict[Any, Any]:
    """One row of every model of writeback that the console shows."""
    now = timezone.now()
    connector = Connector.objects.create(tenant=tenant, directory=directory, base_dn=f"dc={mark}")
    reached = {"tenant": tenant, "connector": connector}
    return {
        Agent: Agent.objects.create(name=f"{mark} agent", fingerprint=f"{mark} fingerprint", **reached),
        WritebackJob: make_job(connector, user, code=f"{mark} code"),
        SyncRun: SyncRun.objects.create(
            status="done", is_full=True, created_at=now, lease_until=now, problem=f"{mark} problem", **reached
        ),
        SyncConflict: SyncConflict.objects.create(
            anchor="1", name=f"{mark} conflict", reason="name_taken", seen_at=now, **reached
        ),
    }


def fill(tenant: Tenant, mark: str) -> dict[Any, Any]:
    """One row of every model the console shows, each with `mark` in every name. Keyed by model."""
    with scopes_disabled():
        user = make_user(tenant, f"{mark}-user@{tenant.slug}.example", display_name=f"{mark} person")
        group = Group.objects.create(tenant=tenant, name=f"{mark} group")
        inner = Group.objects.create(tenant=tenant, name=f"{mark} inner group")
        message = make_message(tenant, f"{mark}_message")
        moment = timezone.now()
        record(Event(Activity.SIGNED_IN, tenant.pk, target=user, actor=user))
        directory = Directory.objects.create(tenant=tenant, name=f"{mark} directory", kind="openldap")
        return {
            **of_writeback(tenant, directory, user, mark),
            Tenant: tenant,
            Branding: Branding.objects.create(tenant=tenant, accent="#123456"),
            Domain: Domain.objects.create(tenant=tenant, name=f"{mark}.example"),
            Directory: directory,
            User: user,
            Group: group,
            GroupMembership: GroupMembership.objects.create(tenant=tenant, group=group, user=user),
            GroupNesting: GroupNesting.objects.create(tenant=tenant, parent=group, child=inner),
            RoleAssignment: RoleAssignment.objects.create(tenant=tenant, group=inner, role=Role.REPORTS_READER),
            type(auth := make_authenticator(user, AuthenticatorType.EMAIL, f"{mark}@home.example")): auth,
            AuditEvent: AuditEvent.objects.filter(tenant=tenant).latest("created_at"),
            ResetPolicy: ResetPolicy.objects.create(tenant=tenant, name=f"{mark} policy"),
            SignInRule: SignInRule.objects.create(tenant=tenant, audience="groups"),
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
