"""One-time links with which a new administrator sets a password and an authenticator app.

    link opened ──▶ PASSWORD ──set──▶ APP ──first code──▶ used

Until the first code is right the link may be opened again, and starts anew with another password and another key. What
uses it up is that last step, by a guarded update; older apps of the account go with it.
"""

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, secrets, tenants, totp
from accounts.audit import Activity, Event
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Invitation, User
from accounts.models.users import INVITATION_LIFETIME
from accounts.visitor import NOBODY, Visitor
from notifications.outbox import enqueue
from policy import lockout, passwords, throttle
from policy.throttle import Use
from reset.models import ResetRequest, State
from reset.password_change import notices, set_password
from reset.password_proof import account_key_of
from reset.signin import APP_CODES_OF_ACCOUNT, CodeResult

PURPOSE = "invitation"
MAX_LENGTH = 100


class Step(StrEnum):
    """What an open invitation asks for next."""

    PASSWORD = "password"  # noqa: S105 - a name of a step
    APP = "app"


class Over(Exception):
    """The invitation was used or withdrawn, or is too old. Nothing was done."""


def invite(user: User, actor: User | None = None, now: datetime | None = None) -> str:
    """Make a link's secret, to be shown once. Earlier links of the same person are withdrawn."""
    now = now or timezone.now()
    token = secrets.random_token()
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        Invitation.withdraw([user.pk], now)
        Invitation.objects.create(
            tenant=user.tenant,
            user=user,
            digest=secrets.digest(PURPOSE, token),
            created_at=now,
            expires_at=now + INVITATION_LIFETIME,
        )
        audit.record(Event(Activity.INVITATION_CREATED, user.tenant_id, actor=actor, target=user))
    return token


def find(token: str, now: datetime | None = None) -> Invitation | None:
    """The open invitation behind a link. Reads only: a mail scanner that follows the link changes nothing."""
    if len(token) > MAX_LENGTH:
        return None
    return _find_open(now, digest__in=secrets.digests(PURPOSE, token))


def find_again(invitation_id: int, now: datetime | None = None) -> Invitation | None:
    """The invitation that this browser opened before, if it is still open."""
    return _find_open(now, pk=invitation_id)


def _find_open(now: datetime | None, **by: object) -> Invitation | None:
    """An invitation that nothing has overtaken: a completed reset of the person ends those made before it."""
    with tenants.all_opened():
        completed = ResetRequest.objects.filter(user=OuterRef("user"), state=State.COMPLETED)
        later_reset = Exists(completed.filter(ended_at__gt=OuterRef("created_at")))
        found: Invitation | None = (
            Invitation.objects.select_related("user__tenant__branding", "user__directory")
            .defer("user__tenant__branding__logo")
            .filter(~later_reset, used_at=None, expires_at__gt=now or timezone.now(), user__is_enabled=True, **by)
            .first()
        )
    return found if found and (found.user.tenant is None or found.user.tenant.is_active) else None


def step_of(invitation: Invitation, epoch: str) -> Step:
    """Where a browser stands. `epoch` is the account's when this browser set the password; empty before."""
    return Step.APP if epoch and epoch == invitation.user.credentials_epoch else Step.PASSWORD


def choose_password(invitation: Invitation, new: str, visitor: Visitor, now: datetime | None = None) -> str:
    """Set the first password, which was validated before, and make a key for the app. Returns the account's new epoch.

    Raises policy.hashing.Busy, Over, password_change.AccountChanged, accounts.executors.NoExecutor.
    """
    now = now or timezone.now()
    user = invitation.user
    had_password = bool(user.password) and user.has_usable_password()
    hashed = passwords.hash_password(new)
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        if (
            not Invitation.objects.select_for_update()
            .filter(pk=invitation.pk, used_at=None, expires_at__gt=now)
            .exists()
        ):
            raise Over
        set_password(user, hashed, now)
        lockout.clear(account_key_of(user))
        _pending_apps(user).delete()
        _add_pending_app(user, now)
        if had_password:
            enqueue(notices(user, visitor, now), now)
        audit.record(_event(Activity.PASSWORD_CHANGED, user, visitor))
    return user.credentials_epoch


def _add_pending_app(user: User, now: datetime) -> None:
    app = Authenticator(
        tenant=user.tenant,
        user=user,
        type=AuthenticatorType.APP,
        name=_("Authenticator app"),
        source=Authenticator.Source.USER,
        registered_at=now,
    )
    app.set_value(totp.new_secret(), now)
    app.save()


def _pending_apps(user: User) -> "QuerySet[Authenticator]":
    """Keys shown but never confirmed; they prove nothing."""
    pending: QuerySet[Authenticator] = Authenticator.objects.filter(
        user=user, type=AuthenticatorType.APP, source=Authenticator.Source.USER, confirmed_at=None
    )
    return pending


def pending_key(invitation: Invitation) -> str:
    """The key to be put into the app, base32. Raises Over when another browser has gone on with this link."""
    with tenants.opened_or_all(invitation.user.tenant):
        app = _pending_apps(invitation.user).first()
    if app is None:
        raise Over
    return str(app.secret_value)


def is_app_optional() -> bool:
    """Whether the console opens without an app code here."""
    return not settings.CONSOLE_NEEDS_APP_CODE


def confirm_app(invitation: Invitation, code: str, visitor: Visitor, now: datetime | None = None) -> CodeResult:
    """Confirm the app by its first code and use the invitation up. Counted before it is compared. Raises Over."""
    now = now or timezone.now()
    counted = Use(APP_CODES_OF_ACCOUNT, account_key_of(invitation.user))
    if throttle.count(counted, now=now)[0].is_over:
        return CodeResult.THROTTLED
    step = totp.find_step(pending_key(invitation), code, now)
    if step is None:
        return CodeResult.WRONG
    with tenants.opened_or_all(invitation.user.tenant), transaction.atomic():
        _use_up(invitation, now)
        app = _pending_apps(invitation.user).get()
        Authenticator.objects.filter(user=invitation.user, type=AuthenticatorType.APP).exclude(pk=app.pk).delete()
        Authenticator.objects.filter(pk=app.pk).update(confirmed_at=now, last_step=step, last_used_at=now)
        throttle.clear([counted])
        audit.record(_event(Activity.INVITATION_USED, invitation.user, visitor))
    return CodeResult.RIGHT


def finish_without_app(invitation: Invitation, visitor: Visitor, now: datetime | None = None) -> None:
    """Use the invitation up without an app, where none is needed. Raises Over."""
    with tenants.opened_or_all(invitation.user.tenant), transaction.atomic():
        _use_up(invitation, now or timezone.now())
        _pending_apps(invitation.user).delete()
        audit.record(_event(Activity.INVITATION_USED, invitation.user, visitor, app=False))


def _use_up(invitation: Invitation, now: datetime) -> None:
    still_open = Invitation.objects.filter(pk=invitation.pk, used_at=None, expires_at__gt=now)
    if still_open.update(used_at=now) != 1:
        raise Over


def _event(activity: str, user: User, visitor: Visitor = NOBODY, app: bool = True) -> Event:
    details = {"by": "invitation"} if app else {"by": "invitation", "app": "none"}
    return Event(activity, user.tenant_id, actor=user, target=user, visitor=visitor, details=details)
