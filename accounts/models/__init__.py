"""Who exists: tenants, users, groups, authenticators, and the record of what happened."""

from accounts.models.audit import AuditEvent
from accounts.models.authenticators import AccessPass, Authenticator, RecoveryCode, SecurityAnswer
from accounts.models.executors import ExecutorKey
from accounts.models.groups import Group, GroupMembership, GroupNesting, RoleAssignment
from accounts.models.tenants import Branding, Directory, Domain, Tenant
from accounts.models.users import Invitation, User

__all__ = [
    "AccessPass",
    "AuditEvent",
    "Authenticator",
    "Branding",
    "Directory",
    "Domain",
    "ExecutorKey",
    "Group",
    "GroupMembership",
    "GroupNesting",
    "Invitation",
    "RecoveryCode",
    "RoleAssignment",
    "SecurityAnswer",
    "Tenant",
    "User",
]
