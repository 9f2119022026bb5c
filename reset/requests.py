"""What several steps do with a request's row: its secret, its end, and the events that tell of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import secrets
from accounts.audit import Activity, Event, record
from accounts.visitor import Visitor
from reset.models import ResetRequest, State
from reset.models.requests import ENDS, RUNNING

SECRET_PURPOSE = "request-secret"  # noqa: S105 - a purpose, not a secret
ENDED_AS: dict[State, str] = {
    State.BLOCKED: Activity.RESET_BLOCKED,
    State.CANCELLED: Activity.RESET_CANCELLED,
    State.EXPIRED: Activity.RESET_EXPIRED,
    State.FAILED: Activity.RESET_STOPPED,
}


class NotOffered(Exception):
    """What was asked for is not open to this request now."""


@dataclass
class TooOften(Exception):
    """A throttle says wait."""

    ends_at: datetime


def new_secret(request: ResetRequest) -> str:
    """A new secret for the request's cookie; the row keeps its digest."""
    secret = secrets.random_token()
    request.secret_digest = secrets.digest(SECRET_PURPOSE, f"{request.pk}|{secret}")
    return secret


def is_secret_of(request: ResetRequest, secret: str) -> bool:
    return secrets.digest_matches(request.secret_digest, SECRET_PURPOSE, f"{request.pk}|{secret}")


def event(
    request: ResetRequest, activity: str, visitor: Visitor, succeeded: bool = True, reason: str = "", **details: Any
) -> Event:
    """An audit event of this journey. A stranger's carries the name that was typed."""
    return Event(
        activity,
        request.tenant_id,
        succeeded=succeeded,
        reason=reason,
        correlation_id=request.pk,
        actor=request.user,
        target=request.user,
        target_name=request.typed_name,
        visitor=visitor,
        details=details,
    )


def end(request: ResetRequest, state: State, reason: str, visitor: Visitor, now: datetime) -> bool:
    """Move a running request to an end that sets no password. False when it had ended, or moved on, already."""
    assert state in ENDS - {State.COMPLETED}
    with transaction.atomic():
        moved = ResetRequest.objects.filter(pk=request.pk, state__in=RUNNING, passed=request.passed).update(
            state=state, reason=reason, ended_at=now, challenge=None
        )
        if moved == 1:
            record(event(request, ENDED_AS[state], visitor, reason=reason, last_step=request.state))
    if moved == 1:
        request.state, request.reason, request.ended_at, request.challenge = state, reason, now, None
    return moved == 1
