"""What tests of sign-in share: typing into its pages, and an administrator with an app."""

import base64
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone
from django_otp.oath import hotp
from django_scopes import scopes_disabled

from accounts import totp
from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, RoleAssignment, User
from accounts.roles import Role
from tests.conftest import make_authenticator

PASSWORD = "old-password-1"
NEUTRAL = "That user name or password isn&#x27;t right."
LOCKED = "Too many tries. Wait a minute"


def post_sign_in(client: Client, name: str, password: str, address: str = "/signin/", **extra: Any) -> Any:
    return client.post(address, {"username": name, "password": password}, **extra)


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def make_administrator(user: User, role: str = Role.HELPDESK_ADMINISTRATOR) -> None:
    assert user.tenant is not None
    with scopes_disabled():
        RoleAssignment.objects.create(tenant=user.tenant, user=user, role=role)


def give_app(user: User) -> Authenticator:
    return make_authenticator(user, AuthenticatorType.APP, totp.new_secret())


def code_of(app: Authenticator, steps: int = 0, now: datetime | None = None) -> str:
    """What the app shows now, or so many steps later."""
    step = int((now or timezone.now()).timestamp()) // totp.STEP_SECONDS + steps
    return f"{hotp(base64.b32decode(app.secret_value), step):06d}"


def events(activity: str) -> list[AuditEvent]:
    """Oldest first."""
    with scopes_disabled():
        return list(AuditEvent.objects.filter(activity=activity).order_by("created_at", "id"))


def reloaded(user: User) -> User:
    with scopes_disabled():
        return User.objects.get(pk=user.pk)
