"""E-mail over a real SMTP server: what arrives, over which connection, and what is refused."""

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from accounts.identifiers import new_id
from accounts.models import Branding, Tenant
from accounts.tenants import all_opened
from notifications import channels, delivery
from notifications.channels.base import DeliveryError, Outgoing
from notifications.channels.smtp import SmtpServer as Sender
from notifications.channels.smtp import compose, parse
from tests.certificates import Certificates, make_certificates
from tests.notifications.conftest import CODE, Write, deliveries, row
from tests.smtp_server import SmtpServer, free_port

pytestmark = pytest.mark.smtp

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000a49444154789c6300010000050001"
    "0d0a2db40000000049454e44ae426082"
)  # fmt: skip


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path, "127.0.0.1", "localhost")


@pytest.fixture
def outgoing(now: datetime) -> Outgoing:
    return Outgoing(
        id=new_id(), created_at=now, expires_at=now + timedelta(minutes=5),
        recipient="alice@home.example", language="en", organisation="Acme", logo=b"",
        subject="Acme: your code", text="Your code\n\n482913\n", html="<p>482913</p>",
    )  # fmt: skip


@pytest.mark.django_db
def test_a_mail_has_text_and_html_and_the_organisations_name(smtp_server: SmtpServer, write_mail: Write) -> None:
    message_id = write_mail(language="ar")
    delivery.deliver(message_id)
    [received] = smtp_server.received
    mail = received.mail
    assert mail["From"] == "Acme <no-reply@rekey.example>"
    assert received.sender == "no-reply@rekey.example"
    assert mail["To"] == "alice@home.example"
    assert mail["Message-ID"] == f"<{message_id}@rekey.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ar"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert CODE in received.part("text/plain").splitlines(), "the code stands alone on its line"
    assert f">{CODE}</p>" in received.part("text/html")
    assert all(len(line) < 1000 for line in received.raw.splitlines())
    assert received.raw.isascii()


@pytest.mark.django_db
def test_the_logo_travels_inside_the_mail(smtp_server: SmtpServer, write_mail: Write, acme: Tenant) -> None:
    with all_opened():
        Branding.objects.create(tenant=acme, logo=PNG)
    delivery.deliver(write_mail())
    [received] = smtp_server.received
    related = list(received.mail.iter_parts())[1]
    assert related.get_content_type() == "multipart/related"
    logo = list(related.iter_parts())[1]
    assert (logo.get_content_type(), logo["Content-ID"], logo.get_content()) == ("image/png", "<logo>", PNG)
    assert 'src="cid:logo"' in received.part("text/html")
    assert "http" not in received.part("text/html").replace("html", "")


def test_messages_share_one_connection(smtp_server: SmtpServer, outgoing: Outgoing) -> None:
    for _ in range(5):
        Sender(smtp_server.url).send(outgoing)
    assert len(smtp_server.received) == 5
    assert smtp_server.greetings == 1


def test_a_refusal_leaves_the_connection_ready_for_the_next_message(
    smtp_server: SmtpServer, outgoing: Outgoing
) -> None:
    smtp_server.recipient_answer = "550 5.1.1 nobody"
    with pytest.raises(DeliveryError):
        Sender(smtp_server.url).send(outgoing)
    smtp_server.recipient_answer = ""
    Sender(smtp_server.url).send(outgoing)
    assert [received.recipients for received in smtp_server.received] == [("alice@home.example",)]
    assert smtp_server.greetings == 1


def test_a_kept_connection_that_died_is_replaced_once(settings: Any, outgoing: Outgoing) -> None:
    port = free_port()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    with SmtpServer(port=port):
        Sender(settings.EMAIL_URL).send(outgoing)
    with SmtpServer(port=port) as again:
        Sender(settings.EMAIL_URL).send(outgoing)
        assert len(again.received) == 1


