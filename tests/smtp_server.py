"""A real SMTP server on a free loopback port: keeps what it accepts, and refuses, dawdles or stops when told to."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from time import monotonic
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


@dataclass(frozen=True)
class Received:
    """One accepted mail, as it came."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: float

    @property
    def mail(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, content_type: str) -> str:
        """The text of the first part of a type."""
        for part in self.mail.walk():
            if part.get_content_type() == content_type:
                content: str = part.get_content()
                return content
        raise AssertionError(f"no {content_type} part")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class _Controller(Controller):
    """Remembers its conversations, so that stopping leaves no socket behind."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.conversations: list[SMTP] = []
        super().__init__(*args, **options)

    def factory(self) -> SMTP:
        conversation: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self.conversations.append(conversation)
        return conversation

    def hang_up(self) -> None:
        for conversation in self.conversations:
            for transport in (conversation.transport, conversation._original_transport):
                if isinstance(transport, asyncio.Transport):
                    self.loop.call_soon_threadsafe(transport.abort)


class SmtpServer:
    """`recipient_answer` and `data_answer` replace the yes; `dawdle`: seconds before the answer to the content."""

    def __init__(
        self,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        account: tuple[str, str] | None = None,
        port: int | None = None,
        on_received: Callable[[Received], None] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.received: list[Received] = []
        self.greetings = 0
        self.recipient_answer = self.data_answer = ""
        self.dawdle = 0.0
        self._starttls, self._tls, self._account, self._on_received = starttls, tls, account, on_received
        self._controller: _Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> Self:
        options: dict[str, Any] = {}
        if self._starttls is not None:
            options.update(tls_context=self._starttls, require_starttls=True)
        if self._account is not None:
            options.update(authenticator=self._authenticate, auth_required=True)
        self._controller = _Controller(
            self, hostname="127.0.0.1", port=self.port, ssl_context=self._tls, enable_SMTPUTF8=True, **options
        )
        self._controller.start()
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.hang_up()
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- what aiosmtpd calls ------------------------------------------------------------------------------------------

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.recipient_answer:
            return self.recipient_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.dawdle:
            await asyncio.sleep(self.dawdle)
        if self.data_answer:
            return self.data_answer
        received = Received(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content, monotonic())
        self.received.append(received)
        if self._on_received is not None:
            self._on_received(received)
        return "250 2.0.0 taken"

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        user, password = self._account or ("", "")
        return AuthResult(success=data.login == user.encode() and data.password == password.encode(), handled=False)
