"""Calls over a real HTTP server that stands where Twilio does: what it is sent, to the byte, and what its answers mean."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from twilio.request_validator import RequestValidator

from accounts.identifiers import new_id
from accounts.models import Tenant
from accounts.tenants import all_opened
from notifications import channels, delivery, messages, outbox, twiml
from notifications.channels import voice
from notifications.channels.base import DeliveryError, Outgoing
from notifications.channels.voice import Twilio
from notifications.models import Channel, Message
from notifications.rendering import render
from tests.notifications.conftest import deliveries, row
from tests.sms_gateway import Answer, SmsGateway

SID, TOKEN, CALLER = "AC0123456789abcdef0123456789abcdef", "Tk-CANARY", "+15551230000"
ANSWER_URL = "https://reset.acme.example/calls/0192/"
MADE = Answer(201, json.dumps({"sid": "CA77", "status": "queued"}).encode())


def url_of(provider: SmsGateway) -> str:
    return f"twilio+http://{SID}:{TOKEN}@127.0.0.1:{provider.port}?from=%2B15551230000"


@pytest.fixture
def provider(settings: Any) -> Iterator[SmsGateway]:
    with SmsGateway() as server:
        server.answer = MADE
        settings.VOICE_URL = url_of(server)
        yield server


@pytest.fixture
def outgoing(now: datetime) -> Outgoing:
    return Outgoing(
        id=new_id(), created_at=now, expires_at=now + timedelta(minutes=5), recipient="+4915112345647", language="de",
        organisation="Acme", logo=b"", subject="", text="Hallo & <willkommen>", html="", answer_url=ANSWER_URL, keys=2,
    )  # fmt: skip


def test_twilio_is_sent_exactly_this(provider: SmsGateway, outgoing: Outgoing) -> None:
    assert Twilio(url_of(provider)).send(outgoing) == "call CA77"
    [request] = provider.requests
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Calls.json")
    assert request.headers["authorization"] == "Basic " + b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert fields.pop("Twiml") == twiml.ask("Hallo & <willkommen>", "de", ANSWER_URL, 2)
    assert fields == {"To": "+4915112345647", "From": CALLER, "Timeout": "30"}


def test_an_extension_is_dialled_after_the_call_is_taken(provider: SmsGateway, outgoing: Outgoing) -> None:
    Twilio(url_of(provider)).send(replace(outgoing, recipient="+14255551234x123"))
    fields = parse_qs(provider.requests[0].body.decode())
    assert (fields["To"], fields["SendDigits"]) == (["+14255551234"], ["wwww123"])


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (401, True), (404, True), (429, False), (500, False), (503, False)]
)
def test_an_answer_that_is_no_yes_is_temporary_or_final(
    provider: SmsGateway, outgoing: Outgoing, status: int, permanent: bool
) -> None:
    said = {"code": 21211, "message": "The number +4915112345647 is not valid", "status": status}
    provider.answer = Answer(status, json.dumps(said).encode())
    with pytest.raises(DeliveryError) as refused:
        Twilio(url_of(provider)).send(outgoing)
    assert (str(refused.value), refused.value.permanent) == (f"HTTP {status}, Twilio 21211", permanent)


def test_a_call_that_may_have_begun_is_not_made_again(provider: SmsGateway, outgoing: Outgoing, settings: Any) -> None:
    settings.DELIVERY_TIMEOUT_SECONDS = 0.2
    provider.answer = Answer(is_silent=True)
    with pytest.raises(DeliveryError) as refused:
        Twilio(url_of(provider)).send(outgoing)
    assert (refused.value.permanent, refused.value.unreachable) == (True, False)


def test_a_provider_that_is_not_there_is_tried_again(outgoing: Outgoing) -> None:
    with pytest.raises(DeliveryError) as refused:
        Twilio(f"twilio+http://{SID}:{TOKEN}@127.0.0.1:9?from=%2B15551230000").send(outgoing)
    assert (refused.value.permanent, refused.value.unreachable) == (False, True)
    assert TOKEN not in str(refused.value)


def test_nobody_is_called_after_the_time(provider: SmsGateway, outgoing: Outgoing, now: datetime) -> None:
    with pytest.raises(DeliveryError, match="Too late"):
        Twilio(url_of(provider)).send(replace(outgoing, expires_at=now - timedelta(seconds=1)))
    assert provider.requests == []


@pytest.mark.parametrize(
    ("url", "word"),
    [
        (f"twilio://{SID}@api.twilio.com?from=%2B15551230000", "VOICE_URL must look like"),
        (f"twilio://{SID}:{TOKEN}@api.twilio.com", "VOICE_URL must name the number"),
        (f"twilio://{SID}:{TOKEN}@api.twilio.com?from=+15551230000", "VOICE_URL must name the number"),
        (f"twilio://{SID}:{TOKEN}@api.twilio.com?from=Acme", "VOICE_URL must name the number"),
        (f"twilio://{SID}:{TOKEN}@api.twilio.com:port?from=%2B15551230000", "VOICE_URL must look like"),
        (f"sip://{SID}:{TOKEN}@api.twilio.com", "VOICE_URL must begin with one of twilio://"),
    ],
)
def test_a_wrong_setting_is_named_without_its_secret(url: str, word: str, settings: Any) -> None:
    settings.VOICE_URL = url
    [problem] = [problem for problem in channels.problems() if problem.startswith("VOICE_URL")]
    assert problem.startswith(word)
    assert TOKEN not in problem
    assert not voice.is_genuine(ANSWER_URL, {"Digits": "42#"}, "x")


def test_the_right_setting_has_no_problem(settings: Any) -> None:
    settings.VOICE_URL = f"twilio://{SID}:{TOKEN}@api.twilio.com?from=%2B15551230000"
    assert channels.problems() == []


def test_a_signature_is_the_one_that_twilios_own_library_makes(provider: SmsGateway) -> None:
    fields = {"Digits": "42#", "CallSid": "CA77"}
    theirs = RequestValidator(TOKEN).compute_signature(ANSWER_URL, fields)
    assert voice.signature(ANSWER_URL, fields) == theirs
    assert voice.is_genuine(ANSWER_URL, fields, theirs)


def test_what_is_said_asks_for_the_keys_twice_and_hangs_up() -> None:
    root = ElementTree.fromstring(twiml.ask("Hello", "de", ANSWER_URL, 2))
    assert [child.tag for child in root] == ["Gather", "Gather", "Hangup"]
    gather = root[0]
    assert (gather.get("action"), gather.get("numDigits"), gather.get("finishOnKey")) == (ANSWER_URL, "3", "")
    assert (gather.get("input"), gather.get("method")) == ("dtmf", "POST")
    assert (gather[0].text, gather[0].get("language"), gather[0].get("voice")) == (
        "Hello",
        "de-DE",
        "Polly.Vicki-Neural",
    )


def test_every_language_has_a_voice(settings: Any) -> None:
    assert set(twiml.VOICES) == {code for code, _name in settings.LANGUAGES}


@pytest.mark.parametrize(("keys", "asked"), [("2", "two digits"), ("0", "press the hash key")])
def test_a_call_says_who_calls_and_what_to_press_but_no_digits(keys: str, asked: str) -> None:
    said = render("call", Channel.VOICE, "en", "Acme", False, {"keys": keys, "answer_path": "/calls/x/"}).text
    assert said.startswith("Hello. This is Acme.")
    assert asked in said
    assert not any(char.isdigit() for char in said)


@pytest.mark.django_db
def test_a_call_goes_from_the_row_to_the_provider(acme: Tenant, provider: SmsGateway, settings: Any) -> None:
    draft = messages.call(
        answer_path="/calls/0192/", keys=2, tenant_id=acme.pk, language="en", recipient="+4915112345647"
    )
    [identifier] = outbox.enqueue([draft])
    outcome = delivery.deliver(identifier)
    assert outcome is not None
    assert outcome.accepted
    assert f'action="{settings.BASE_URL}/calls/0192/"' in parse_qs(provider.requests[0].body.decode())["Twiml"][0]
    assert (row(identifier).status, bytes(row(identifier).sealed)) == (Message.Status.SENT, b"")
    assert [attempt.answer for attempt in deliveries(identifier)] == ["call CA77"]


@pytest.mark.django_db
def test_a_call_whose_worker_stopped_is_not_made_again(acme: Tenant, provider: SmsGateway, now: datetime) -> None:
    draft = messages.call(answer_path="/c/", keys=2, tenant_id=acme.pk, language="en", recipient="+4915112345647")
    [identifier] = outbox.enqueue([draft], now)
    with all_opened():
        assert delivery.claim(identifier, now) is not None
        assert delivery.claim(identifier, now + delivery.LEASE) is None
        assert delivery.give_up_lost(identifier, acme.pk, now + delivery.LEASE)
    assert row(identifier).status == Message.Status.FAILED
