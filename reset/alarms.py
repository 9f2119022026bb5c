"""*This wasn't me*: a link in the note about a reset. Looking at it changes nothing; pressing the button stops everything."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import secrets, tenants
from accounts.audit import Activity, Event, record
from accounts.models import Invitation, Tenant, User
from accounts.models.users import new_epoch
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import enqueue
from reset import administrators
from reset.completion import ALARM_PURPOSE
from reset.models import ResetRequest


def find(token: str, now: datetime | None = None) -> ResetRequest | None:
    """The reset that an unused, fresh link tells of."""
    digests = secrets.digests(ALARM_PURPOSE, token)
    with tenants.all_opened():
        return (
            ResetRequest.objects.filter(
                alarm_digest__in=digests, alarm_expires_at__gt=now or timezone.now(), user__isnull=False
            )
            .select_related("tenant__branding", "user")
            .defer("tenant__branding__logo")
            .first()
        )


def raise_alarm(request: ResetRequest, visitor: Visitor, now: datetime | None = None) -> bool:
    """End all sessions, close the password that was set, pause self-service, tell the administrators.

    Once per link; False afterwards.
    """
    now = now or timezone.now()
    user = request.user
    assert user is not None
    with transaction.atomic():
        unused = ResetRequest.objects.filter(pk=request.pk, alarm_digest=request.alarm_digest, alarm_expires_at__gt=now)
        if unused.update(alarm_digest="", alarm_expires_at=None) != 1:
            return False
        _stop_everything(user, request.tenant, request.pk, request.support_code, visitor, now, **_password(request))
    return True


def raise_by_owner(user: User, event_id: str, visitor: Visitor, now: datetime | None = None) -> None:
    """The same from the account's own page, about an event there; the owner has just set a new password.

    Raises accounts.executors.NoExecutor.
    """
    assert user.tenant is not None
    with transaction.atomic():
        _stop_everything(user, user.tenant, UUID(event_id), "", visitor, now or timezone.now())


def _stop_everything(
    user: User,
    tenant: Tenant,
    correlation_id: UUID,
    support_code: str,
    visitor: Visitor,
    now: datetime,
    **changes: str,
) -> None:
    """End all sessions, pause self-service, withdraw invitations, tell the administrators, and record it."""
    User.objects.filter(pk=user.pk).update(self_service_paused=True, credentials_epoch=new_epoch(), **changes)
    Invitation.withdraw([user.pk], now)
    drafts = [
        messages.alarm_was_raised(
            tenant_id=tenant.pk,
            language=other.language or tenant.language,
            recipient=administrators.address_of(other),
            principal_name=user.principal_name,
            support_code=support_code,
            at=now,
            address=visitor.address,
            client=visitor.client,
            correlation_id=correlation_id,
            user_id=other.pk,
        )
        for other in administrators.who_hears_alarms(tenant)
    ]
    enqueue(drafts, now)
    record(
        Event(Activity.ALARM_RAISED, tenant.pk, correlation_id=correlation_id, actor=user, target=user, visitor=visitor)
    )


def _password(request: ResetRequest) -> dict[str, str]:
    """The password that the reset set opens nothing any more, unless it has been changed since."""
    user = request.user
    is_from_here = user is not None and not request.is_unlock and user.password_changed_at == request.ended_at
    return {"password": make_password(None)} if is_from_here else {}
