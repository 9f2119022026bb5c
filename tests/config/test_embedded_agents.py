"""The embedded profile's door for agents: certificates that a strict client takes, made once."""

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.embedded_agents import AUTHORITY, AgentsThread, ensure_certificates
from tests import servers

NOW = datetime.now(UTC)


def test_a_strict_client_takes_the_certificate(tmp_path: Path) -> None:
    path = ensure_certificates(tmp_path, "127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=str(tmp_path / AUTHORITY))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()
    with near, far:
        answering = threading.Thread(target=lambda: server.wrap_socket(far, server_side=True).close())
        answering.start()
        with client.wrap_socket(near, server_hostname="localhost") as encrypted:
            assert encrypted.version() == "TLSv1.3"
        answering.join()


def test_they_are_made_once_and_renewed_in_time(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, "127.0.0.1", now=NOW).read_text()
    assert stat.S_IMODE((tmp_path / "agents-server.pem").stat().st_mode) == 0o600
    assert ensure_certificates(tmp_path, "127.0.0.1", now=NOW).read_text() == first
    assert ensure_certificates(tmp_path, "127.0.0.1", now=NOW + timedelta(days=800)).read_text() != first


def test_another_host_gets_another_certificate(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, "127.0.0.1").read_text()
    assert ensure_certificates(tmp_path, "192.0.2.7").read_text() != first


def test_a_port_that_is_taken_leaves_the_pages_alone(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings.AGENTS_PORT = taken.getsockname()[1]
        assert not AgentsThread().start()


def test_without_uvicorn_the_pages_are_served_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.embedded_agents.find_spec", lambda _name: None)
    assert not AgentsThread().start()


def test_it_answers_by_tls_and_ends(settings: Any, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    settings.AGENTS_PORT, settings.VAR_DIR = servers.free_port(), tmp_path
    served = AgentsThread()
    assert served.start()
    trust = ssl.create_default_context(cafile=str(tmp_path / AUTHORITY))
    try:
        answer = _ask(trust, settings.AGENTS_PORT)
    finally:
        served.stop()
    assert answer.startswith(b"HTTP/1.1 405")
    assert b"server:" not in answer.lower()
    assert not servers.listens(settings.AGENTS_PORT)


def _ask(trust: ssl.SSLContext, port: int) -> bytes:
    until = datetime.now(UTC) + timedelta(seconds=10)
    while not servers.listens(port) and datetime.now(UTC) < until:
        continue
    plain = socket.create_connection(("127.0.0.1", port), 5)
    with plain, trust.wrap_socket(plain, server_hostname="localhost") as encrypted:
        encrypted.sendall(b"GET /api/v1/agent/poll HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return encrypted.recv(4096)
