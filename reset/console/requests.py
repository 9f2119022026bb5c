"""Reset requests in the console: how far each came and why it ended. Nothing here opens or continues one."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.events import as_correlation
from reset.models import Challenge, ResetRequest

SECRETS = ("secret_digest", "alarm_digest", "account_key", "epoch", "browser", "snapshot", "passed")


class ChallengeInline(ReadOnlyInline):
    model = Challenge
    fk_name = "request"
    fields = ("method", "kind", "mask", "sent_at", "expires_at", "used_at")
    readonly_fields = fields
    verbose_name = _("proof")
    verbose_name_plural = _("proofs asked for")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("digest", "destination", "questions").order_by("id")


class ResetRequestAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "who", "trouble", "state", "reason", "client_address", "support_code")
    list_filter = ("state", "trouble", ("user", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("user",)
    search_fields = ("support_code",)
    search_help_text = _("The beginning of a user name, a whole support code, or a whole id.")
    sortable_by = ()
    inlines = (ChallengeInline,)
    fieldsets = (
        (None, {"fields": ("support_code", "who", "typed_name", "trouble", "state", "reason", "gates_required")}),
        (_("When"), {"fields": ("created_at", "expires_at", "ended_at", "contacted_at")}),
        (_("From where"), {"fields": ("client_address", "user_agent", "language", "id")}),
    )
    readonly_fields = ("who",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*SECRETS)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        identifier = as_correlation(term)
        if identifier is not None:
            return queryset.filter(pk=identifier), False
        named = Q(typed_name__istartswith=term) | Q(user__principal_name__istartswith=term)
        return queryset.filter(named | Q(support_code__iexact=term)), False

    @admin.display(description=_("person"))
    def who(self, row: ResetRequest) -> str:
        return str(row.user) if row.user is not None else str(_("unknown name"))
