"""What happened to one's own account lately: sign-ins, resets, changes of the password and of methods."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.audit import Activity
from accounts.models import AuditEvent, User
from accounts.visitor import Visitor

LOOK_BACK = timedelta(days=30)
MOST, MOST_FAILURES = 100, 20

SHOWN: dict[str, str | Promise] = {
    Activity.SIGNED_IN: _("Signed in"),
    Activity.SIGN_IN_FAILED: _("Sign-in failed"),
    Activity.SECOND_PROOF_ASKED: _("Password was right, a second proof was asked for"),
    Activity.PASSWORD_IS_DUE: _("Password was right, a new one was asked for"),
    Activity.SIGNED_OUT_EVERYWHERE: _("Signed out everywhere"),
    Activity.PASSWORD_RESET: _("Password reset"),
    Activity.ACCOUNT_UNLOCKED: _("Account unlocked"),
    Activity.WRITEBACK_FAILED: _("A reset didn't reach the directory"),
    Activity.WRITEBACK_UNCONFIRMED: _("A reset may have reached the directory or not"),
    Activity.RESET_BLOCKED: _("Reset blocked"),
    Activity.VERIFICATION_FAILED: _("A proof in a reset failed"),
    Activity.PASSWORD_CHANGED: _("Password change"),
    Activity.METHOD_REGISTERED: _("Method registered"),
    Activity.METHOD_REFUSED: _("Registering a method failed"),
    Activity.METHOD_RENAMED: _("Method renamed"),
    Activity.METHOD_USED_FIRST: _("Method chosen to be used first"),
    Activity.METHOD_REMOVED: _("Method removed"),
    Activity.ACCESS_PASS_ISSUED: _("Temporary access pass made by the helpdesk"),
    Activity.ACCESS_PASS_APPROVED: _("Temporary access pass approved"),
    Activity.PROOF_GIVEN: _("Proved before a change"),
    Activity.PROOF_FAILED: _("A proof before a change failed"),
    Activity.PROMPT_REFUSED: _("Refused on the phone: it wasn't you"),
    Activity.ALARM_RAISED: _("Reported: this wasn't me"),
}
# What these are called says already that something failed.
NAMED_FAILURES = (
    Activity.SIGN_IN_FAILED,
    Activity.WRITEBACK_FAILED,
    Activity.WRITEBACK_UNCONFIRMED,
    Activity.RESET_BLOCKED,
    Activity.VERIFICATION_FAILED,
    Activity.METHOD_REFUSED,
    Activity.PROOF_FAILED,
    Activity.PROMPT_REFUSED,
)


@dataclass(frozen=True)
class Entry:
    """One thing that happened, as its person reads it."""

    id: str
    at: datetime
    what: str | Promise
    address: str
    client: str
    succeeded: bool
    is_named_failure: bool


def recent(user: User, now: datetime) -> list[Entry]:
    """The newest first, of 30 days: at most a hundred, and twenty failures, which any stranger can cause."""
    rows = _of(user, now)
    failed = rows.filter(activity__in=NAMED_FAILURES)[:MOST_FAILURES]
    others = rows.exclude(activity__in=NAMED_FAILURES)[:MOST]
    return [_entry(row) for row in sorted([*failed, *others], key=lambda row: (row.created_at, row.pk), reverse=True)]


def find(user: User, event_id: str, now: datetime) -> Entry | None:
    """One of these, shown or not."""
    row = _of(user, now).filter(pk=event_id).first()
    return _entry(row) if row else None


def _of(user: User, now: datetime) -> "QuerySet[AuditEvent]":
    found: QuerySet[AuditEvent] = AuditEvent.objects.filter(
        tenant=user.tenant_id, target_id=user.pk, created_at__gt=now - LOOK_BACK, activity__in=SHOWN
    ).order_by("-created_at", "-id")
    return found


def _entry(row: AuditEvent) -> Entry:
    return Entry(
        str(row.pk),
        row.created_at,
        SHOWN[row.activity],
        row.client_address,
        Visitor(row.client_address, row.user_agent).client,
        row.result == AuditEvent.Result.SUCCESS,
        row.activity in NAMED_FAILURES,
    )
