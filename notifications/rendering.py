"""Writing a message out in the reader's language. Happens in the worker, directly before sending."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.methods import Kind
from notifications.channels.base import DeliveryError
from notifications.gsm import fits_one_text
from notifications.messages import KINDS
from notifications.models import Channel

# An engine of its own: a code must go out even when something about the pages is broken.
ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")], libraries={"i18n": "django.templatetags.i18n"})
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Content:
    """A message as its reader sees it. It never prints."""

    language: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


def product_name() -> str:
    """What stands where there is no organisation: in messages to the operators of the platform."""
    return str(settings.PRODUCT_NAME)


def render(
    kind: str, channel: Channel, language: str, organisation: str, has_logo: bool, context: dict[str, str]
) -> Content:
    """Write one message out. Raises DeliveryError for a kind that doesn't exist or doesn't go by this channel."""
    if channel not in KINDS.get(kind, ()):
        raise DeliveryError(f"There is no message {kind[:40]!r} by {channel}", permanent=True)
    with translation.override(_supported(language)):
        values = {
            **_readable(context),
            "organisation": _on_one_line(organisation),
            "has_logo": has_logo,
            "language": translation.get_language(),
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
            "product": product_name(),
        }
        return WRITERS[channel](kind, values)


def _mail(kind: str, values: dict[str, Any]) -> Content:
    place = f"messages/{kind}"
    subject = " ".join(_written(f"{place}/subject.txt", values).split())
    values = {**values, "subject": subject}
    text = _written(f"{place}/body.txt", values)
    return Content(values["language"], subject, _tidy(text), _written(f"{place}/body.html", values))


def _push(kind: str, values: dict[str, Any]) -> Content:
    place = f"messages/{kind}"
    title, text = (" ".join(_written(f"{place}/{name}.txt", values).split()) for name in ("subject", "push"))
    return Content(values["language"], title, text, "")


def _text(kind: str, values: dict[str, Any]) -> Content:
    """The first form that fits one segment: with the line that phones read codes from, without, with a shorter name."""
    write = partial(_written, f"messages/{kind}/sms.txt")
    host = settings.BASE_URL.partition("://")[2].partition("/")[0].partition(":")[0]
    plain = write(values).strip()
    forms = [f"{plain}\n@{host} #{values['code']}" if host and "code" in values else plain, plain]
    name = values["organisation"]
    forms += [write({**values, "organisation": name[:length].rstrip()}).strip() for length in (40, 30, 20, 10)]
    chosen = next((form for form in forms if fits_one_text(form)), plain)
    return Content(values["language"], "", chosen, "")


def _spoken(kind: str, values: dict[str, Any]) -> Content:
    return Content(values["language"], "", " ".join(_written(f"messages/{kind}/voice.txt", values).split()), "")


WRITERS: dict[Channel, Callable[[str, dict[str, Any]], Content]] = {
    Channel.EMAIL: _mail,
    Channel.SMS: _text,
    Channel.VOICE: _spoken,
    Channel.PUSH: _push,
}


def _readable(context: dict[str, str]) -> dict[str, Any]:
    """Times and kinds as the reader's language writes them; everything else as it is."""
    values: dict[str, Any] = {name: text if name == "text" else _on_one_line(text) for name, text in context.items()}
    for moment in {"when", "alone_at"} & set(context):
        values[moment] = _moment(context[moment])
    if "kinds" in context:
        labels = [str(Kind(kind).label) for kind in context["kinds"].split(",") if kind in Kind]
        values["kinds"] = ", ".join(labels)
    return values


def _written(template: str, values: dict[str, Any]) -> str:
    return ENGINE.get_template(template).render(Context(values))


def _on_one_line(text: str) -> str:
    """Names can neither add lines to a message nor turn the direction of what stands beside them."""
    return " ".join("".join(char for char in text if char not in TURNING).split())


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return _("%(date)s, %(time)s UTC") % {
        "date": date_format(moment, "DATE_FORMAT"),
        "time": date_format(moment, "TIME_FORMAT"),
    }


def _supported(language: str) -> str:
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return settings.LANGUAGE_CODE


def _tidy(text: str) -> str:
    """At most one empty line in a row, none at the edges: templates leave them where they had tags."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or lines[-1:] != [""]:
            lines.append(line)
    return "\n".join(lines) + "\n"
