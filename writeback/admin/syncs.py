"""Console pages of what came from directories: runs, and entries that could not be brought in. Only looked at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ReadOnlyAdmin
from writeback.admin.jobs import DirectoryFilter
from writeback.models import SyncConflict, SyncRun

TONES: dict[str, str] = {
    SyncRun.Status.DONE: "good",
    SyncRun.Status.STOPPED: "warn",
    SyncRun.Status.FAILED: "bad",
    SyncRun.Status.ABANDONED: "warn",
}
NO_PASSWORD = ("connector__sealed_password", "connector__ca_pem")


class SyncRunAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "directory", "status_told", "is_full", "took", "problem")
    list_filter = ("status", DirectoryFilter)
    list_select_related = ("connector__directory", "agent")
    ordering = ("-created_at",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("directory", "status_told", "is_full", "problem")}),
        (_("When"), {"fields": ("created_at", "finished_at", "agent")}),
    )
    readonly_fields = ("directory", "status_told", "is_full", "took", "agent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        keys = ("agent__public_key", "agent__signing_key", *NO_PASSWORD)
        return super().get_queryset(request).defer("mark", *keys)

    @admin.display(description=_("directory"))
    def directory(self, run: SyncRun) -> str:
        return str(run.connector.directory)

    @admin.display(description=_("status"))
    def status_told(self, run: SyncRun) -> str:
        return format_html('<span class="tone {}">{}</span>', TONES.get(run.status, "busy"), run.get_status_display())

    @admin.display(description=_("took (seconds)"))
    def took(self, run: SyncRun) -> str:
        return f"{(run.finished_at - run.created_at).total_seconds():.1f}" if run.finished_at else "–"


class SyncConflictAdmin(ReadOnlyAdmin):
    list_display = ("name_told", "directory", "reason", "is_group", "seen_at")
    list_filter = ("reason", "is_group", DirectoryFilter)
    list_select_related = ("connector__directory",)
    search_fields = ("name__istartswith",)
    search_help_text = _("The beginning of a name in the directory.")
    ordering = ("name", "pk")
    sortable_by = ()
    fieldsets = ((None, {"fields": ("name", "directory", "reason", "is_group", "anchor", "seen_at")}),)
    readonly_fields = ("directory",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*NO_PASSWORD)

    @admin.display(description=_("name"))
    def name_told(self, row: SyncConflict) -> str:
        return str(row)

    @admin.display(description=_("directory"))
    def directory(self, row: SyncConflict) -> str:
        return str(row.connector.directory)
