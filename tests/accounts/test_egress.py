"""Where this server goes and where it never goes: resolved once, checked, pinned, no redirects, TLS verified."""

import contextlib
import socket
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from accounts import egress
from accounts.egress import Refused, Unreachable
from tests.certificates import make_certificates
from tests.sms_gateway import Answer, SmsGateway
from tests.smtp_server import free_port

INTERNAL = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1", "2001:0:7f00:1::",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.fixture
def nothing_private(settings: Any) -> None:
    settings.EGRESS_ALLOW_PRIVATE = []


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these addresses, one answer a call, the last one ever after. Returns the names asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if egress._parsed(host) is not None:
            return real(host, port, *rest, **options)
        chosen = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in chosen
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", INTERNAL)
def test_q11_no_internal_address_is_reached(
    address: str, nothing_private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, [address])
    with pytest.raises(Refused):
        egress.resolve_checked("gateway.evil.example", 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_q11_ordinary_addresses_are_reached(
    address: str, nothing_private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, [address])
    assert egress.resolve_checked("gateway.acme.example", 443) == [address]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "https://localhost/", "https://127.1/", "https://2130706433/",
        "https://0x7f.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "http://0/", "https://017700000001/",
    ],
)  # fmt: skip
def test_q11_no_spelling_of_an_internal_address_is_reached(url: str, nothing_private: None) -> None:
    with pytest.raises((Refused, Unreachable)):
        egress.request("POST", url, b"", {}, timeout=1)


def test_q11_one_internal_address_among_public_ones_is_one_too_many(
    nothing_private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(Refused):
        egress.resolve_checked("gateway.evil.example", 443)


def test_q11_a_name_that_changes_its_address_after_the_check_gains_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EGRESS_ALLOW_PRIVATE = ["127.0.0.1/32"]
    with SmsGateway() as gateway:
        asked = resolve_to(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        answer = egress.request("POST", gateway.url("gateway.acme.example"), b"x", {})
        assert answer.status == 202
        assert asked == ["gateway.acme.example"], "resolved once"
        assert gateway.requests[0].headers["Host"] == f"gateway.acme.example:{gateway.port}"


def test_q11_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with SmsGateway() as inside, SmsGateway() as gateway:
        gateway.answer = Answer(status=302, headers={"Location": inside.url()})
        assert egress.request("POST", gateway.url(), b"x", {}).status == 302
        assert inside.requests == []


def test_q11_http_goes_only_where_the_operator_allows_private_networks(
    nothing_private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, ["93.184.216.34"])
    with pytest.raises(Refused, match="only reached by https"):
        egress.request("POST", "http://gateway.acme.example/", b"", {})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gateway.acme.example/", "file:///etc/passwd", "gopher://x/", "//gateway.acme.example", "", "https://",
        "https://user:Zx-CANARY@gateway.acme.example/", "https://gateway.acme.example:99999/", "https://[::1/",
        "https://gateway.acme.example/\r\nX: y", "https://gate way.example/",
    ],
)  # fmt: skip
def test_q11_only_plain_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(Refused) as refused:
        egress.request("POST", url, b"", {})
    assert "CANARY" not in str(refused.value)


def test_tls_is_verified_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = make_certificates(tmp_path, "gateway.acme.example")
    with SmsGateway(tls=certificates.server) as gateway:
        resolve_to(monkeypatch, ["127.0.0.1"])
        with pytest.raises(Unreachable, match="certificate is not trusted") as refused:
            egress.request("POST", gateway.url("gateway.acme.example"), b"x", {})
        assert not refused.value.may_have_arrived
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
        assert egress.request("POST", gateway.url("gateway.acme.example"), b"x", {}).status == 202
        with pytest.raises(Unreachable):
            egress.request("POST", gateway.url("gateway.globex.example"), b"x", {})
        assert len(gateway.requests) == 1


def test_silence_is_told_from_absence() -> None:
    with pytest.raises(Unreachable) as absent:
        egress.request("POST", f"http://127.0.0.1:{free_port()}/", b"x", {}, timeout=1)
    assert not absent.value.may_have_arrived
    with SmsGateway() as gateway:
        gateway.answer = Answer(is_silent=True)
        before = monotonic()
        with pytest.raises(Unreachable) as silent:
            egress.request("POST", gateway.url(), b"x", {}, timeout=0.1)
        assert monotonic() - before < 1
    assert silent.value.may_have_arrived


@pytest.mark.parametrize(
    "begun",
    [b"HTTP/1.1 2", b"HTTP/1.1 201 Created\r\nX: ", b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"],
)
def test_q11_a_server_that_sends_a_byte_now_and_then_holds_nobody_for_long(begun: bytes) -> None:
    with SmsGateway() as gateway:
        gateway.answer = Answer(dripping=begun)
        before = monotonic()
        with contextlib.suppress(Unreachable):
            egress.request("POST", gateway.url(), b"{}", {}, 0.2)
        assert monotonic() - before < 2


def test_an_endless_answer_is_cut_off() -> None:
    with SmsGateway() as gateway:
        gateway.answer = Answer(body=b"x" * 1_000_000)
        assert len(egress.request("POST", gateway.url(), b"x", {}).body) == egress.MOST_BYTES


def test_a_name_without_an_address_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        egress.resolve_checked("gateway.invalid", 443)


def test_what_is_no_network_allows_nothing_and_is_reported(settings: Any) -> None:
    settings.EGRESS_ALLOW_PRIVATE = ["10.0.0.0/8", "10.0.0.1/8", "anything"]
    assert not egress.is_allowed_private("192.168.1.1")
    assert egress.is_allowed_private("10.1.1.1")
    assert len(egress.network_problems()) == 2
