"""The development outbox is for somebody at the very machine, and for nobody else."""

from typing import Any

import pytest
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory

from notifications.models import CapturedMessage, Channel
from notifications.views import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _captured() -> None:
    CapturedMessage.objects.create(
        channel=Channel.EMAIL, recipient="alice@home.example", subject="Acme: your code", text="Your code\n\n482913\n",
        html="<p><script>alert(1)</script>482913</p>",
    )  # fmt: skip
    CapturedMessage.objects.create(channel=Channel.SMS, recipient="+4915112345647", text="Acme: your code is 118822.")


def visit(address: str = "127.0.0.1", **meta: Any) -> HttpResponse:
    return outbox(RequestFactory().get("/dev/outbox/", REMOTE_ADDR=address, **meta))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.3.2.1", "::ffff:127.0.0.1"])
def test_somebody_at_this_machine_reads_what_was_captured_newest_first(address: str) -> None:
    response = visit(address)
    page = response.content.decode()
    assert page.index("118822") < page.index("482913")
    assert "+4915112345647" in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    "address", ["192.168.1.7", "10.0.0.1", "93.184.216.34", "::ffff:10.0.0.1", "", "localhost", "0.0.0.0"]
)
def test_e5_a_peer_elsewhere_finds_nothing(address: str) -> None:
    with pytest.raises(Http404):
        visit(address)


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA"])
def test_e5_a_forwarded_header_opens_nothing_and_one_from_a_proxy_closes_it(header: str) -> None:
    with pytest.raises(Http404):
        visit("192.168.1.7", **{header: "127.0.0.1"})
    with pytest.raises(Http404):
        visit("127.0.0.1", **{header: "192.168.1.7"})


def test_e5_outside_the_embedded_profile_there_is_no_outbox(settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(Http404):
        visit()


def test_an_empty_outbox_says_how_to_fill_it() -> None:
    CapturedMessage.objects.all().delete()
    assert "Start a reset" in visit().content.decode()


def test_the_page_has_its_address(client: Client) -> None:
    response = client.get("/dev/outbox/")
    assert response.status_code == 200
    assert "482913" in response.content.decode()
    assert client.get("/dev/outbox/", REMOTE_ADDR="192.168.1.7").status_code == 404
    assert client.post("/dev/outbox/").status_code == 405
