"""The audit trail in the console: read, filtered, searched; each event's page says whether it is as it was written."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ReadOnlyAdmin
from accounts.audit import Activity, is_genuine
from accounts.models import AuditEvent

ACTIVITIES: tuple[str, ...] = tuple(
    sorted(value for name, value in vars(Activity).items() if name.isupper() and isinstance(value, str))
)


class ActivityFilter(admin.SimpleListFilter):
    """All activities there are: asking the table which it holds would read all of it."""

    title = _("activity")
    parameter_name = "activity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(activity, activity) for activity in ACTIVITIES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(activity=self.value()) if self.value() in ACTIVITIES else queryset


def as_correlation(term: str) -> UUID | None:
    try:
        return UUID(term.strip())
    except ValueError:
        return None


class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "activity", "result", "reason", "actor_name", "target_name", "client_address")
    list_filter = (ActivityFilter, "result", "created_at")
    list_display_links = ("created_at",)
    search_fields = ("target_name__startswith",)
    search_help_text = _("The beginning of a person's name (who did it or whose it was), or a whole correlation id.")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("created_at", "activity", "result", "reason", "told", "genuine")}),
        (_("Who"), {"fields": ("actor_name", "actor_id", "target_name", "target_id")}),
        (_("From where"), {"fields": ("client_address", "user_agent", "correlation_id")}),
    )
    readonly_fields = ("told", "genuine")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        correlation = as_correlation(term)
        if correlation is not None:
            return queryset.filter(correlation_id=correlation), False
        return queryset.filter(Q(target_name__startswith=term) | Q(actor_name__startswith=term)), False

    @admin.display(description=_("details"))
    def told(self, event: AuditEvent) -> str:
        if not event.details:
            return "–"
        return format_html(
            '<pre class="details">{}</pre>', json.dumps(event.details, indent=2, ensure_ascii=False, sort_keys=True)
        )

    @admin.display(description=_("as it was written"), boolean=True)
    def genuine(self, event: AuditEvent) -> bool:
        return is_genuine(event)
