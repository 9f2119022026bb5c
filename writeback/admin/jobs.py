"""Console pages of writeback jobs: what was to be done, what came of it and why. Nothing that is sealed is even read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.events import as_correlation
from accounts.models import Directory
from accounts.names import key_of
from writeback.models import Connector, WritebackJob
from writeback.wording import OPERATIONS, reason_of, steps_of, tone_of

SECRETS = ("sealed", "signature")


class OperationFilter(admin.SimpleListFilter):
    title, parameter_name = _("operation"), "operation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(OPERATIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(operation=self.value()) if self.value() in OPERATIONS else queryset


class DirectoryFilter(admin.SimpleListFilter):
    title, parameter_name = _("directory"), "directory"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(str(pk), name) for pk, name in Directory.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        known = {value for value, _name in self.lookup_choices}
        return queryset.filter(connector__directory=int(chosen)) if chosen in known else queryset


class WritebackJobAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "who", "operation_told", "status_told", "answer_told", "picked_up_by")
    list_filter = ("status", OperationFilter, DirectoryFilter, "created_at")
    list_select_related = ("user", "agent", "connector__directory")
    search_fields = ("user__principal_key",)
    search_help_text = _("The beginning of a user name, or a whole id of a job or of the reset request it belongs to.")
    ordering = ("-created_at",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("who", "directory", "operation_told", "status_told", "reason_told", "steps_told", "code")}),
        (_("When"), {"fields": ("created_at", "claimed_at", "finished_at", "deadline", "attempts", "picked_up_by")}),
        (_("From where"), {"fields": ("client_address", "user_agent", "origin", "id")}),
    )
    readonly_fields = ("who", "directory", "operation_told", "status_told", "reason_told", "steps_told", "picked_up_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        agents_keys = ("agent__public_key", "agent__signing_key", "connector__sealed_password")
        return super().get_queryset(request).defer(*SECRETS, *agents_keys)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        identifier = as_correlation(term)
        if identifier is not None:
            return (queryset.filter(pk=identifier) | queryset.filter(origin=identifier)), False
        return queryset.filter(user__principal_key__startswith=key_of(term)), False

    @admin.display(description=_("user"))
    def who(self, job: WritebackJob) -> str:
        return str(job.user) if job.user is not None else str(_("unknown name"))

    @admin.display(description=_("directory"))
    def directory(self, job: WritebackJob) -> str:
        return str(job.connector.directory)

    @admin.display(description=_("operation"))
    def operation_told(self, job: WritebackJob) -> str:
        return str(OPERATIONS.get(job.operation, job.operation))

    @admin.display(description=_("status"))
    def status_told(self, job: WritebackJob) -> str:
        return told_outcome(job)

    @admin.display(description=_("why"))
    def reason_told(self, job: WritebackJob) -> str:
        return reason_of(job) or "–"

    @admin.display(description=_("why"))
    def answer_told(self, job: WritebackJob) -> str:
        """For the list: the reason, and the directory's own words below it."""
        told = reason_of(job)
        return format_html('{}<div class="quiet"><code>{}</code></div>', told, job.code) if job.code else told or "–"

    @admin.display(description=_("stages"))
    def steps_told(self, job: WritebackJob) -> str:
        return format_html_join("", "<div>{}</div>", ((line,) for line in steps_of(job))) or "–"

    @admin.display(description=_("picked up by"))
    def picked_up_by(self, job: WritebackJob) -> str:
        if job.claimed_at is None:
            return "–"
        if job.agent is not None:
            return str(job.agent)
        return str(_("this server") if job.connector.way == Connector.Way.DIRECT else _("an agent that is gone"))


def told_outcome(job: WritebackJob) -> str:
    """The status in its colour."""
    return format_html('<span class="tone {}">{}</span>', tone_of(job), job.get_status_display())
