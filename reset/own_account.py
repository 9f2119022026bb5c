"""What people do to their own account beside the password and the methods: leave all sessions, read what is kept."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Activity, Event
from accounts.models import Authenticator, GroupMembership, Invitation, RoleAssignment, User
from accounts.models.users import new_epoch
from accounts.visitor import Visitor
from reset import activity


def sign_out_everywhere(user: User, visitor: Visitor, now: datetime) -> None:
    """End every session of the person, running resets, codes and open invitations."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(credentials_epoch=new_epoch())
        Invitation.withdraw([user.pk], now)
        audit.record(Event(Activity.SIGNED_OUT_EVERYWHERE, user.tenant_id, actor=user, target=user, visitor=visitor))


def choose_language(user: User, language: str) -> None:
    """The language of pages and messages from now on."""
    User.objects.filter(pk=user.pk).update(language=language)


def data_of(user: User, now: datetime) -> dict[str, Any]:
    """Everything kept about a person, in plain words for a file. No hash, no key, no answer leaves."""
    methods = Authenticator.objects.filter(user=user).order_by("registered_at", "id")
    groups = GroupMembership.objects.filter(user=user).order_by("group__name").values_list("group__name", flat=True)
    roles = RoleAssignment.objects.filter(user=user).order_by("role").values_list("role", flat=True)
    return {
        "user_name": user.principal_name,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "display_name": user.display_name,
        "mail": user.mail,
        "language": user.language,
        "organisation": user.tenant.name if user.tenant else "",
        "created": user.created_at,
        "password_changed": user.password_changed_at,
        "methods_confirmed": user.methods_confirmed_at,
        "last_sign_in": user.last_login,
        "groups": list(groups),
        "roles": list(roles),
        "methods": [_method(row) for row in methods],
        "activity_of_30_days": [
            {
                "time": entry.at,
                "activity": str(entry.what),
                "succeeded": entry.succeeded,
                "address": entry.address,
                "client": entry.client,
            }
            for entry in activity.recent(user, now)
        ],
    }


def _method(row: Authenticator) -> dict[str, Any]:
    is_shown = row.type in ("email", "mobile_phone", "office_phone")
    return {
        "type": row.type,
        "name": row.name,
        "value": (row.readable_value or "") if is_shown else "",
        "origin": row.source,
        "registered": row.registered_at,
        "confirmed": row.confirmed_at,
        "last_used": row.last_used_at,
        "used_first": row.is_first,
    }
