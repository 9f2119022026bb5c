"""Text messages over a real HTTP gateway: what it is sent, to the byte, and what its answers mean."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from accounts.identifiers import new_id
from notifications import channels, delivery
from notifications.channels.base import DeliveryError, Outgoing
from notifications.channels.sms import SmsGateway as Sender
from notifications.models import Channel, Message
from notifications.rendering import render
from tests.notifications.conftest import CODE, Write, deliveries, row
from tests.sms_gateway import Answer, SmsGateway

AWKWARD = 'Acme "Söhne" & {to} \\ 100%: your code is 482913.\n@acme.example #482913 ✓ أكمي'


@pytest.fixture
def outgoing(now: datetime) -> Outgoing:
    return Outgoing(
        id=new_id(), created_at=now, expires_at=now + timedelta(minutes=5),
        recipient="+4915112345647", language="en", organisation="Acme", logo=b"",
        subject="", text=AWKWARD, html="",
    )  # fmt: skip


def test_a_json_gateway_gets_exactly_this(gateway: SmsGateway, outgoing: Outgoing, settings: Any) -> None:
    settings.SMS_BODY = '{"messages": [{"to": "{to}", "text": "{text}", "unicode": true}]}'
    settings.SMS_HEADERS = "Authorization: Bearer Zx-CANARY\nX-Account: 7\n"
    assert Sender(gateway.url()).send(outgoing) == "HTTP 202"
    [request] = gateway.requests
    assert (request.method, request.path) == ("POST", "/send?account=7")
    assert json.loads(request.body) == {"messages": [{"to": "+4915112345647", "text": AWKWARD, "unicode": True}]}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer Zx-CANARY"
    assert request.headers["X-Account"] == "7"


def test_a_form_gateway_gets_exactly_this(gateway: SmsGateway, outgoing: Outgoing, settings: Any) -> None:
    settings.SMS_METHOD = "put"
    settings.SMS_CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
    settings.SMS_BODY = "From=Rekey&To={to}&Body={text}"
    Sender(gateway.url()).send(outgoing)
    [request] = gateway.requests
    assert request.method == "PUT"
    assert request.body.startswith(b"From=Rekey&To=%2B4915112345647&Body=Acme+%22S%C3%B6hne%22+%26+%7Bto%7D+")
    assert parse_qs(request.body.decode()) == {"From": ["Rekey"], "To": ["+4915112345647"], "Body": [AWKWARD]}


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (401, True), (404, True), (302, True), (408, False), (429, False), (500, False), (503, False)],
)
def test_an_answer_that_is_no_yes_is_temporary_or_final(
    gateway: SmsGateway, outgoing: Outgoing, status: int, permanent: bool
) -> None:
    gateway.answer = Answer(status=status, body=b"+4915112345647: 482913 was not sent")
    with pytest.raises(DeliveryError) as refused:
        Sender(gateway.url()).send(outgoing)
    assert (str(refused.value), refused.value.permanent) == (f"HTTP {status}", permanent)


def test_nothing_is_sent_after_its_time(gateway: SmsGateway, outgoing: Outgoing, now: datetime) -> None:
    late = replace(outgoing, expires_at=now - timedelta(seconds=1))
    with pytest.raises(DeliveryError, match="Too late"):
        Sender(gateway.url()).send(late)
    assert gateway.requests == []


@pytest.mark.django_db
def test_a_code_arrives_as_a_text_message(gateway: SmsGateway, write_text: Write, settings: Any) -> None:
    settings.BASE_URL = "https://reset.acme.example:8443"
    message_id = write_text()
    delivery.deliver(message_id)
    assert json.loads(gateway.requests[0].body) == {
        "to": "+4915112345647",
        "text": f"Acme: your code is {CODE}. It works for 5 minutes.\n@reset.acme.example #{CODE}",
    }
    assert row(message_id).status == Message.Status.SENT
    assert [one.answer for one in deliveries(message_id)] == ["HTTP 202"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Acme", f"Acme: your code is {CODE}. It works for 5 minutes.\n@testserver #{CODE}"),
        ("A" * 90, f"{'A' * 90}: your code is {CODE}. It works for 5 minutes."),
        ("A" * 119, f"{'A' * 40}: your code is {CODE}. It works for 5 minutes."),
        ("أكمي", f"أكمي: your code is {CODE}. It works for 5 minutes.\n@testserver #{CODE}"),
        ("أ" * 40, f"{'أ' * 20}: your code is {CODE}. It works for 5 minutes."),
    ],
)
def test_a_text_message_fits_one_segment(name: str, expected: str, settings: Any) -> None:
    settings.BASE_URL = "http://testserver" if len(name) == 4 else "https://reset." + "x" * 20 + ".acme.example"
    text = render("passcode", Channel.SMS, "en", name, False, {"code": CODE, "minutes": "5"}).text
    assert text == expected
    assert len(text) <= (160 if name.isascii() else 70)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("SMS_URL", "https://rekey:Zx-CANARY@gateway.acme.example/", "SMS_URL"),
        ("SMS_URL", "gateway.acme.example/?key=Zx-CANARY", "SMS_URL"),
        ("SMS_METHOD", "GET", "SMS_METHOD"),
        ("SMS_BODY", '{"to": "{to}"}', "SMS_BODY"),
        ("SMS_BODY", '{"to": {to}, "text": "{text}", "key": "Zx-CANARY" ', "SMS_BODY"),
        ("SMS_CONTENT_TYPE", "text/xml", "SMS_CONTENT_TYPE"),
        ("SMS_HEADERS", "Authorization Zx-CANARY", "SMS_HEADERS"),
        ("SMS_HEADERS", "Authorization: Zx-CANARYß", "SMS_HEADERS"),
    ],
)
def test_e6_a_wrong_setting_is_reported_without_what_is_secret_in_it(
    name: str, value: str, word: str, settings: Any, outgoing: Outgoing
) -> None:
    settings.SMS_URL = "https://gateway.acme.example/"
    assert channels.problems() == []
    setattr(settings, name, value)
    [problem] = channels.problems()
    assert problem.startswith(word)
    assert "CANARY" not in problem


def test_without_a_gateway_there_are_no_text_messages_and_no_problem(settings: Any) -> None:
    settings.SMS_URL = ""
    assert channels.problems() == []
    with pytest.raises(DeliveryError):
        channels.find(Channel.SMS)


def test_captured_is_a_problem_in_production(settings: Any) -> None:
    assert channels.problems() == []
    settings.EMBEDDED = False
    assert [problem.partition(" ")[0] for problem in channels.problems()] == ["EMAIL_URL", "SMS_URL", "VOICE_URL"]
