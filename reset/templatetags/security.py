"""Small pieces of the pages of security info."""

from dataclasses import dataclass

from django import template
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.methods import METHODS_OF, AuthenticatorType, Method
from accounts.models import Authenticator
from reset import recovery_codes
from reset.registration import Standing, shown
from reset.templatetags.wizard import method_icon
from reset.views.security_texts import ADD

register = template.Library()


@dataclass(frozen=True)
class Told:
    """A method as its owner sees it."""

    title: str
    value: str
    proves: bool


@register.simple_tag(takes_context=True)
def held_text(context: template.Context, row: Authenticator) -> Told:
    """Its name (its type where it has none), its value, and whether it counts."""
    kind = AuthenticatorType(row.type)
    standing: Standing | None = context.get("standing")
    return Told(row.name or str(kind.label), _value_of(row, kind), standing is None or standing.proves(row))


def _value_of(row: Authenticator, kind: AuthenticatorType) -> str:
    if kind == AuthenticatorType.RECOVERY_CODES:
        return _codes_left(row)
    if kind == AuthenticatorType.ACCESS_PASS:
        return _("works until %(moment)s") % {"moment": date_format(row.access_pass.expires_at, "DATETIME_FORMAT")}
    value = row.readable_value
    return _("can't be read") if value is None else shown(kind, value)


def _codes_left(row: Authenticator) -> str:
    left = recovery_codes.left(row)
    return ngettext("%(left)d code left", "%(left)d codes left", left) % {"left": left}


@register.simple_tag
def held_icon(row: Authenticator) -> SafeString:
    """As its first method has it in the wizard."""
    return method_icon(METHODS_OF[AuthenticatorType(row.type)][0])


@register.simple_tag
def add_title(method: Method) -> str | Promise:
    return ADD[method][0]


@register.simple_tag
def add_hint(method: Method) -> str | Promise:
    return ADD[method][1]
