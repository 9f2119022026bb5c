"""The console's page of budgets for texts and calls, with what was spent today."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import ScopedAdmin, ScopedForm, person_of
from policy import spending
from policy.admin import ALWAYS_POLICY_CHANGED
from policy.models import SpendGuard

BUDGETS = ("per_user", "per_number", "per_range", "per_country", "in_all")


class CountriesField(forms.CharField):
    """Countries as two letters each, apart by commas or spaces."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return sorted({country.upper() for country in text.replace(",", " ").split()})

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(sorted(initial or []) != self.to_python(data))


class SpendGuardForm(ScopedForm):
    countries = CountriesField(
        label=_("Countries allowed"),
        required=False,
        max_length=1000,
        help_text=_("Two letters each, such as CH, DE, AT. None: all, apart from premium and service numbers."),
    )


class SpendGuardsPage(ChangeList):
    """A page of budgets with what was sent of each, in one statement for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        spent = spending.in_all([guard.tenant_id for guard in self.result_list], timezone.now())
        for guard in self.result_list:
            guard.sent = spent[guard.tenant_id].sent


class SpendGuardAdmin(ScopedAdmin):
    form = SpendGuardForm
    list_display = ("__str__", *BUDGETS, "sent_today")
    activities = ALWAYS_POLICY_CHANGED
    readonly_fields = ("today",)
    fieldsets = (
        (None, {"fields": ("today",)}),
        (_("Texts and calls a day, together"), {"fields": BUDGETS}),
        (_("Where to"), {"fields": ("countries", "conversion_percent")}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SpendGuardsPage

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An organisation has one; without it the defaults hold."""
        person = person_of(request)
        has_one = person.tenant_id is not None and SpendGuard.objects.filter(tenant=person.tenant_id).exists()
        return super().has_add_permission(request) and not has_one

    @admin.display(description=_("sent today"))
    def sent_today(self, guard: SpendGuard) -> str:
        return f"{guard.sent} / {guard.in_all}"  # type: ignore[attr-defined]

    @admin.display(description=_("today"))
    def today(self, guard: SpendGuard) -> str | SafeString:
        """What was spent in the running day, which begins with its first text or call."""
        if guard._state.adding:
            return "-"
        spent = spending.today(guard, timezone.now())
        if not spent.ends_at:
            return gettext("Nothing was sent yet.")
        told = gettext(
            "%(sent)d of %(budget)d sent, %(answered)d answered (%(percent)d %%). The day ends at %(end)s UTC."
        ) % {
            "sent": spent.sent,
            "budget": guard.in_all,
            "answered": spent.answered,
            "percent": spent.percent,
            "end": date_format(spent.ends_at, "TIME_FORMAT"),
        }
        most_first = sorted(spent.by_country.items(), key=lambda item: (-item[1], item[0]))
        countries = format_html_join(", ", "{} {}", most_first)
        warning = gettext("So few are answered that somebody may be earning by it.")
        alarm = format_html("<br><strong>{}</strong>", warning) if spent.is_alarming(guard.conversion_percent) else ""
        return format_html("{}<br>{}{}", told, countries, alarm)