def test_an_idle_connection_is_not_trusted(
    smtp_server: SmtpServer, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    Sender(smtp_server.url).send(outgoing)
    monkeypatch.setattr("notifications.channels.smtp.IDLE_SECONDS", 0.0)
    Sender(smtp_server.url).send(outgoing)
    assert smtp_server.greetings == 2


@pytest.mark.parametrize(
    ("field", "answer", "permanent"),
    [
        ("recipient_answer", "450 4.2.1 busy", False),
        ("recipient_answer", "550 5.1.1 nobody", True),
        ("data_answer", "452 4.3.1 no room", False),
        ("data_answer", "554 5.7.1 refused", True),
    ],
)
def test_what_the_server_says_is_temporary_or_final(
    smtp_server: SmtpServer, outgoing: Outgoing, field: str, answer: str, permanent: bool
) -> None:
    setattr(smtp_server, field, answer)
    with pytest.raises(DeliveryError) as refused:
        Sender(smtp_server.url).send(outgoing)
    assert (str(refused.value), refused.value.permanent, refused.value.unreachable) == (answer, permanent, False)


def test_a_server_that_dawdles_is_left(smtp_server: SmtpServer, outgoing: Outgoing, settings: Any) -> None:
    settings.DELIVERY_TIMEOUT_SECONDS = 0.2
    smtp_server.dawdle = 1.0
    with pytest.raises(DeliveryError) as refused:
        Sender(smtp_server.url).send(outgoing)
    assert (refused.value.permanent, refused.value.unreachable) == (False, True)


def test_nothing_is_sent_after_its_time(smtp_server: SmtpServer, outgoing: Outgoing, now: datetime) -> None:
    with pytest.raises(DeliveryError, match="Too late"):
        Sender(smtp_server.url).send(replace(outgoing, expires_at=now - timedelta(seconds=1)))
    Sender(smtp_server.url).send(outgoing)
    assert len(smtp_server.received) == 1
    assert smtp_server.greetings == 1


def test_starttls_with_a_trusted_certificate_and_an_account(
    certificates: Certificates, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with SmtpServer(starttls=certificates.server, account=("rekey@acme", "pass/word?")) as server:
        Sender(f"smtp+tls://rekey%40acme:pass%2Fword%3F@localhost:{server.port}").send(outgoing)
        assert len(server.received) == 1


def test_tls_from_the_first_byte(
    certificates: Certificates, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with SmtpServer(tls=certificates.server) as server:
        Sender(f"smtps://127.0.0.1:{server.port}").send(outgoing)
        assert len(server.received) == 1


@pytest.mark.parametrize("scheme", ["smtp+tls", "smtps"])
def test_an_untrusted_certificate_is_refused(scheme: str, certificates: Certificates, outgoing: Outgoing) -> None:
    context = {"smtp+tls": {"starttls": certificates.server}, "smtps": {"tls": certificates.server}}[scheme]
    with SmtpServer(**context) as server:  # type: ignore[arg-type]
        with pytest.raises(DeliveryError, match="certificate is not trusted") as refused:
            Sender(f"{scheme}://127.0.0.1:{server.port}").send(outgoing)
        assert server.received == []
    assert (refused.value.permanent, refused.value.unreachable) == (False, True)


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path, "mail.globex.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with SmtpServer(starttls=certificates.server) as server:
        with pytest.raises(DeliveryError, match="certificate is not trusted"):
            Sender(f"smtp+tls://localhost:{server.port}").send(outgoing)
        assert server.received == []


def test_a_server_without_starttls_gets_nothing_where_tls_was_asked_for(
    smtp_server: SmtpServer, outgoing: Outgoing
) -> None:
    with pytest.raises(DeliveryError, match="SMTPNotSupportedError"):
        Sender(f"smtp+tls://127.0.0.1:{smtp_server.port}").send(outgoing)
    assert smtp_server.received == []


def test_a_wrong_password_is_no_fault_of_the_message(
    certificates: Certificates, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    account = ("rekey", "right")
    with SmtpServer(starttls=certificates.server, account=account) as server, pytest.raises(DeliveryError) as refused:
        Sender(f"smtp+tls://rekey:Zx-CANARY@localhost:{server.port}").send(outgoing)
    assert str(refused.value) == "The mail server refused the sign-in (535)"
    assert (refused.value.permanent, refused.value.unreachable) == (False, True)


def test_q11_mail_without_tls_does_not_leave_this_machine(
    outgoing: Outgoing, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EGRESS_ALLOW_PRIVATE = []
    for address in ("93.184.216.34", "10.1.2.3"):
        monkeypatch.setattr("socket.getaddrinfo", lambda host, port, a=address, **_: [(2, 1, 6, "", (a, port))])
        with pytest.raises(DeliveryError, match="network"):
            Sender("smtp://mail.acme.example").send(outgoing)


def test_s6_a_recipient_is_one_address_and_a_name_injects_nothing(smtp_server: SmtpServer, outgoing: Outgoing) -> None:
    for recipient in (
        "alice@home.example, mallory@evil.example", "alice@home.example\r\nBcc: mallory@evil.example", "alice",
        "Alice <alice@home.example>", "alice@home.example\nDATA", "@home.example", "a b@home.example", "alice@",
    ):  # fmt: skip
        with pytest.raises(DeliveryError) as refused:
            Sender(smtp_server.url).send(replace(outgoing, recipient=recipient))
        assert refused.value.permanent
    name = "Acme\r\nBcc: mallory@evil.example\r\n\r\n<b>hi</b>"
    Sender(smtp_server.url).send(replace(outgoing, organisation=name, subject=f"{name}: your code"))
    [received] = smtp_server.received
    assert received.recipients == ("alice@home.example",)
    assert received.mail["Bcc"] is None
    assert received.mail["Subject"] == "Acme Bcc: mallory@evil.example <b>hi</b>: your code"


def test_names_and_addresses_of_the_whole_world_arrive(smtp_server: SmtpServer, outgoing: Outgoing) -> None:
    long = "Gesellschaft für Überprüfung, أكمي & Söhne “GmbH” " * 4
    sent = replace(outgoing, organisation=long, subject=long + ": Code", recipient="jürgen@bücher.example")
    Sender(smtp_server.url).send(sent)
    [received] = smtp_server.received
    assert received.recipients == ("jürgen@xn--bcher-kva.example",)
    # The standard library's parser of addresses splits long encoded names; its decoder of headers follows RFC 2047.
    raw = message_from_bytes(received.raw)["From"]
    assert str(make_header(decode_header(raw))) == f"{long.strip()} <no-reply@rekey.example>"
    assert received.mail["Subject"] == f"{long}: Code"


def test_the_same_message_is_composed_the_same_way(outgoing: Outgoing) -> None:
    one, two = compose(outgoing), compose(outgoing)
    for name in ("Message-ID", "Date", "Subject", "From", "To"):
        assert one[name] == two[name]


@pytest.mark.parametrize(
    "url",
    [
        "smtp+tls://rekey:Zx-CANARY@mail.acme.example:port",
        "smtp+tls://rekey:Zx-CANARY@",
        "smtp+tls://rekey:Zx-CANARY/x@mail.acme.example",
        "smtp+tls://:Zx-CANARY@mail.acme.example",
        "smtp+tls://rekey:Zx-CANARY@[mail.acme.example",
        "mail://rekey:Zx-CANARY@mail.acme.example",
        "",
    ],
)
def test_e6_a_wrong_url_is_reported_without_the_password(url: str, settings: Any, outgoing: Outgoing) -> None:
    settings.EMAIL_URL = url
    problems = channels.problems()
    assert problems
    assert all(problem.startswith("EMAIL_URL") and "CANARY" not in problem for problem in problems)


def test_e6_the_password_of_a_mail_server_never_prints() -> None:
    place = parse("smtp+tls://rekey:Zx-CANARY@mail.acme.example")
    assert place.password == "Zx-CANARY"
    assert place.port == 587
    assert "CANARY" not in repr(place)


@pytest.mark.django_db
def test_a_broken_setting_loses_no_message(settings: Any, write_mail: Write, smtp_server: SmtpServer) -> None:
    right, settings.EMAIL_URL = settings.EMAIL_URL, "smtp+tls://"
    message_id = write_mail()
    delivery.deliver(message_id)
    assert deliveries(message_id)[0].answer.startswith("EMAIL_URL must look like")
    settings.EMAIL_URL = right
    delivery.deliver(message_id, row(message_id).due_at)
    assert len(smtp_server.received) == 1
