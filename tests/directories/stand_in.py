"""A directory that says what a test wants it to: for what no server at hand does, and for what none should ever hear.

Speaks just enough of LDAP (RFC 4511) over TLS: bind, search by DN, modify. What it heard is kept.
"""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Node = tuple[int, "bytes | list[Node]"]
"""Tag and content of one BER element; a list where it is constructed."""

BIND, UNBIND, SEARCH, MODIFY, EXTENDED = 0x60, 0x42, 0x63, 0x66, 0x77
ANSWERS = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67, EXTENDED: 0x78}
ENTRY, CONTROLS = 0x64, 0xA0
SUCCESS, NO_SUCH_OBJECT = 0, 32


@dataclass(frozen=True)
class Heard:
    """One request. `controls` are (OID, whether critical, value)."""

    operation: int
    name: str
    controls: tuple[tuple[str, bool, bytes], ...]


@dataclass
class StandIn:
    """`entries` are attributes by DN (empty: the rootDSE). `answers` are result and diagnostic text by operation.

    `controls` are sent with the answer to everything but a search: values by OID.
    """

    port: int
    entries: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    answers: dict[int, tuple[int, str]] = field(default_factory=dict)
    controls: dict[str, bytes] = field(default_factory=dict)
    is_silent: bool = False
    heard: list[Heard] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def heard_of(self, operation: int) -> list[Heard]:
        return [request for request in self.heard if request.operation == operation]


def parse(data: bytes) -> list[Node]:
    """All elements of a BER string."""
    nodes: list[Node] = []
    place = 0
    while place < len(data):
        tag, length, start = data[place], data[place + 1], place + 2
        if length & 0x80:
            more = length & 0x7F
            length, start = int.from_bytes(data[start : start + more], "big"), start + more
        content = data[start : start + length]
        nodes.append((tag, parse(content) if tag & 0x20 else content))
        place = start + length
    return nodes


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + content


def entry(number: bytes, dn: str, attributes: dict[str, list[bytes]]) -> bytes:
    listed = [
        element(0x30, element(0x04, name.encode()), element(0x31, *(element(0x04, value) for value in values)))
        for name, values in attributes.items()
    ]
    found = element(ENTRY, element(0x04, dn.encode()), element(0x30, *listed))
    return element(0x30, element(0x02, number), found)


def result(number: bytes, operation: int, code: int, text: str, controls: dict[str, bytes] | None = None) -> bytes:
    sent = [element(0x30, element(0x04, oid.encode()), element(0x04, value)) for oid, value in (controls or {}).items()]
    said = [element(0x0A, bytes([code])), element(0x04), element(0x04, text.encode())]
    return element(
        0x30, element(0x02, number), element(ANSWERS[operation], *said), *([element(CONTROLS, *sent)] if sent else [])
    )


def controls_of(message: list[Node]) -> Iterator[tuple[str, bool, bytes]]:
    for tag, listed in message[2:]:
        if tag == CONTROLS and isinstance(listed, list):
            for _tag, parts in listed:
                values = [part[1] for part in parts if isinstance(part, tuple)]
                kinds = [part[0] for part in parts if isinstance(part, tuple)]
                oid = bytes(values[0])
                critical = 0x01 in kinds and values[kinds.index(0x01)] != b"\x00"
                yield oid.decode(), critical, bytes(values[-1]) if kinds[1:] and kinds[-1] == 0x04 else b""


class _Conversation(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        stand_in: StandIn = self.server.stand_in  # type: ignore[attr-defined]
        try:
            self._talk(stand_in)
        except OSError:  # whoever called went away
            return

    def _talk(self, stand_in: StandIn) -> None:
        while data := self._message():
            stand_in.raw.append(data)
            message = parse(data)[0][1]
            if not isinstance(message, list) or message[1][0] == UNBIND:
                stand_in.heard.append(Heard(UNBIND, "", ()))
                return
            said = answer(stand_in, message)
            if not stand_in.is_silent:
                self.request.sendall(said)

    def _message(self) -> bytes:
        data: bytes = self.request.recv(65536)
        while data[:1] == b"\x30" and not _is_whole(data):
            data += self.request.recv(65536)
        return data if data[:1] == b"\x30" else b""


def _is_whole(data: bytes) -> bool:
    try:
        more = data[1] & 0x7F if data[1] & 0x80 else 0
        length = int.from_bytes(data[2 : 2 + more], "big") if more else data[1]
    except IndexError:
        return False
    return len(data) >= 2 + more + length


def answer(stand_in: StandIn, message: list[Node]) -> bytes:
    number, (operation, parts) = message[0][1], message[1]
    assert isinstance(number, bytes)
    assert isinstance(parts, list)
    name = parts[1 if operation == BIND else 0][1]
    assert isinstance(name, bytes)
    stand_in.heard.append(Heard(operation, name.decode(), tuple(controls_of(message))))
    code, text = stand_in.answers.get(operation, (SUCCESS, ""))
    if operation != SEARCH:
        return result(number, operation, code, text, stand_in.controls)
    attributes = stand_in.entries.get(name.decode())
    if attributes is None:
        return result(number, operation, NO_SUCH_OBJECT, "")
    dn = attributes.get("distinguishedName", [name])[0].decode()
    return entry(number, dn, attributes) + result(number, operation, SUCCESS, "")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.context = context
        self.stand_in = StandIn(self.server_address[1])

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        plain, address = self.socket.accept()
        plain.settimeout(10)
        return (self.context.wrap_socket(plain, server_side=True) if self.context else plain), address


@contextmanager
def stand_in(context: ssl.SSLContext | None) -> Iterator[StandIn]:
    """On a free port of 127.0.0.1, with TLS from the first byte, or in clear without a context."""
    with _Server(context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.stand_in
        finally:
            server.shutdown()
            thread.join()
