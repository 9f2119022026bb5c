"""What all console pages have in common: one tenant's rows, its audit trail, and nothing to guess secrets with."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import trail
from accounts.admin.paging import EstimatedPaginator
from accounts.audit import Activity
from accounts.models import AuditEvent, Tenant, User

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelAdmin, _TabularInline, _ModelForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

# What Django's own list filters write into an address. Anything else is a question about a field, and is not answered.
FILTER_SUFFIXES = ("", "__exact", "__id__exact", "__isnull", "__gte", "__lt", "__isempty")
HISTORY_LENGTH = 100
EVERYWHERE = ("mkt", "whr", "username")
PLATFORM_WIDE = _("Belongs to another organisation.")


def person_of(request: HttpRequest) -> User:
    """The administrator behind a console request; the site lets nobody else in."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user


class ScopedForm(_ModelForm):
    """Puts a new row into the right tenant before anything is validated, so that constraints see it there."""

    actor: ClassVar[User]
    tenant_from: ClassVar[tuple[str, ...]] = ()
    validated_too: ClassVar[frozenset[str]] = frozenset()
    shown_at: ClassVar[dict[str, str]] = {}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not hasattr(self.instance, "tenant_id"):
            return data
        if self.instance._state.adding:
            self.instance.tenant = self._tenant(data)
        home = trail.tenant_id_of(self.instance)
        for name, value in list(data.items()):
            owner = getattr(value, "tenant_id", home) if isinstance(value, Model) else home
            if owner != home and name in self.fields and not isinstance(value, Tenant):
                self.add_error(name, PLATFORM_WIDE)
        return data

    def _tenant(self, data: dict[str, Any]) -> Tenant | None:
        """The administrator's own; for a platform operator the parent row's, or the one chosen."""
        if self.actor.tenant is not None:
            return self.actor.tenant
        parents = [data[name] for name in self.tenant_from if data.get(name) is not None]
        return parents[0].tenant if parents else data.get("tenant")

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        known = {"tenant"} if getattr(self.instance, "tenant_id", None) is not None else set()
        return excluded - known - self.validated_too

    def _post_clean(self) -> None:
        """The model's own checks come when every field has been read: they follow references that may be missing."""
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]

    def _update_errors(self, errors: ValidationError) -> None:
        """An error of a field that isn't on the page is shown at the one it comes from, or on top."""
        if hasattr(errors, "error_dict"):
            shown: dict[str, list[ValidationError]] = {}
            for name, found in errors.error_dict.items():
                place = self.shown_at.get(name, name)
                shown.setdefault(place if place in self.fields else NON_FIELD_ERRORS, []).extend(found)
            errors = ValidationError(shown)
        super()._update_errors(errors)  # type: ignore[misc]


def _field_of(part: Any) -> str:
    """What an entry of `list_filter` is asked by: a field, or a filter's own word."""
    if isinstance(part, tuple):
        return str(part[0])
    return part if isinstance(part, str) else str(part.parameter_name)


