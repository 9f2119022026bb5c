"""A TLS handshake by the standard library, before libldap makes its own.

libldap 2.5 waits for ever, and busily, for a server that accepts a connection and then says nothing, whatever its
timeouts; with GnuTLS (Debian's) it also doesn't say what is wrong with a certificate.
"""

import contextlib
import functools
import socket
import ssl

from writeback.connectors.base import Access, DirectoryError, Reason, Server
from writeback.connectors.failures import printable

# RFC 4511 section 4.14: message 1, ExtendedRequest, requestName 1.3.6.1.4.1.1466.20037.
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
# The answer to message 1 starts so once its length is taken off: ExtendedResponse whose result is success.
ANSWER_BYTES = 256
SUCCESS = b"\x0a\x01\x00"


@functools.lru_cache(maxsize=64)  # reading the system's certificates takes 20 ms
def trust(ca_pem: str) -> ssl.SSLContext:
    """Certificates that are trusted, names that are checked, TLS 1.2 at least. Raises DirectoryError with NOT_TRUSTED."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_pem:
            context.load_verify_locations(cadata=ca_pem)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError):
        raise DirectoryError(Reason.NOT_TRUSTED, "the trusted certificates can't be read") from None
    return context


def check_handshake(access: Access, server: Server) -> None:
    """Raises DirectoryError: NOT_TRUSTED with the reason for a certificate, UNREACHABLE for the rest."""
    context = trust(access.ca_pem)
    try:
        with _reached(server, access.timeout) as plain:
            if server.starttls:
                _start_tls(plain)
            with context.wrap_socket(plain, server_hostname=server.host):
                return
    except ssl.SSLCertVerificationError as error:
        code = printable(f"certificate {error.verify_code} {error.verify_message}")
        raise DirectoryError(Reason.NOT_TRUSTED, code) from None
    except ssl.SSLError as error:
        raise DirectoryError(Reason.UNREACHABLE, printable(f"TLS {error.reason or 'failed'}")) from None
    except TimeoutError:
        raise DirectoryError(Reason.UNREACHABLE, "network timed out") from None
    except OSError as error:
        raise DirectoryError(Reason.UNREACHABLE, printable(f"network {error.strerror or error}")) from None
    except ValueError:
        raise DirectoryError(Reason.UNREACHABLE, "not a host name") from None


def _reached(server: Server, seconds: float) -> socket.socket:
    """Where its name may lead: the first allowed address that answers. Raises OSError."""
    *others, last = server.addresses or (server.host,)
    for address in others:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, server.port), seconds)
    return socket.create_connection((last, server.port), seconds)


def _start_tls(plain: socket.socket) -> None:
    """Raises DirectoryError where the server won't: there is no going on without."""
    plain.sendall(START_TLS)
    if SUCCESS not in plain.recv(ANSWER_BYTES)[:16]:
        raise DirectoryError(Reason.UNREACHABLE, "StartTLS refused")
