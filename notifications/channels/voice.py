"""Calls by Twilio's Voice API. What is pressed comes back to `Outgoing.answer_url`, signed with the account's token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import phonenumbers
from django.conf import settings
from twilio.base.exceptions import TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.util import make_headers

from accounts import egress, secrets
from notifications import twiml
from notifications.channels.base import DeliveryError, Outgoing, refusal

API = "https://api.twilio.com"
RING_SECONDS = 30
# Twilio waits half a second for each w before it dials an extension.
PAUSE_BEFORE_EXTENSION = "wwww"


@dataclass(frozen=True)
class Account:
    """What VOICE_URL says. The token never prints."""

    base: str
    sid: str
    token: str = field(repr=False)
    caller: str


class Egress(HttpClient):  # type: ignore[misc]
    """Twilio's client, by the one way out of this server."""

    def __init__(self, account: Account, seconds: float) -> None:
        super().__init__(None, False, None)
        self._account, self._seconds = account, seconds

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Raises egress.Refused or egress.Unreachable."""
        given = {**(headers or {}), **make_headers(basic_auth=":".join(auth) if auth else None)}
        query = f"?{urlencode(params)}" if params else ""
        body = urlencode(data or {}, doseq=True).encode()
        answer = egress.request(method, url.replace(API, self._account.base, 1) + query, body, given, self._seconds)
        return Response(answer.status, answer.body.decode(errors="replace"))


class Twilio:
    """VOICE_URL=twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=%2B15551230000"""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, outgoing: Outgoing) -> str:
        """Have the recipient called. A call that may have begun is not made again."""
        try:
            account = parse(self.url)
        except ValueError as error:
            raise DeliveryError(str(error), unreachable=True) from None
        client = Client(account.sid, account.token, http_client=Egress(account, _seconds(outgoing)))
        try:
            made = client.calls.create(**_call(outgoing, account))
        except egress.Refused as error:
            raise DeliveryError(str(error), unreachable=True) from None
        except egress.Unreachable as error:
            raise DeliveryError(
                str(error), permanent=error.may_have_arrived, unreachable=not error.may_have_arrived
            ) from None
        except TwilioRestException as error:  # its text may quote the number
            raise refusal(error.status, f", Twilio {error.code}") from None
        return f"call {made.sid}"

    def problems(self) -> list[str]:
        try:
            account = parse(self.url)
        except ValueError as error:
            return [str(error)]
        return [f"VOICE_URL: {problem}" for problem in egress.problems_of(account.base)]


def parse(url: str) -> Account:
    """Read VOICE_URL. Raises ValueError, whose text shows nothing of it."""
    shape = "VOICE_URL must look like twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=%2B15551230000"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(shape) from None
    caller = parse_qs(parts.query).get("from", [""])[0]
    if not (host and parts.username and parts.password) or parts.path.strip("/"):
        raise ValueError(shape)
    if not _is_number(caller):
        raise ValueError("VOICE_URL must name the number that calls come from: ?from=%2B15551230000, the + as %2B")
    scheme = "http" if parts.scheme == "twilio+http" else "https"
    base = f"{scheme}://{host}" + (f":{port}" if port else "")
    return Account(base, unquote(parts.username), unquote(parts.password), caller)


def signature(url: str, fields: Mapping[str, str]) -> str:
    """What the provider of VOICE_URL signs a request with, in X-Twilio-Signature."""
    return str(RequestValidator(_token()).compute_signature(url, dict(fields)))


def is_genuine(url: str, fields: Mapping[str, str], given: str) -> bool:
    """Whether a request to `url` (as the call was told it, whatever a proxy made of it) comes from the provider."""
    try:
        return bool(given) and bool(RequestValidator(_token()).validate(url, dict(fields), given))
    except ValueError:  # there is no provider, or it is not named as it should be
        return False


def _token() -> str:
    """The secret shared with the provider. The captured phone of the embedded profile has one of its own."""
    if urlsplit(settings.VOICE_URL).scheme == "captured":
        return secrets.pseudo_random("captured calls", "token").hex()
    return parse(settings.VOICE_URL).token


def _call(outgoing: Outgoing, account: Account) -> dict[str, Any]:
    number, _x, extension = outgoing.recipient.partition("x")
    spoken = twiml.ask(outgoing.text, outgoing.language, outgoing.answer_url, outgoing.keys)
    call: dict[str, Any] = {"to": number, "from_": account.caller, "twiml": spoken, "timeout": RING_SECONDS}
    return {**call, "send_digits": PAUSE_BEFORE_EXTENSION + extension} if extension else call


def _seconds(outgoing: Outgoing) -> float:
    return min(settings.DELIVERY_TIMEOUT_SECONDS, outgoing.seconds_left())


def _is_number(text: str) -> bool:
    try:
        return text.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(text, None))
    except phonenumbers.NumberParseException:
        return False
