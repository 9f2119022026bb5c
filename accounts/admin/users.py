"""Console pages of people. No page shows or takes a password."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ranks, trail
from accounts.admin.authenticators import AuthenticatorInline
from accounts.admin.base import ScopedAdmin, ScopedForm, person_of
from accounts.admin.groups import MembershipOfUserInline
from accounts.models import AuditEvent, Domain, Invitation, RoleAssignment, Tenant, User
from accounts.models.users import new_epoch
from accounts.names import domain_of, key_of

# A change of these means that somebody else, or nobody, vouches for the person from now on.
ENDS_SESSIONS = frozenset({"is_enabled", "is_external", "is_protected", "directory", "anchor"})


class UserForm(ScopedForm):
    language = forms.ChoiceField(label=_("Language"), choices=[("", "–"), *settings.LANGUAGES], required=False)
    validated_too = frozenset({"principal_key"})
    shown_at = {"principal_key": "principal_name"}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        name = data.get("principal_name", "")
        self.instance.principal_key = key_of(name)
        if "principal_name" in self.changed_data and name:
            self._check_domain(name)
        if self.instance.pk == self.actor.pk and data.get("is_enabled") is False:
            self.add_error("is_enabled", _("You can't disable yourself. Another administrator can."))
        return data

    def _check_domain(self, name: str) -> None:
        """People of a workforce are named in one of the organisation's domains, or nobody would find them."""
        tenant = self.instance.tenant
        if tenant is None or tenant.kind != Tenant.Kind.WORKFORCE:
            return
        if not Domain.objects.filter(tenant=tenant, name=domain_of(name)).exists():
            self.add_error("principal_name", _("End the name with one of the organisation's domains."))


class UserAdmin(ScopedAdmin):
    """The user page's own part; `reset/console/users.py` adds what reaches into self-service."""

    form = UserForm
    list_display: tuple[str, ...] = (
        "principal_name",
        "shown_name",
        "mail",
        "directory",
        "is_enabled",
        "self_service_paused",
    )
    list_filter: ClassVar[tuple[Any, ...]] = (
        "is_enabled",
        "self_service_paused",
        "is_protected",
        "is_external",
        ("directory", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("directory", "tenant")
    search_fields = ("principal_key",)
    search_help_text = _("The beginning of a user name, an e-mail address, or a given or family name.")
    ordering = ("principal_key",)
    autocomplete_fields = ("directory",)
    actions: tuple[str, ...] = ("sign_out_everywhere",)
    inlines = (AuthenticatorInline, MembershipOfUserInline)
    readonly_fields: ClassVar[tuple[str, ...]] = (
        "created_at",
        "password_changed_at",
        "password_is_kept",
        "is_protected_in_directory",
        "cannot_change_password",
    )
    unsaid = frozenset({"principal_name", "mail", "given_name", "family_name", "display_name"})
    fieldsets: ClassVar[tuple[Any, ...]] = (
        (None, {"fields": ("principal_name", "display_name", "given_name", "family_name", "mail", "language")}),
        (
            _("Account"),
            {"fields": ("is_enabled", "self_service_paused", "is_protected", "is_external", "must_change_password")},
        ),
        (
            _("Password and directory"),
            {
                "fields": (
                    "password_is_kept",
                    "directory",
                    "anchor",
                    "is_protected_in_directory",
                    "cannot_change_password",
                    "password_changed_at",
                    "created_at",
                )
            },
        ),
    )

    @admin.display(description=_("shown as"))
    def shown_name(self, row: User) -> str:
        return row.shown_name

    @admin.display(description=_("password"))
    def password_is_kept(self, row: User) -> str:
        if row.directory_id is not None:
            return str(_("Kept in the directory"))
        return str(_("Set") if row.has_usable_password() else _("None yet"))

    # --- who may ------------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is not None and obj.pk == person_of(request).pk
        return super().has_delete_permission(request, obj) and _may(request, obj) and not own

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who keeps a password is routing: global administrators only."""
        fields = super().get_readonly_fields(request, obj)
        return fields if ranks.is_global_administrator(person_of(request)) else (*fields, "directory", "anchor")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What belongs to a person goes with the person; a role in it needs the right to take roles away."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        asked: tuple[type[Model], ...] = (User, RoleAssignment)
        return shown, counts, needed & {model._meta.verbose_name for model in asked}, protected

    # --- lists --------------------------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        key = key_of(term)
        found = Q(principal_key__startswith=key) | Q(mail_key__startswith=key)
        return queryset.filter(found | Q(given_name__istartswith=term) | Q(family_name__istartswith=term)), False

    # --- changes ------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What changes whether and where one signs in ends sessions and invitations; new people have no password yet."""
        if not change:
            obj.set_unusable_password()
        elif not ENDS_SESSIONS.isdisjoint(form.changed_data):
            obj.credentials_epoch = new_epoch()
            Invitation.withdraw([obj.pk], timezone.now())
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            _lock([obj.pk])
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            _lock(queryset.values_list("pk", flat=True))
            super().delete_queryset(request, queryset)

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = list(queryset)
        touched = [person for person in people if _may(request, person)]
        with transaction.atomic():
            Invitation.withdraw([person.pk for person in touched], timezone.now())
            for person in touched:
                User.objects.filter(pk=person.pk).update(credentials_epoch=new_epoch())
                trail.record(request, person, self.activities[1], {"action": "signed_out_everywhere"})
        tell(request, len(touched), ngettext("%d person was signed out.", "%d people were signed out.", len(touched)))
        tell_left_out(request, len(people) - len(touched))

    def events_of(self, obj: Any) -> QuerySet[AuditEvent]:
        """Also what happened to the person's authenticators, groups and roles."""
        return AuditEvent.objects.filter(trail.of_tenant(obj.tenant_id), target_id=obj.pk).exclude(
            Q(activity__startswith="reset.") | Q(activity__startswith="signin.")
        )

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None and _may(request, obj) and person_of(request).has_perm("accounts.add_authenticator"):
            address = reverse(f"{self.admin_site.name}:accounts_authenticator_add")
            context["add_authenticator"] = format_html("{}?user={}", address, obj.pk)
        return super().render_change_form(request, context, *args, **kwargs)


def _lock(ids: Iterable[int]) -> None:
    """The people first, then what is theirs: in the order of whoever registers a method, or the two would wait for each
    other.
    """
    list(User.objects.filter(pk__in=list(ids)).order_by("pk").select_for_update().values_list("pk"))


def _may(request: HttpRequest, obj: Any) -> bool:
    return obj is None or ranks.may_change(person_of(request), obj)


def tell(request: HttpRequest, count: int, sentence: str) -> None:
    """Say how many it was, if it was anybody."""
    if count:
        messages.success(request, sentence % count)


def tell_left_out(request: HttpRequest, count: int) -> None:
    """Say how many were left alone because they rank as high as the administrator."""
    if count:
        sentence = ngettext(
            "%d person has an equal or higher role and was left alone.",
            "%d people have an equal or higher role and were left alone.",
            count,
        )
        messages.warning(request, sentence % count)
