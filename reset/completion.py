"""The end that a person came for: the password set or the lock cleared, and everybody told who has to be."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.urls import reverse

from accounts import audit, secrets
from accounts.audit import Activity
from accounts.executors import NoExecutor
from accounts.models import User
from accounts.models.users import new_epoch
from accounts.moving import move, move_and_add
from accounts.visitor import Visitor
from notifications import messages as texts
from notifications import outbox
from notifications.outbox import Draft
from policy import lockout
from reset import administrators, attempts
from reset.addresses import addresses_of
from reset.models import ResetRequest, State
from reset.requests import event
from reset.snapshot import Snapshot
from reset.standing import still_stands

ALARM_LIFETIME = timedelta(days=7)
ALARM_PURPOSE = "alarm"

logger = logging.getLogger(__name__)


def set_password(request: ResetRequest, encoded: str, visitor: Visitor, now: datetime) -> bool:
    """Store the new password's hash and end everything the old one opened. False: the account changed meanwhile."""
    user = request.user
    assert user is not None
    token = secrets.random_token()
    messages = outbox.rows(_notices(request, user, token, visitor, now), now)
    told = audit.rows(
        event(request, Activity.PASSWORD_SUBMITTED, visitor),
        event(request, Activity.PASSWORD_RESET, visitor, gates=[kind for kind, _ in request.passed]),
    )
    with transaction.atomic():
        if not (_complete(request, token, now) and _renew(user, encoded, now, [messages, told])):
            transaction.set_rollback(True)
            return False
        outbox.announce(messages)
    request.state, request.ended_at = State.COMPLETED, now
    return True


def unlock(request: ResetRequest, visitor: Visitor, now: datetime) -> bool:
    """Clear the sign-in lockout and keep the password, inside the transaction that passed the last gate."""
    user = request.user
    assert user is not None
    token = secrets.random_token()
    if not _complete(request, token, now):
        return False
    lockout.clear(request.account_key)
    attempts.forget(request)
    outbox.enqueue(_notices(request, user, token, visitor, now), now)
    audit.record(event(request, Activity.ACCOUNT_UNLOCKED, visitor, gates=[kind for kind, _ in request.passed]))
    request.state, request.ended_at = State.COMPLETED, now
    return True


def confirm(request: ResetRequest, told: dict[str, Any], visitor: Visitor, now: datetime) -> bool:
    """The directory has done it. What the old password opened ends, and everybody is told; inside a transaction.

    Nothing that changed about the account meanwhile can take that back. An unlock leaves everything else as it was,
    the sign-in lockout here too.
    """
    user = request.user
    assert user is not None
    token = secrets.random_token()
    if not move(ResetRequest, _ending(request, token, now), id=request.pk, state=State.WRITING, job=request.job_id):
        return False
    if request.is_unlock:
        attempts.forget(request)
    else:
        move(User, _renewed(now), id=user.pk)
    try:
        outbox.enqueue(_notices(request, user, token, visitor, now), now)
    except NoExecutor:  # what the directory did must not be forgotten because nobody can be told just now
        logger.error("Nobody was told of the end of request %s: no worker has made its key known", request.pk)
    activity = Activity.ACCOUNT_UNLOCKED if request.is_unlock else Activity.PASSWORD_RESET
    audit.record(event(request, activity, visitor, gates=[kind for kind, _ in request.passed], **told))
    return True


def _complete(request: ResetRequest, token: str, now: datetime) -> bool:
    changes = _ending(request, token, now)
    return move(ResetRequest, changes, still_stands(request), id=request.pk, state=State.VERIFIED)


def _ending(request: ResetRequest, token: str, now: datetime) -> dict[str, Any]:
    return {
        "state": State.COMPLETED,
        "ended_at": now,
        "secret_digest": request.secret_digest,
        "alarm_digest": secrets.digest(ALARM_PURPOSE, token),
        "alarm_expires_at": now + ALARM_LIFETIME,
    }


def _renew(user: User, encoded: str, now: datetime, news: Sequence[Sequence[Model]]) -> bool:
    """The password and new epochs: sessions, other requests and codes die by one, failures start anew by the other."""
    changes = {"password": encoded, **_renewed(now)}
    return move_and_add(news, User, changes, id=user.pk, credentials_epoch=user.credentials_epoch, is_enabled=True)


def _renewed(now: datetime) -> dict[str, Any]:
    return {
        "password_changed_at": now,
        "must_change_password": False,
        "credentials_epoch": new_epoch(),
        "failures_epoch": new_epoch(),
    }


def _notices(request: ResetRequest, user: User, token: str, visitor: Visitor, now: datetime) -> list[Draft]:
    kept = Snapshot.from_json(request.snapshot)
    drafts: list[Draft] = []
    if kept.notify_users:
        write = texts.account_was_unlocked if request.is_unlock else texts.password_was_reset
        drafts += [
            write(
                tenant_id=request.tenant_id,
                language=user.language or request.language,
                recipient=address,
                name=user.shown_name,
                principal_name=user.principal_name,
                at=now,
                address=visitor.address,
                client=visitor.client,
                methods=[kind for kind, _ in request.passed],
                alarm_url=settings.BASE_URL + reverse("alarm-link", args=[token]),
                correlation_id=request.pk,
                user_id=user.pk,
            )
            for address in addresses_of(user)
        ]
    if kept.notify_administrators and kept.as_administrator and not request.is_unlock:
        drafts += administrators.reset_notices(request.tenant, user, visitor, request.pk, now)
    return drafts
