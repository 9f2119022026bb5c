"""Turns role assignments into Django's permissions. Passwords are checked in `reset/signin.py`, not here."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django_scopes import scopes_disabled

from accounts.facts import groups_and_roles
from accounts.models import User
from accounts.roles import PERMISSIONS


class RoleBackend(BaseBackend):
    def get_user(self, user_id: int) -> User | None:
        """The person behind a session: by key alone, before any scope is open."""
        with scopes_disabled():
            user: User | None = User.objects.select_related("tenant", "directory").filter(pk=user_id).first()
        return user if user is not None and user.is_enabled and (user.tenant is None or user.tenant.is_active) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_enabled or obj is not None:
            return set()
        return {permission for role in roles_of(user_obj) for permission in PERMISSIONS.get(role, ())}

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()


def roles_of(user: User) -> frozenset[str]:
    """A person's roles, own and their groups'; asked once per loaded user."""
    known: frozenset[str] | None = getattr(user, "_roles", None)
    if known is None:
        known = frozenset(groups_and_roles([user.pk])[1][user.pk])
        user._roles = known  # type: ignore[attr-defined]
    return known
