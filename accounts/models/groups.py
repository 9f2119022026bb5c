"""Groups, who is in them (groups may be in groups), and which roles users and groups carry."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.tenants import Directory, TenantOwned
from accounts.models.users import User
from accounts.roles import Role


class Group(TenantOwned):
    name = models.CharField(_("name"), max_length=200)
    directory = models.ForeignKey(
        Directory, null=True, blank=True, on_delete=models.PROTECT, related_name="groups", verbose_name=_("directory")
    )
    anchor = models.CharField(_("anchor in the directory"), max_length=100, null=True, blank=True)

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="group_name_once_per_tenant"),
            models.UniqueConstraint(
                fields=["directory", "anchor"], condition=models.Q(anchor__isnull=False), name="group_anchor_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMembership(TenantOwned):
    """A user directly in a group."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("group"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} ∈ {self.group}"

    def clean(self) -> None:
        if self.group_id and self.user_id:
            _same_tenant(self, self.group, self.user)


class GroupNesting(TenantOwned):
    """A group in a group. Circles are allowed to exist (directories have them) and do no harm."""

    parent = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="nested", verbose_name=_("group"))
    child = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="nested_in", verbose_name=_("nested group"))

    class Meta:
        verbose_name = _("nested group")
        verbose_name_plural = _("nested groups")
        constraints = [models.UniqueConstraint(fields=["child", "parent"], name="nesting_once")]

    def __str__(self) -> str:
        return f"{self.child} ⊂ {self.parent}"

    def clean(self) -> None:
        if self.parent_id and self.child_id:
            _same_tenant(self, self.parent, self.child)


class RoleAssignment(TenantOwned):
    """A role carried by a user, or by everybody in a group. Such groups are mastered here only."""

    role = models.CharField(_("role"), max_length=40, choices=Role.choices)
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="role_assignments", verbose_name=_("user")
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.CASCADE, related_name="role_assignments", verbose_name=_("group")
    )

    class Meta:
        verbose_name = _("role assignment")
        verbose_name_plural = _("role assignments")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True, group__isnull=False)
                | models.Q(user__isnull=False, group__isnull=True),
                name="role_of_a_user_or_a_group",
                violation_error_message=_("A role belongs to a user or to a group, not to both."),
            ),
            models.UniqueConstraint(
                fields=["user", "role"], name="user_role_once", condition=models.Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["group", "role"], name="group_role_once", condition=models.Q(group__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.user or self.group}"

    def clean(self) -> None:
        _same_tenant(self, self.user, self.group)
        if self.group and self.group.directory_id:
            raise ValidationError({"group": _("Only groups that are kept here may carry a role.")})


def _same_tenant(row: TenantOwned, *others: models.Model | None) -> None:
    if any(other is not None and getattr(other, "tenant_id", None) != row.tenant_id for other in others):
        raise ValidationError(_("All of this has to belong to one tenant."))
