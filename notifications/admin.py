"""Console pages of messages and their delivery: when, over which channel, with what success. Never to whom or what."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.events import as_correlation
from notifications.models import Delivery


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = ("started_at", "created_at", "accepted", "permanent", "answer")
    readonly_fields = fields
    ordering = ("created_at",)


class MessageAdmin(ReadOnlyAdmin):
    """A withheld message answers a name that nobody has: the same row, sent to nobody."""

    list_display = ("created_at", "kind", "channel", "status", "attempts", "expires_at")
    list_filter = ("status", "channel", "created_at")
    search_fields = ("correlation_id",)
    search_help_text = _("A whole correlation id.")
    sortable_by = ()
    inlines = (DeliveryInline,)
    fieldsets = (
        (None, {"fields": ("created_at", "kind", "channel", "language", "status")}),
        (_("Delivery"), {"fields": ("attempts", "due_at", "expires_at")}),
        (_("Belongs to"), {"fields": ("correlation_id", "user_id")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("sealed")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        correlation = as_correlation(search_term)
        return (queryset.filter(correlation_id=correlation) if correlation else queryset.none()), False


class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "channel", "accepted", "permanent", "answer")
    list_filter = ("accepted", "permanent", "created_at")
    list_select_related = ("message",)
    sortable_by = ()
    fieldsets = ((None, {"fields": ("message", "started_at", "created_at", "accepted", "permanent", "answer")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("message__sealed")

    @admin.display(description=_("kind"))
    def kind(self, delivery: Delivery) -> str:
        return delivery.message.kind

    @admin.display(description=_("channel"))
    def channel(self, delivery: Delivery) -> str:
        return str(delivery.message.get_channel_display())
