"""A proxy that lets connections through to where they want (CONNECT), for those who know its password."""

import base64
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

USER, PASSWORD = "agent@site", "pr:oxy/7"


class Proxy(socketserver.ThreadingTCPServer):
    """`asked` are the targets of everybody who had the right password; `refused` counts the others."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Through)
        self.asked: list[str] = []
        self.refused = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Through(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        line = self.rfile.readline().decode()
        headers = {}
        while (text := self.rfile.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("proxy-authorization") != wanted:
            server.refused += 1
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = line.split(" ")
        assert method == "CONNECT"
        server.asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), 5) as far:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
            back.start()
            _pump(self.connection, far)
            back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
