"""Asking the administrators for help: a form that mails the right ones, and can't be used to flood them."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit import Activity, record
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import Draft, enqueue
from policy import throttle
from policy.throttle import Use
from reset import administrators
from reset.models import ResetRequest
from reset.requests import TooOften, event


def contact(request: ResetRequest, text: str, visitor: Visitor, now: datetime | None = None) -> None:
    """Mail a person's words to the administrators. A stranger's are written down and withheld.

    Raises TooOften, or accounts.executors.NoExecutor.
    """
    now = now or timezone.now()
    for state in throttle.count(
        Use(throttle.CONTACTS_FROM_ADDRESS, visitor.network),
        Use(throttle.CONTACTS_ABOUT_ACCOUNT, request.account_key),
        Use(throttle.CONTACTS_OF_TENANT, str(request.tenant_id)),
        now=now,
    ):
        if state.is_over:
            raise TooOften(state.ends_at)
    with transaction.atomic():
        ResetRequest.objects.filter(pk=request.pk).update(contacted_at=now)
        enqueue([replace(draft, withheld=request.is_decoy) for draft in _drafts(request, text, visitor, now)], now)
        record(event(request, Activity.ADMINISTRATOR_CONTACTED, visitor, at_state=request.state))
    request.contacted_at = now


def _drafts(request: ResetRequest, text: str, visitor: Visitor, now: datetime) -> list[Draft]:
    return [
        messages.contact_administrator(
            tenant_id=request.tenant_id,
            language=helper.language or request.tenant.language,
            recipient=administrators.address_of(helper),
            principal_name=request.typed_name,
            text=text,
            support_code=request.support_code,
            at=now,
            address=visitor.address,
            client=visitor.client,
            correlation_id=request.pk,
            user_id=helper.pk,
        )
        for helper in administrators.who_helps(request.tenant)
    ]