class ScopedAdmin(_ModelAdmin):
    """A model's pages. `tenant_from` names the parents a row takes its tenant from; without, operators choose it.

    `unsaid` are fields whose values never reach the audit trail: secrets, and what names a person.
    """

    form = ScopedForm
    paginator = EstimatedPaginator
    list_per_page = 50
    show_full_result_count = False
    # Facets count every row once for each choice.
    show_facets = admin.ShowFacets.NEVER
    tenant_from: ClassVar[tuple[str, ...]] = ()
    unsaid: ClassVar[frozenset[str]] = frozenset()
    lookups: ClassVar[frozenset[str]] = frozenset()
    activities: ClassVar[tuple[str, str, str]] = (
        Activity.OBJECT_ADDED,
        Activity.OBJECT_CHANGED,
        Activity.OBJECT_DELETED,
    )

    # --- one tenant ---------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The opened scope already narrows it; here it is said again, for a day when somebody opens too much."""
        rows = super().get_queryset(request)
        tenant = person_of(request).tenant
        return rows if tenant is None or not self._has_tenant() else rows.filter(tenant=tenant)

    def _has_tenant(self) -> bool:
        return any(field.name == "tenant" for field in self.opts.concrete_fields)

    def _shows_tenant(self, request: HttpRequest) -> bool:
        return person_of(request).is_platform_operator and self._has_tenant()

    def is_home(self, request: HttpRequest, obj: Any) -> bool:
        """Whether a row is the administrator's own tenant's."""
        person = person_of(request)
        return obj is None or person.is_platform_operator or trail.tenant_id_of(obj) == person.tenant_id

    def has_module_permission(self, request: HttpRequest) -> bool:
        """A role names models; its holder sees the apps they are in."""
        return any(self.get_model_perms(request).values())

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and self.is_home(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.is_home(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.is_home(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        declared: Any = super().get_fieldsets(request, obj)
        fieldsets = [(title, dict(options)) for title, options in declared]
        if self._shows_tenant(request) and (obj is not None or not self.tenant_from):
            fields = [name for name in fieldsets[0][1]["fields"] if name != "tenant"]
            fieldsets[0][1]["fields"] = ["tenant", *fields]
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row never moves to another tenant: what is sealed in it would not open there."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "tenant") if obj is not None and self._shows_tenant(request) else fields

    def get_list_display(self, request: HttpRequest) -> Any:
        columns: Any = tuple(super().get_list_display(request))
        return (*columns, "tenant") if self._shows_tenant(request) else columns

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters = tuple(super().get_list_filter(request))
        return ("tenant", *filters) if self._shows_tenant(request) else filters

    def get_list_select_related(self, request: HttpRequest) -> Any:
        joined: Any = super().get_list_select_related(request)
        names = tuple(joined) if isinstance(joined, list | tuple) else ()
        return (*names, "tenant") if self._shows_tenant(request) else names

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor, form.tenant_from = person_of(request), self.tenant_from
        return form

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The words that work on every page are no filters."""
        if any(word in request.GET for word in EVERYWHERE):
            asked = request.GET.copy()
            for word in EVERYWHERE:
                asked.pop(word, None)
            request.GET = asked  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    # --- nothing to guess with -----------------------------------------------------------------------------------

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Filters on the page and no others: `?password__startswith=` would be an oracle."""
        filters = self.list_filter if request is None else self.get_list_filter(request)
        names = {_field_of(part) for part in filters} | self.lookups
        return lookup in {name + suffix for name in names for suffix in FILTER_SUFFIXES}

    # --- the audit trail -----------------------------------------------------------------------------------------

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        details: dict[str, Any] = {"changes": trail.changes_of(form, self.unsaid)}
        inside = trail.inline_changes(formsets or [])
        return {**details, "inside": inside} if inside else details

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        trail.record(request, obj, self.activities[0], {"action": "added", **message})

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if message.get("changes") or message.get("inside"):
            trail.record(request, obj, self.activities[1], {"action": "changed", **message})

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Nothing: `delete_model` and `delete_queryset` record it in the deletion's own transaction."""

    def record_deletion(self, request: HttpRequest, obj: Any) -> None:
        fields = set(flatten_fieldsets(self.fieldsets or ())) - self.unsaid
        values = {
            field.name: trail.told(getattr(obj, field.attname))
            for field in obj._meta.concrete_fields
            if field.name in fields
        }
        trail.record(request, obj, self.activities[2], {"action": "deleted", "values": values})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.record_deletion(request, obj)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for obj in queryset:
                self.record_deletion(request, obj)
            super().delete_queryset(request, queryset)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The row's audit events, newest first, for whoever may see the row."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
            return missing
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Change history: %s") % obj,
            "events": self.events_of(obj)[:HISTORY_LENGTH],
            "module_name": self.opts.verbose_name_plural,
            "object": obj,
            "opts": self.opts,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/object_history.html", context)

    def events_of(self, obj: Any) -> QuerySet[AuditEvent]:
        console = (Activity.OBJECT_ADDED, Activity.OBJECT_CHANGED, Activity.OBJECT_DELETED, Activity.POLICY_CHANGED)
        return AuditEvent.objects.filter(
            trail.of_tenant(trail.tenant_id_of(obj)),
            activity__in=console,
            details__model=obj._meta.label_lower,
            details__id=str(obj.pk),
        )


class ScopedInline(_TabularInline):
    """Rows inside another row's page: added and deleted there, not rewritten."""

    form = ScopedForm
    extra = 0
    show_change_link = True
    tenant_from: ClassVar[tuple[str, ...]] = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.actor, formset.form.tenant_from = person_of(request), self.tenant_from
        return formset


class ReadOnlyInline(ScopedInline):
    """Rows that are only looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ScopedAdmin):
    """What only Rekey itself writes: seen, searched, never touched."""

    actions = None

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """There is none: nobody changes these rows in the console."""
        raise Http404

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["has_no_history"] = True
        return super().render_change_form(request, context, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
