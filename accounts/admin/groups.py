"""Console pages of groups, who is in them, and the roles that people and groups carry."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import ranks
from accounts.admin.base import ScopedAdmin, ScopedForm, ScopedInline, person_of
from accounts.models import Group, GroupMembership, GroupNesting, RoleAssignment, User

NOT_YOURS = _("This group gives a role as high as yours or higher. A global administrator can change it.")
OWN_ROLES = _("Nobody changes their own roles. Another global administrator can.")
HIGHER_PERSON = _("This person has an equal or higher role.")
KEPT_BY_DIRECTORY = _("A directory decides who is in this group, so it may carry no role.")


def refusal_to_fill(actor: User, group: Group, person: User | None = None) -> Any:
    """Why this administrator may not put the person in or take them out; None if they may."""
    if person is not None and not ranks.may_change(actor, person):
        return HIGHER_PERSON
    if not ranks.may_change_group(actor, group):
        return NOT_YOURS
    if person is not None and person.pk == actor.pk and ranks.rank_of_group(group):
        return OWN_ROLES
    return None


def refusal_to_nest(actor: User, parent: Group, child: Group) -> Any:
    """Why this administrator may not put one group into another or take it out; None if they may."""
    if not (ranks.may_change_group(actor, parent) and ranks.may_change_group(actor, child)):
        return NOT_YOURS
    if not ranks.rank_of_group(parent):
        return None
    if ranks.is_filled_by_a_directory(child):
        return KEPT_BY_DIRECTORY
    return OWN_ROLES if ranks.is_inside(actor, child) else None


def refusal_of_role(actor: User, assignment: RoleAssignment) -> Any:
    """Why this administrator may not give or take this role; None if they may."""
    person, group = assignment.user, assignment.group
    if person is not None and person.pk == actor.pk:
        return OWN_ROLES
    if person is not None and not ranks.may_change(actor, person):
        return HIGHER_PERSON
    if group is not None and ranks.is_inside(actor, group):
        return OWN_ROLES
    return None


class MembershipForm(ScopedForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        group, person = data.get("group"), data.get("user")
        if group and person and (why := refusal_to_fill(self.actor, group, person)):
            self.add_error(None, why)
        return data


class NestingForm(ScopedForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        parent, child = data.get("parent"), data.get("child")
        if parent and child and (why := refusal_to_nest(self.actor, parent, child)):
            self.add_error(None, why)
        return data


class RoleForm(ScopedForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        wanted = RoleAssignment(user=data.get("user"), group=data.get("group"))
        if why := refusal_of_role(self.actor, wanted):
            self.add_error(None, why)
        elif wanted.group is not None and ranks.is_filled_by_a_directory(wanted.group):
            self.add_error("group", KEPT_BY_DIRECTORY)
        return data


class GroupForm(ScopedForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        carries_role = self.instance.pk is not None and ranks.rank_of_group(self.instance)
        if data.get("directory") and carries_role:
            self.add_error("directory", KEPT_BY_DIRECTORY)
        return data


class MembershipOfUserInline(ScopedInline):
    model = GroupMembership
    form = MembershipForm
    tenant_from = ("group", "user")
    autocomplete_fields = ("group",)
    fields = ("group",)
    verbose_name_plural = _("direct memberships")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("group", "user").order_by("group__name")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and _may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are taken out on their own page, where each is checked by itself."""
        return False


class NestedGroupInline(ScopedInline):
    model = GroupNesting
    form = NestingForm
    fk_name = "parent"
    tenant_from = ("child", "parent")
    autocomplete_fields = ("child",)
    fields = ("child",)
    verbose_name_plural = _("groups inside this one")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("child", "parent").order_by("child__name")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class GroupAdmin(ScopedAdmin):
    """A group's page never lists its people: there may be any number of them; it links to their list."""

    form = GroupForm
    list_display = ("name", "directory")
    list_filter = (("directory", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("directory",)
    search_fields = ("name",)
    ordering = ("name",)
    autocomplete_fields = ("directory",)
    inlines = (NestedGroupInline,)
    readonly_fields = ("members",)
    fieldsets = ((None, {"fields": ("name", "members")}), (_("Directory"), {"fields": ("directory", "anchor")}))

    @admin.display(description=_("people"))
    def members(self, group: Group) -> str:
        if group._state.adding:
            return "–"
        address = reverse(f"{self.admin_site.name}:accounts_groupmembership_changelist")
        count = GroupMembership.objects.filter(group=group).count()
        return format_html('<a href="{}?group__id__exact={}">{}</a>', address, group.pk, _("%d directly in it") % count)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_change_group(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        person = person_of(request)
        own = obj is not None and ranks.rank_of_group(obj) and ranks.is_inside(person, obj)
        return super().has_delete_permission(request, obj) and _may_change_group(request, obj) and not own

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if ranks.is_global_administrator(person_of(request)) else (*fields, "directory", "anchor")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()


class _JoiningAdmin(ScopedAdmin):
    """Rows that join two others. `refusal_of` says why an administrator may not change one; None if they may."""

    def refusal_of(self, actor: User, row: Any) -> Any:
        return None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may(request, obj)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or self.refusal_of(person_of(request), obj) is None


class GroupMembershipAdmin(_JoiningAdmin):
    form = MembershipForm
    list_display = ("user", "group")
    list_select_related = ("user", "group")
    search_fields = ("user__principal_key__startswith", "group__name__istartswith")
    lookups = frozenset({"group", "user"})
    ordering = ("id",)
    autocomplete_fields = ("group", "user")
    tenant_from = ("group", "user")
    fieldsets = ((None, {"fields": ("group", "user")}),)

    def refusal_of(self, actor: User, row: Any) -> Any:
        return refusal_to_fill(actor, row.group, row.user)


class GroupNestingAdmin(_JoiningAdmin):
    form = NestingForm
    list_display = ("child", "parent")
    list_select_related = ("child", "parent")
    search_fields = ("child__name__istartswith", "parent__name__istartswith")
    lookups = frozenset({"child", "parent"})
    ordering = ("id",)
    autocomplete_fields = ("child", "parent")
    tenant_from = ("parent", "child")
    fieldsets = ((None, {"fields": ("parent", "child")}),)

    def refusal_of(self, actor: User, row: Any) -> Any:
        """What should not have come to be may be taken apart."""
        why = refusal_to_nest(actor, row.parent, row.child)
        return None if why is KEPT_BY_DIRECTORY else why


class RoleAssignmentAdmin(_JoiningAdmin):
    form = RoleForm
    list_display = ("role", "user", "group")
    list_filter = ("role",)
    list_select_related = ("user", "group")
    search_fields = ("user__principal_key__startswith", "group__name__istartswith")
    ordering = ("role", "id")
    autocomplete_fields = ("user", "group")
    tenant_from = ("user", "group")
    fieldsets = (
        (None, {"fields": ("role",)}),
        (
            _("Whose role it is"),
            {"fields": ("user", "group"), "description": _("Choose a person or a group, not both.")},
        ),
    )

    def refusal_of(self, actor: User, row: Any) -> Any:
        return refusal_of_role(actor, row)


def _may_change(request: HttpRequest, obj: Any) -> bool:
    return obj is None or ranks.may_change(person_of(request), obj)


def _may_change_group(request: HttpRequest, obj: Any) -> bool:
    return obj is None or ranks.may_change_group(person_of(request), obj)
