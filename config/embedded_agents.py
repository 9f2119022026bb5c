"""What agents talk to in the embedded profile: a thread with a port and TLS of its own, by an authority under var/.

An agent speaks https only, so that trying one on this machine is what it will be like elsewhere.
"""

import ipaddress
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from accounts.keyfiles import write_private

AUTHORITY, SERVER = "agents-ca.pem", "agents-server.pem"
GOOD_FOR = timedelta(days=825)
RENEWED_BEFORE = timedelta(days=30)
STOP_SECONDS = 3.0


class AgentsThread:
    """The ASGI application for agents, served beside the pages."""

    def __init__(self) -> None:
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """False where uvicorn is missing or the port is taken: pages work without."""
        if find_spec("uvicorn") is None or not _is_free(settings.HOST, settings.AGENTS_PORT):
            return False
        uvicorn = import_module("uvicorn")
        hosts = (settings.HOST, urlsplit(settings.AGENTS_URL).hostname or "")
        server = ensure_certificates(Path(settings.VAR_DIR), *hosts)
        application = import_module("writeback.agent_api.application").AgentApi()
        options = uvicorn.Config(
            application,
            host=settings.HOST,
            port=settings.AGENTS_PORT,
            ssl_certfile=str(server),
            ssl_keyfile=str(server),
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_level="warning",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(options)
        self._thread = threading.Thread(target=self._server.run, name="agents", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_SECONDS)


def _is_free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError):
        return False
    return True


def ensure_certificates(folder: Path, *hosts: str, now: datetime | None = None) -> Path:
    """The server's certificate with its key, made when there is none or it is about to end; its authority beside it.

    The authority's key is thrown away: it vouches for this one certificate, so that nobody can make another by it.
    """
    now, path = now or datetime.now(UTC), folder / SERVER
    if path.exists() and (folder / AUTHORITY).exists():
        known = x509.load_pem_x509_certificate(path.read_bytes())
        if known.not_valid_after_utc - RENEWED_BEFORE > now and _names(known) == _wanted_names(hosts):
            return path
    authority, server, key = _make(_wanted_names(hosts), now)
    path.unlink(missing_ok=True)
    write_private(path, server.decode() + key.decode())
    (folder / AUTHORITY).write_bytes(authority)
    return path


def _wanted_names(hosts: Sequence[str]) -> list[str]:
    given = [host for host in hosts if host not in ("", "0.0.0.0", "::")]  # noqa: S104
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", socket.gethostname(), *given]))


def _names(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _make(names: list[str], now: datetime) -> tuple[bytes, bytes, bytes]:
    """PEM of the authority, the server's certificate and its key."""
    own, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rekey on this machine")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = (
        _begun(issuer, issuer, own.public_key(), now)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(signs, critical=True)
        .add_extension(identifier, critical=False)
        .sign(own, hashes.SHA256())
    )
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = (
        _begun(subject, issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(by, critical=False)
        .sign(own, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return authority.public_bytes(Encoding.PEM), server.public_bytes(Encoding.PEM), private


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    begun = begun.serial_number(x509.random_serial_number())
    return begun.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + GOOD_FOR)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
