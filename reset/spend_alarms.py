"""Tells administrators that hardly anybody answers the texts and calls that are paid for."""

from datetime import datetime

from django.db import transaction

from accounts import tenants
from accounts.audit import Activity, Event, record
from accounts.models import Tenant
from accounts.roles import Role
from notifications import messages
from notifications.outbox import enqueue
from policy import spending
from policy.spending import Spent
from reset import administrators

TOLD = (Role.GLOBAL_ADMINISTRATOR, Role.AUTHENTICATION_POLICY_ADMINISTRATOR)


def raise_due(now: datetime) -> int:
    """Raise the alarm for each tenant whose day calls for it, once a day. Returns for how many.

    That it was raised is noted in the same transaction: what nobody could be told is told the next time.
    """
    raised = 0
    for guard, spent in spending.to_alarm(now):
        tenant = Tenant.objects.get(pk=guard.tenant_id)
        with tenants.opened(tenant), transaction.atomic():
            if spending.is_first_alarm(tenant.pk, now):
                _tell(tenant, spent, now)
                raised += 1
    return raised


def _tell(tenant: Tenant, spent: Spent, now: datetime) -> None:
    told = administrators.holders(tenant, TOLD)[: administrators.MOST_RECIPIENTS]
    drafts = [
        messages.spend_alarm(
            sent=spent.sent,
            answered=spent.answered,
            tenant_id=tenant.pk,
            language=other.language or tenant.language,
            recipient=administrators.address_of(other),
            user_id=other.pk,
        )
        for other in told
    ]
    enqueue(drafts, now)
    details = {"sent": spent.sent, "answered": spent.answered, "told": len(told)}
    record(Event(Activity.SPEND_ALARM, tenant.pk, succeeded=False, reason="few_answered", details=details))
