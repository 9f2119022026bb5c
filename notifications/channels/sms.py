"""Text messages by any gateway that takes an HTTP request: URL, method, body and headers come from the settings."""

import json
import re
from collections.abc import Callable
from urllib.parse import quote_plus

from django.conf import settings

from accounts import egress
from notifications.channels.base import DeliveryError, Outgoing, taken

METHODS = ("POST", "PUT", "PATCH")  # not GET: a code does not belong into an address
PLACEHOLDER = re.compile(r"\{(to|text)\}")
HEADER = re.compile(r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)$")


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


# How a value is written into the body, by content type.
ESCAPES: dict[str, Callable[[str], str]] = {
    "application/json": _in_json,
    "application/x-www-form-urlencoded": quote_plus,
}


class SmsGateway:
    """SMS_URL=https://…; the request's body is SMS_BODY with {to} and {text} filled in."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, outgoing: Outgoing) -> str:
        wrong = self.problems()
        if wrong:
            raise DeliveryError(wrong[0], unreachable=True)
        body = body_of(settings.SMS_BODY, outgoing.recipient, outgoing.text)
        seconds = min(settings.DELIVERY_TIMEOUT_SECONDS, outgoing.seconds_left())
        headers = {**headers_of(settings.SMS_HEADERS), "Content-Type": settings.SMS_CONTENT_TYPE}
        try:
            answer = egress.request(settings.SMS_METHOD.upper(), self.url, body.encode(), headers, seconds)
        except egress.Refused as error:
            raise DeliveryError(str(error), unreachable=True) from None
        except egress.Unreachable as error:
            # It may be on its way to the phone: a second one would be a second text message.
            raise DeliveryError(
                str(error), permanent=error.may_have_arrived, unreachable=not error.may_have_arrived
            ) from None
        return taken(answer.status)

    def problems(self) -> list[str]:
        found = [f"SMS_URL: {problem}" for problem in egress.problems_of(self.url)]
        if settings.SMS_METHOD.upper() not in METHODS:
            found.append(f"SMS_METHOD must be one of {', '.join(METHODS)}")
        if _media_type() not in ESCAPES:
            found.append(f"SMS_CONTENT_TYPE must be one of {', '.join(ESCAPES)}")
        elif not _is_template(settings.SMS_BODY):
            found.append("SMS_BODY must hold {to} and {text} and be of the type that SMS_CONTENT_TYPE names")
        try:
            headers_of(settings.SMS_HEADERS)
        except ValueError as error:
            found.append(str(error))
        return found


def body_of(template: str, to: str, text: str) -> str:
    """The template with both values filled in, escaped for the content type, and not looked at again for braces."""
    values, escape = {"to": to, "text": text}, ESCAPES[_media_type()]
    return PLACEHOLDER.sub(lambda found: escape(values[found[1]]), template)


def headers_of(text: str) -> dict[str, str]:
    """SMS_HEADERS: one `Name: value` a line. Raises ValueError, whose text shows no value."""
    headers = {}
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        found = HEADER.match(line.strip())
        if found is None:
            raise ValueError(f"SMS_HEADERS: line {number} is no header of the form Name: value")
        headers[found[1]] = found[2].strip()
    return headers


def _media_type() -> str:
    media_type: str = settings.SMS_CONTENT_TYPE
    return media_type.partition(";")[0].strip().lower()


def _is_template(template: str) -> bool:
    if set(PLACEHOLDER.findall(template)) != {"to", "text"}:
        return False
    if _media_type() != "application/json":
        return True
    try:
        json.loads(body_of(template, "+15550100", 'a "word"\n'))
    except ValueError:
        return False
    return True
