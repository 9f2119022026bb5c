"""Fixed texts are written into a template once per language, and nothing else changes."""

from typing import Any

import pytest
from django.template import Context, Engine
from django.template.context import make_context
from django.utils.translation import override

from config.templating import PerLanguage

PIECES = {
    "plain": ('{% translate "Sign in" %}', {}),
    "beside others": ('<b>{% translate "Sign in" %}</b>{{ name }}{% translate "Next" %}', {"name": "<&>"}),
    "in a branch": ('{% if name %}{% translate "Next" %}{% else %}{% translate "Sign in" %}{% endif %}', {}),
    "in a loop": (
        '{% for n in names %}{{ n }} {% translate "Next" %}{% empty %}{% translate "Sign in" %}{% endfor %}',
        {},
    ),
    "kept for later": ('{% translate "Next" as text %}{{ text }}', {}),
    "not translated": ('{% translate "Next" noop %}', {}),
    "of a variable": ("{% translate name %}", {"name": "Next"}),
    "filtered": ('{% translate "Next"|upper %}', {}),
    "a whole sentence": ("{% blocktranslate trimmed %}\n  Choose a new one\n{% endblocktranslate %}", {}),
    "a sentence with a value": (
        "{% blocktranslate with n=name %}Hello {{ n }}{% endblocktranslate %}",
        {"name": "<&>"},
    ),
    "percent": ('{% translate "100 % sure" %}', {}),
    "escaped by hand": ('{% autoescape off %}{% translate "Next" %}{{ name }}{% endautoescape %}', {"name": "<&>"}),
}


def engine(source: str, *, written: bool) -> Engine:
    plain = ("django.template.loaders.locmem.Loader", {"page.html": "{% load i18n %}" + source})
    loaders: list[Any] = [("config.templating.PerLanguage", [plain])] if written else [plain]
    return Engine(loaders=loaders, libraries={"i18n": "django.templatetags.i18n"})


@pytest.mark.parametrize("piece", PIECES)
def test_a_page_reads_as_it_did(piece: str) -> None:
    source, context = PIECES[piece]
    mine, djangos = engine(source, written=True), engine(source, written=False)
    for language in ("en", "de", "ar", "de"):
        with override(language):
            expected = djangos.get_template("page.html").render(Context(context))
            assert mine.get_template("page.html").render(Context(context)) == expected, language


def test_each_language_has_its_own_copy() -> None:
    mine = engine('{% translate "Next" %}', written=True)
    with override("de"):
        german = mine.get_template("page.html").render(Context())
    with override("en"):
        assert mine.get_template("page.html").render(Context()) == "Next" != german


def test_a_fixed_text_leaves_no_tag_behind() -> None:
    page = engine('a{% translate "Next" %}b{% if x %}{% translate "Sign in" %}{% endif %}', written=True).get_template(
        "page.html"
    )
    assert [type(node).__name__ for node in page.nodelist] == ["LoadNode", "TextNode", "IfNode"]
    assert page.render(make_context({"x": 1})) == "aNextbSign in"


def test_the_product_uses_it() -> None:
    assert isinstance(Engine.get_default().template_loaders[0], PerLanguage)
