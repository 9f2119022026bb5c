"""Console page of a directory: what it is, how it is reached, what is written there and brought in; and how it is doing."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin.routing import RoutingAdmin
from accounts.models import Directory
from writeback.admin import directory_pages
from writeback.admin.directory_form import DirectoryForm
from writeback.admin.directory_status import connector_of, look_of, status_of_directory
from writeback.models import Agent, Connector
from writeback.status import Status

Section = tuple[Any, Any]
WHAT: Section = (None, {"fields": ("name", "kind")})
REACHED: Section = (_("How it is reached"), {"fields": ("way",)})
BY_THIS_SERVER: Section = (
    _("Where this server finds it, and as whom"),
    {
        "fields": ("servers", "base_dn", "account", "password", "ca_pem", "denied"),
        "description": _("Not needed with agents: those have servers, account and password in a file of their own."),
    },
)
WRITING: Section = (_("Writing passwords"), {"fields": ("is_on", "patience", "says_where_it_holds")})
BRINGING_IN: Section = (
    _("Bringing people and groups in"),
    {
        "fields": (
            "sync_is_on",
            "sync_minutes",
            "attribute_lines",
            "people_filter",
            "groups_filter",
            "most_disabled_percent",
        )
    },
)


class DirectoryAdmin(RoutingAdmin):
    """Who may only look sees the status, never servers or accounts."""

    form = DirectoryForm
    change_form_template = "admin/directory_form.html"
    list_display = ("name", "kind", "way", "is_on", "status")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name",)
    unsaid = frozenset({"password"})
    fieldsets = (WHAT, REACHED, BY_THIS_SERVER, WRITING, BRINGING_IN)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        agents = Prefetch("connector__agents", Agent.objects.all())
        return super().get_queryset(request).select_related("connector__tenant", "tenant").prefetch_related(agents)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return (WHAT,)
        fieldsets = super().get_fieldsets(request, obj)
        connector = connector_of(obj) if obj is not None else None
        if connector is not None and connector.way == Connector.Way.AGENTS:
            fieldsets[2][1]["classes"] = ("collapse",)
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """People are matched by an anchor of that kind."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "kind")

    def get_urls(self) -> list[URLPattern]:
        def named(route: str, view: Any, name: str) -> URLPattern:
            address: URLPattern = path(
                f"<int:pk>/{route}/", self.admin_site.admin_view(view), {"page": self}, name=name
            )
            return address

        return [
            named("status", directory_pages.status, "directory-status"),
            named("test", directory_pages.test, "directory-test"),
            named("synchronise", directory_pages.synchronise, "directory-synchronise"),
            named("invite", directory_pages.invite, "directory-invite"),
            *super().get_urls(),
        ]

    # --- the list -----------------------------------------------------------------------------------------------

    @admin.display(description=_("reached by"))
    def way(self, row: Directory) -> str:
        connector = connector_of(row)
        return str(connector.get_way_display()) if connector else "–"

    @admin.display(description=_("writeback"), boolean=True)
    def is_on(self, row: Directory) -> bool:
        connector = connector_of(row)
        return connector is not None and connector.is_on

    @admin.display(description=_("status"))
    def status(self, row: Directory) -> str:
        return told_status(status_of_directory(row, timezone.now()))

    # --- the page -----------------------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            may_change = self.has_change_permission(request, obj)
            context |= {"look": look_of(obj, request.GET.get("tested", ""), timezone.now()), "may_change": may_change}
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        form.store()
        if form.lost_password:
            messages.warning(
                request,
                _(
                    "The stored password was thrown away, because servers, account or certificates changed. "
                    "Type the account's password."
                ),
            )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its jobs, agents and runs go with it; nobody is asked for a right to delete those."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        asked: tuple[type[Model], ...] = (Directory,)
        return shown, counts, needed & {model._meta.verbose_name for model in asked}, protected


def told_status(status: Status) -> SafeString:
    """A word in its colour, and the sentence."""
    return format_html('<span class="tone {}">{}</span>', status.tone, status.sentence)
