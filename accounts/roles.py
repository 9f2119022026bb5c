"""Roles of administrators and what each may do in the console."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    GLOBAL_ADMINISTRATOR = "global_administrator", _("Global administrator")
    AUTHENTICATION_POLICY_ADMINISTRATOR = (
        "authentication_policy_administrator",
        _("Authentication policy administrator"),
    )
    USER_ADMINISTRATOR = "user_administrator", _("User administrator")
    HELPDESK_ADMINISTRATOR = "helpdesk_administrator", _("Helpdesk administrator")
    REPORTS_READER = "reports_reader", _("Reports reader")


# A person may only be changed by somebody of a higher rank.
RANK: dict[str, int] = {
    Role.REPORTS_READER: 1,
    Role.HELPDESK_ADMINISTRATOR: 2,
    Role.USER_ADMINISTRATOR: 3,
    Role.AUTHENTICATION_POLICY_ADMINISTRATOR: 4,
    Role.GLOBAL_ADMINISTRATOR: 5,
}

_USERS_READ = {
    "accounts.view_user",
    "accounts.view_group",
    "accounts.view_groupmembership",
    "accounts.view_groupnesting",
}
_USERS_WRITE = _USERS_READ | {
    "accounts.add_user", "accounts.change_user", "accounts.delete_user",
    "accounts.add_group", "accounts.change_group", "accounts.delete_group",
    "accounts.add_groupmembership", "accounts.change_groupmembership", "accounts.delete_groupmembership",
    "accounts.add_groupnesting", "accounts.change_groupnesting", "accounts.delete_groupnesting",
}  # fmt: skip
_AUTHENTICATORS = {
    "accounts.view_authenticator", "accounts.add_authenticator", "accounts.change_authenticator",
    "accounts.delete_authenticator",
}  # fmt: skip
_POLICY_READ = {
    "policy.view_resetpolicy", "policy.view_signinrule", "policy.view_questiontext", "policy.view_spendguard",
}  # fmt: skip
_POLICY_WRITE = _POLICY_READ | {
    "policy.add_resetpolicy", "policy.change_resetpolicy", "policy.delete_resetpolicy",
    "policy.add_signinrule", "policy.change_signinrule", "policy.delete_signinrule",
    "policy.add_questiontext", "policy.change_questiontext", "policy.delete_questiontext",
    "policy.add_spendguard", "policy.change_spendguard", "policy.delete_spendguard",
}  # fmt: skip
_REPORTS = {
    "accounts.view_auditevent", "notifications.view_message", "notifications.view_delivery", "reset.view_resetrequest",
    "accounts.view_directory", "writeback.view_agent", "writeback.view_writebackjob", "writeback.view_syncrun",
    "writeback.view_syncconflict",
}  # fmt: skip
_TENANT = {
    "accounts.view_tenant", "accounts.change_tenant", "accounts.view_branding", "accounts.add_branding",
    "accounts.change_branding", "accounts.delete_branding", "accounts.view_domain", "accounts.add_domain",
    "accounts.change_domain", "accounts.delete_domain", "accounts.view_directory", "accounts.add_directory",
    "accounts.change_directory", "accounts.delete_directory",
}  # fmt: skip
_ROLES = {
    "accounts.view_roleassignment", "accounts.add_roleassignment", "accounts.change_roleassignment",
    "accounts.delete_roleassignment",
}  # fmt: skip
# What the helpdesk may do for a caller; no model stands behind these.
_HELPDESK = {"reset.unblock_user", "reset.give_access_pass"}

PERMISSIONS: dict[str, frozenset[str]] = {
    Role.REPORTS_READER: frozenset(_REPORTS),
    Role.HELPDESK_ADMINISTRATOR: frozenset(_USERS_READ | _REPORTS | _HELPDESK),
    Role.USER_ADMINISTRATOR: frozenset(_USERS_WRITE | _REPORTS | _HELPDESK),
    Role.AUTHENTICATION_POLICY_ADMINISTRATOR: frozenset(
        _USERS_READ | _AUTHENTICATORS | _POLICY_WRITE | _REPORTS | _HELPDESK
    ),
    Role.GLOBAL_ADMINISTRATOR: frozenset(
        _USERS_WRITE | _AUTHENTICATORS | _POLICY_WRITE | _REPORTS | _TENANT | _ROLES | _HELPDESK
    ),
}
