"""Small pieces of the wizard's pages."""

from dataclasses import dataclass
from functools import cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.methods import Method
from accounts.models import Tenant
from policy.decisions import Offer
from reset.flow import Step, current_step
from reset.models import ResetRequest
from reset.views import access

register = template.Library()
ICONS = {
    Method.EMAIL: "mail",
    Method.SMS: "phone",
    Method.CALL: "call",
    Method.OFFICE_CALL: "call",
    Method.APP_CODE: "app",
    Method.QUESTIONS: "questions",
    Method.RECOVERY_CODE: "sheet",
    Method.PASSKEY: "key",
    Method.APP_NOTIFICATION: "phone",
    Method.ACCESS_PASS: "ticket",
}


@dataclass(frozen=True)
class Progress:
    """Which step of how many, and what each of the bar's parts looks like."""

    now: int
    of: int

    @property
    def states(self) -> list[str]:
        return [
            "done" if number < self.now else "now" if number == self.now else "" for number in range(1, self.of + 1)
        ]


@register.simple_tag
def progress(reset: ResetRequest) -> Progress:
    """Who you are, one step for each proof, and (for a reset) the new password."""
    of = 1 + reset.gates_required + (0 if reset.is_unlock else 1)
    now = of if current_step(reset) in (Step.PASSWORD, Step.WRITING) else 2 + len(reset.passed)
    return Progress(min(now, of), of)


@register.simple_tag
def language_menu() -> SafeString:
    """The languages that every page offers; written once for each language."""
    return _language_menu(get_language() or settings.LANGUAGE_CODE)


@cache
def _language_menu(language: str) -> SafeString:
    return render_to_string("parts/languages.html")


@register.simple_tag
@cache
def asset(name: str) -> str:
    """The address of a static file, which stays as long as the process runs."""
    return static(name)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    return render_to_string(f"icons/{name}.svg")


@register.simple_tag
def method_icon(method: Method) -> SafeString:
    return icon(ICONS[method])


@register.simple_tag
def method_title(method: Method) -> str:
    return {
        Method.EMAIL: _("E-mail me a code"),
        Method.SMS: _("Text a code to my phone"),
        Method.CALL: _("Call my mobile phone"),
        Method.OFFICE_CALL: _("Call my office phone"),
        Method.APP_CODE: _("Use a code from my authenticator app"),
        Method.QUESTIONS: _("Answer my security questions"),
        Method.RECOVERY_CODE: _("Use a recovery code"),
        Method.PASSKEY: _("Use a passkey or security key"),
        Method.APP_NOTIFICATION: _("Approve it on my phone"),
        Method.ACCESS_PASS: _("Use a temporary access pass"),
    }[method]


@register.simple_tag
def method_hint(offer: Offer) -> str | SafeString:
    """What the chosen way will do, or the mask of where a code would go."""
    if offer.method in (Method.SMS, Method.CALL, Method.OFFICE_CALL):
        digits = format_html('<span class="ltr">{}</span>', offer.mask[-2:])
        return format_html(_("Number ending in {}"), digits)
    if offer.method == Method.EMAIL:
        return format_html('<span class="ltr">{}</span>', offer.mask)
    return {
        Method.APP_CODE: _("Six digits, shown by the app"),
        Method.QUESTIONS: _("Some of those you answered before"),
        Method.RECOVERY_CODE: _("From the sheet that you printed"),
        Method.PASSKEY: _("With fingerprint, face or PIN"),
        Method.APP_NOTIFICATION: _("It asks, you type a number"),
        Method.ACCESS_PASS: _("Twenty digits that the helpdesk gave you"),
    }[offer.method]


@register.simple_tag
def page_address(name: str, slug: str | None) -> str:
    return access.address(name, slug)


@register.simple_tag
def contact_link(tenant: Tenant, slug: str | None) -> SafeString:
    """*Contact your administrator*, wherever the tenant sends people for that."""
    text = _("Whom to ask") if tenant.contact == Tenant.Contact.OFF else _("Contact your administrator")
    if tenant.contact == Tenant.Contact.MAIL:
        return format_html('<a href="mailto:{}">{}</a>', tenant.contact_target, text)
    if tenant.contact == Tenant.Contact.URL:
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', tenant.contact_target, text)
    return format_html('<a href="{}">{}</a>', access.address("reset-contact", slug), text)
