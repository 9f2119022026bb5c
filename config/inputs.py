"""Form inputs written at once: Django's own templates for them cost as much as the rest of a small page."""

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import format_html

PLAIN = frozenset(f"django/forms/widgets/{kind}.html" for kind in ("input", "text", "password", "hidden"))


class PlainInputs(DjangoTemplates):
    """Django's renderer, with the plain one-line inputs written without a template: the same text, escaped the same way."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name not in PLAIN:
            return super().render(template_name, context, request)
        widget = context["widget"]
        value = widget["value"]
        shown = "" if value is None else format_html(' value="{}"', value)
        return format_html(
            '<input type="{}" name="{}"{}{}>', widget["type"], widget["name"], shown, flatatt(widget["attrs"])
        )
