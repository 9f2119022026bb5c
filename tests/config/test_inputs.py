"""Inputs written without a template are what Django's own templates make of them."""

import re
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from config.inputs import PlainInputs

ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')
ATTRS: dict[str, Any] = {
    "id": "id_x", "required": True, "disabled": False, "maxlength": 10, "class": "code", "title": '<"it\'s" & more>',
}  # fmt: skip


def attributes(html: str) -> dict[str, str]:
    """Order means nothing to a browser."""
    found = re.fullmatch(r"\s*<input ([^<>]*)>\s*", html)
    assert found is not None, html
    return dict(ATTRIBUTE.findall(found[1]))


@pytest.mark.parametrize("value", [None, "", "plain", '"><script>alert(1)</script>', "a & b", 0, "ü ﷺ"])
@pytest.mark.parametrize("widget", [forms.TextInput, forms.HiddenInput, forms.EmailInput, forms.NumberInput])
def test_an_input_has_the_same_attributes(widget: type[forms.Widget], value: Any) -> None:
    here, djangos = (widget().render("x", value, ATTRS, renderer) for renderer in (PlainInputs(), DjangoTemplates()))
    assert attributes(here) == attributes(djangos)


def test_a_typed_password_is_never_written_back() -> None:
    assert "secret" not in forms.PasswordInput().render("x", "secret", {}, PlainInputs())


def test_what_is_no_plain_input_is_left_to_django() -> None:
    lines = forms.Textarea().render("x", "<b>", {"rows": 2}, PlainInputs())
    assert lines.strip().startswith("<textarea")
    assert "&lt;b&gt;" in lines
