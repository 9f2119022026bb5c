"""Opening self-service and sign-in again for one person: for staff who know that it is all right."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit import Activity, Event, record
from accounts.models import User
from accounts.visitor import NOBODY, Visitor
from policy import lockout, throttle
from policy.throttle import Use
from reset import buckets


def unblock(user: User, *, actor: User | None = None, visitor: Visitor = NOBODY, now: datetime | None = None) -> bool:
    """Forget the failures of strangers' browsers, the sign-in lockout and a pause. Says whether anything was closed."""
    now = now or timezone.now()
    assert user.tenant_id is not None
    account = buckets.account_key(user.tenant_id, user.principal_name, user)
    with transaction.atomic():
        cleared = throttle.clear([Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account))]) > 0
        unlocked = lockout.clear(account)
        resumed = User.objects.filter(pk=user.pk, self_service_paused=True).update(self_service_paused=False) == 1
        record(
            Event(
                Activity.SELF_SERVICE_UNBLOCKED,
                user.tenant_id,
                actor=actor,
                target=user,
                visitor=visitor,
                details={"failures": cleared, "sign_in": unlocked, "pause": resumed},
            )
        )
    user.self_service_paused = False
    return cleared or unlocked or resumed
