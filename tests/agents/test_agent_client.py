"""The agent's way to its server, over real TLS: whom it believes, what it follows, how much it reads."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts import boxes
from tests.agents.proxy import PASSWORD, USER, Proxy, proxy
from tests.certificates import make_certificates
from writeback.agent import protocol
from writeback.agent.client import Client, NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.configuration import Configuration, Unusable
from writeback.connectors.base import Access, Kind

pytestmark = pytest.mark.slow

KEY = Ed25519PrivateKey.generate()


class Door(ThreadingHTTPServer):
    """Answers with what a test puts into `answers`, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: list[tuple[int, dict[str, str], bytes]] = [(200, {}, b'{"good": true}')]
        self.got: list[tuple[str, dict[str, str], bytes]] = []


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        door: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        door.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, headers, content = door.answers.pop(0) if len(door.answers) > 1 else door.answers[0]
        self.send_response_only(status)
        for name, value in ({"Date": formatdate(usegmt=True)} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    certificates = make_certificates(tmp_path, "localhost")
    with Door() as server:
        server.socket = certificates.server.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def config(door: Door, tmp_path: Path) -> Configuration:
    access = Access(Kind.OPENLDAP, (), "dc=example", "cn=rekey", "secret")
    server = f"https://localhost:{door.server_address[1]}"
    return Configuration(server, tmp_path / "state", access, "dc=example", 60, str(tmp_path / "ca.pem"))


def client(config: Configuration) -> Client:
    return Client(config, lambda: ("7", KEY))


def test_a_question_is_signed_over_all_of_it(config: Configuration, door: Door) -> None:
    assert client(config).ask(protocol.POLL, {"keys": []}) == {"good": True}
    ((path, headers, body),) = door.got
    text = protocol.signed_text(path, "7", headers[protocol.TIME], headers[protocol.NONCE], body)
    signature = protocol.from_text(headers[protocol.SIGNATURE])
    assert boxes.is_signed(KEY.public_key().public_bytes_raw(), signature, text)
    assert json.loads(body) == {"keys": []}


def test_no_two_questions_have_the_same_nonce(config: Configuration, door: Door) -> None:
    asks = client(config)
    asks.ask(protocol.POLL, {})
    asks.ask(protocol.POLL, {})
    assert len({headers[protocol.NONCE] for _, headers, _ in door.got}) == 2


@pytest.mark.parametrize("wrong", ["another authority", "the system's", "another name"])
def test_q7_a_server_that_is_not_vouched_for_is_told_nothing(
    wrong: str, config: Configuration, door: Door, tmp_path: Path
) -> None:
    if wrong == "another authority":
        (tmp_path / "other").mkdir()
        config = replace(config, ca_file=str(make_certificates(tmp_path / "other", "localhost").ca))
    elif wrong == "the system's":
        config = replace(config, ca_file="")
    else:
        config = replace(config, server=config.server.replace("localhost", "127.0.0.1"))
    with pytest.raises(NotReached, match="not trusted"):
        client(config).ask(protocol.POLL, {"secret": 1})
    assert door.got == []


def test_certificates_that_are_none_are_said(config: Configuration, tmp_path: Path) -> None:
    (tmp_path / "nothing.pem").write_text("nothing")
    with pytest.raises(Unusable, match="no certificates"):
        client(replace(config, ca_file=str(tmp_path / "nothing.pem")))


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (302, NotReached),
        (307, NotReached),
        (400, NotTaken),
        (401, NotKnown),
        (404, NotThere),
        (409, NotTaken),
        (429, NotReached),
        (502, NotReached),
        (503, NotReached),
    ],
)
def test_every_answer_but_a_good_one_is_a_no(
    status: int, raised: type[Exception], config: Configuration, door: Door
) -> None:
    door.answers = [(status, {"Location": config.server + "/api/v1/agent/other"}, b"<html>")]
    with pytest.raises(raised):
        client(config).ask(protocol.STATUS, {})
    assert {path for path, _, _ in door.got} == {"/api/v1/agent/status"}


@pytest.mark.parametrize("body", [b"x" * 70_000, b"[]", b"no JSON", b"\xff"])
def test_an_answer_that_is_none_is_not_believed(body: bytes, config: Configuration, door: Door) -> None:
    door.answers = [(200, {}, body)]
    with pytest.raises(NotReached):
        client(config).ask(protocol.POLL, {})


def test_an_agent_whose_clock_is_wrong_goes_by_the_servers(config: Configuration, door: Door) -> None:
    ahead = time.time() + 7200
    door.answers = [(401, {"Date": formatdate(ahead, usegmt=True)}, b"{}"), (200, {}, b"{}")]
    client(config).ask(protocol.STATUS, {})
    assert abs(int(door.got[1][1][protocol.TIME]) - ahead) < 5


def test_a_request_that_crossed_new_keys_is_signed_again(config: Configuration, door: Door) -> None:
    door.answers = [(401, {}, b"{}"), (200, {}, b"{}")]
    fresh = Ed25519PrivateKey.generate()
    keys = iter([KEY, fresh, fresh])
    Client(config, lambda: ("7", next(keys))).ask(protocol.RESULT, {})
    path, headers, body = door.got[1]
    text = protocol.signed_text(path, "7", headers[protocol.TIME], headers[protocol.NONCE], body)
    assert boxes.is_signed(fresh.public_key().public_bytes_raw(), protocol.from_text(headers[protocol.SIGNATURE]), text)


def test_nobody_there_is_not_reached(config: Configuration) -> None:
    with pytest.raises(NotReached):
        client(replace(config, server="https://localhost:9")).ask(protocol.POLL, {})


@pytest.fixture
def between() -> Iterator[Proxy]:
    with proxy() as server:
        yield server


def test_a_proxy_with_a_password_is_gone_through(config: Configuration, door: Door, between: Proxy) -> None:
    url = f"http://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{between.port}"
    assert client(replace(config, proxy=url)).ask(protocol.POLL, {}) == {"good": True}
    assert between.asked == [config.server.removeprefix("https://")]
    # The proxy's password is for the proxy alone.
    assert "proxy-authorization" not in door.got[0][1]


def test_a_proxy_that_refuses_is_said_without_its_password(config: Configuration, between: Proxy) -> None:
    url = f"http://agent:Secr3t@127.0.0.1:{between.port}"
    with pytest.raises(NotReached) as refused:
        client(replace(config, proxy=url)).ask(protocol.POLL, {})
    assert between.refused == 1
    assert "Secr3t" not in str(refused.value)


def test_q7_a_proxy_does_not_make_a_wrong_authority_right(config: Configuration, door: Door, between: Proxy) -> None:
    url = f"http://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{between.port}"
    with pytest.raises(NotReached):
        client(replace(config, proxy=url, ca_file="")).ask(protocol.POLL, {})
    assert door.got == []
