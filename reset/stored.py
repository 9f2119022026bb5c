"""A request's row as every page reads it, in one statement that is written once."""

from datetime import datetime

from django.db.models import QuerySet

from accounts import tenants
from accounts.lookups import Lookup
from reset.models import ResetRequest, State


def _resumed(id: str) -> "QuerySet[ResetRequest]":
    with tenants.all_opened():
        rows = ResetRequest.objects.filter(pk=id).select_related("tenant__branding", "user", "challenge")
        return rows.defer("tenant__branding__logo", *UNUSED).order_by()


# What no step asks for is not read: neither the old password's hash nor times that only the console shows.
UNUSED = (
    *("user_agent", "alarm_digest", "alarm_expires_at"),
    *(f"user__{name}" for name in ("password", "last_login", "principal_key", "mail_key", "created_at")),
    "user__password_changed_at",
    "user__failures_epoch",
)


RESUMED = Lookup(_resumed, id=ResetRequest._meta.get_field("id"))


def find(request_id: str) -> ResetRequest | None:
    """The request with tenant, person and challenge; None where there is none."""
    return next(iter(RESUMED.rows(id=request_id)), None)


def see_whether_over(request: ResetRequest, now: datetime) -> None:
    """Show an end that has come without a step: time over, or the account's credentials renewed. The row follows later."""
    if request.expires_at <= now:
        request.state = State.EXPIRED
    elif not request.tenant.is_active or (request.user is not None and request.user.credentials_epoch != request.epoch):
        request.state, request.reason = State.FAILED, "account_changed"
