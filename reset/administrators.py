"""Which administrators hear of what: another administrator's reset, a person's request for help, an alarm."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts.admin.ranks import groups_inside
from accounts.models import GroupMembership, RoleAssignment, Tenant, User
from accounts.roles import Role
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import Draft

MOST_RECIPIENTS = 100
# Whom a person's request for help goes to: the first of these that anybody holds. Source: Entra's order of roles.
HELP_ORDER = (Role.HELPDESK_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.GLOBAL_ADMINISTRATOR)


def holders(tenant: Tenant, roles: Iterable[str]) -> list[User]:
    """Enabled people with an address who hold one of these roles, directly or through groups inside groups."""
    assignments = RoleAssignment.objects.filter(tenant=tenant, role__in=list(roles)).values_list("user_id", "group_id")
    user_ids = {user for user, _ in assignments if user}
    groups = groups_inside({group for _, group in assignments if group})
    members = GroupMembership.objects.filter(group_id__in=groups).values_list("user_id", flat=True) if groups else []
    people = User.objects.filter(Q(pk__in=user_ids | set(members)), tenant=tenant, is_enabled=True).order_by("pk")
    return [person for person in people if "@" in address_of(person)]


def who_helps(tenant: Tenant) -> list[User]:
    """Whom to mail when somebody asks for help: at most 100 people of the first role in order that anybody holds."""
    for role in HELP_ORDER:
        found = holders(tenant, [role])
        if found:
            return found[:MOST_RECIPIENTS]
    return []


def who_hears_alarms(tenant: Tenant) -> list[User]:
    """Whom to tell that an owner said *it's not me*: those who help, and the global administrators."""
    told = who_helps(tenant)
    told += [other for other in holders(tenant, [Role.GLOBAL_ADMINISTRATOR]) if other not in told]
    return told[:MOST_RECIPIENTS]


def address_of(administrator: User) -> str:
    """Where an administrator reads mail."""
    return administrator.mail or administrator.principal_name


def reset_notices(tenant: Tenant, user: User, visitor: Visitor, correlation_id: UUID, now: datetime) -> list[Draft]:
    """Tell the others that an administrator's password was reset; never that one."""
    everybody = tenant.administrator_notice == Tenant.AdministratorNotice.ALL
    roles = list(Role.values) if everybody else [Role.GLOBAL_ADMINISTRATOR]
    return [
        messages.administrator_was_reset(
            tenant_id=tenant.pk,
            language=other.language or tenant.language,
            recipient=address_of(other),
            principal_name=user.principal_name,
            at=now,
            address=visitor.address,
            client=visitor.client,
            correlation_id=correlation_id,
            user_id=other.pk,
        )
        for other in holders(tenant, roles)[: MOST_RECIPIENTS + 1]
        if other.pk != user.pk
    ]
