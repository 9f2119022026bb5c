"""A real HTTP server on a free loopback port that keeps every request exactly, and answers what it is told to."""

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    status: int = 202
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=dict)
    is_silent: bool = False
    dripping: bytes = b""


class SmsGateway:
    """`answer` may be changed at any time. A silent answer reads the request and then says nothing until the end.

    A dripping one begins so, sends a byte now and then, and never comes to an end.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answer = Answer()
        self._ended = Event()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gateway._take(self)

            do_PUT = do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, host: str = "127.0.0.1", path: str = "/send?account=7") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def _take(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers.get("Content-Length", 0)))
        self.requests.append(Request(call.command, call.path, dict(call.headers.items()), body))
        if self.answer.is_silent:
            self._ended.wait(10)
            return
        if self.answer.dripping:
            self._drip(call)
            return
        call.send_response(self.answer.status)
        for name, value in self.answer.headers.items():
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(self.answer.body)))
        call.end_headers()
        call.wfile.write(self.answer.body)

    def _drip(self, call: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            call.wfile.write(self.answer.dripping)
            for _ in range(200):
                call.wfile.write(b"0")
                if self._ended.wait(0.05):
                    return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
