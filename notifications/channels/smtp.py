"""E-mail by SMTP: one kept connection per thread, TLS verified, addresses checked, nothing a name could inject."""

import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email.header import Header
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from time import monotonic
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from django.conf import settings

from accounts import egress
from notifications.channels.base import DeliveryError, Outgoing

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
IDLE_SECONDS = 30.0
LONGEST_LIFE_SECONDS = 300.0
CLOSING = 421

_kept = threading.local()


class KeptHeaders(HeaderRegistry):
    """The library makes a new class for each header of each mail; these are made once per name."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


class HeaderPolicy(EmailPolicy):
    """Writes names in many scripts by RFC 2047: the library's own folding may lose a space between encoded words."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name not in ("Subject", "From") or str(value).isascii():
            return super().fold_binary(name, value)
        words = value.addresses[0].display_name if name == "From" else str(value)
        folded = Header(words, "utf-8", header_name=name).encode(linesep="\r\n")
        address = f"\r\n <{value.addresses[0].addr_spec}>" if name == "From" else ""
        return f"{name}: {folded}{address}\r\n".encode("ascii")


POLICY = HeaderPolicy(linesep="\r\n", cte_type="7bit", header_factory=KeptHeaders())


@dataclass(frozen=True)
class Place:
    """What EMAIL_URL says. The password never prints."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass
class Kept:
    """A connection that waits for the next message of its thread."""

    place: Place
    connection: smtplib.SMTP
    opened_at: float
    used_at: float


class PinnedSMTP(smtplib.SMTP):
    """Connects to the address that was checked; the name is for TLS. With `tls` the connection begins with TLS."""

    def __init__(self, place: Place, address: str, tls: ssl.SSLContext | None) -> None:
        self._pinned, self._tls = address, tls
        super().__init__(
            place.host, place.port, local_hostname=sender_domain(), timeout=settings.DELIVERY_TIMEOUT_SECONDS
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = socket.create_connection((self._pinned, port), timeout)
        if self._tls is None:
            return raw
        try:
            return self._tls.wrap_socket(raw, server_hostname=host)
        except Exception:
            raw.close()
            raise


class SmtpServer:
    """EMAIL_URL=smtp+tls://user:password@host:587 (STARTTLS, required), smtps:// (TLS at once) or smtp:// (none)."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, outgoing: Outgoing) -> str:
        try:
            place = parse(self.url)
        except ValueError as error:
            raise DeliveryError(str(error), unreachable=True) from None
        message = compose(outgoing)
        recipient = message["To"].addresses[0].addr_spec
        kept = _begun(place, is_international=not recipient.isascii())
        try:
            outgoing.seconds_left()  # connecting may have taken long
            answer = _hand_over(kept.connection, recipient, message.as_bytes(policy=POLICY))
        except DeliveryError:
            _reset(kept.connection)
            raise
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            _drop()
            raise DeliveryError(f"The connection broke off ({type(error).__name__})", unreachable=True) from None
        except smtplib.SMTPException as error:
            _drop()
            raise DeliveryError(f"The mail server said something odd ({type(error).__name__})") from None
        kept.used_at = monotonic()
        return answer

    def problems(self) -> list[str]:
        try:
            parse(self.url)
            Address(addr_spec=settings.EMAIL_FROM)
        except ValueError as error:
            return [str(error)]
        except Exception:  # the email package's parser raises several kinds
            return ["EMAIL_FROM is no e-mail address"]
        return []


def parse(url: str) -> Place:
    """Read EMAIL_URL. Raises ValueError, whose text shows nothing of the URL besides its scheme."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("EMAIL_URL is no URL: the host or the port can't be read") from None
    if parts.scheme not in PORTS or not host:
        raise ValueError("EMAIL_URL must look like smtp+tls://user:password@host:587")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("EMAIL_URL has something after the host. Percent-encode /, ? and # in the password")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("EMAIL_URL must have both a user and a password, or none of them")
    return Place(parts.scheme, host, port or PORTS[parts.scheme], user, password)


def sender_domain() -> str:
    """What stands after the @ of EMAIL_FROM: names this server to others, and makes Message-IDs unique."""
    return str(settings.EMAIL_FROM).rpartition("@")[2] or "localhost"


# --- the message ----------------------------------------------------------------------------------------------------


def compose(outgoing: Outgoing) -> EmailMessage:
    """The whole mail. Raises DeliveryError when the recipient is no address; line ends in names turn into spaces."""
    message = EmailMessage(policy=POLICY)
    message["Subject"] = on_one_line(outgoing.subject)
    message["From"] = Address(on_one_line(outgoing.organisation), addr_spec=settings.EMAIL_FROM)
    message["To"] = address_of(outgoing.recipient)
    message["Date"] = outgoing.created_at
    message["Message-ID"] = f"<{outgoing.id}@{sender_domain()}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(outgoing.text)
    message.add_alternative(outgoing.html, subtype="html")
    message["Content-Language"] = outgoing.language  # set_content removes every Content- header that is there before
    if outgoing.logo:
        html = cast(EmailMessage, message.get_payload(1))
        html.add_related(outgoing.logo, "image", "png", cid="<logo>", disposition="inline", filename="logo.png")
    return message


def on_one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def address_of(recipient: str) -> Address:
    """One address, its domain as IDNA. Raises DeliveryError for anything else: lists, names, line ends."""
    local, _, domain = recipient.rpartition("@")
    try:
        if (
            not local
            or not domain
            or any(char.isspace() or not char.isprintable() or char in ',;:<>"()[]\\' for char in recipient)
        ):
            raise ValueError
        return Address(username=local, domain=domain.encode("idna").decode("ascii"))
    except Exception:  # the email package and the codec raise several kinds
        raise DeliveryError("The recipient is no e-mail address", permanent=True) from None


# --- the conversation -------------------------------------------------------------------------------------------------


def _begun(place: Place, is_international: bool) -> Kept:
    """A connection on which MAIL FROM was accepted: the kept one, or a new one if that is closed by now."""
    kept = _usable(place)
    if kept is not None:
        try:
            return _begin(kept, is_international)
        except DeliveryError as error:
            if not error.unreachable:
                raise
    return _begin(_connect(place), is_international)


def _begin(kept: Kept, is_international: bool) -> Kept:
    connection = kept.connection
    if is_international and not connection.has_extn("smtputf8"):
        raise DeliveryError("The mail server takes no international addresses", permanent=True)
    try:
        code, text = connection.mail(settings.EMAIL_FROM, ["SMTPUTF8"] if is_international else [])
    except (smtplib.SMTPException, OSError) as error:
        _drop()
        raise DeliveryError(f"The connection broke off ({type(error).__name__})", unreachable=True) from None
    if code == CLOSING:
        _drop()
        raise DeliveryError(_said(code, text), unreachable=True)
    if code != 250:
        _reset(connection)
        raise DeliveryError(_said(code, text), permanent=code >= 500)
    return kept


def _hand_over(connection: smtplib.SMTP, recipient: str, message: bytes) -> str:
    code, text = connection.rcpt(recipient)
    if code not in (250, 251):
        raise DeliveryError(_said(code, text), permanent=code >= 500)
    try:
        code, text = connection.data(message)
    except smtplib.SMTPDataError as error:
        code, text = error.smtp_code, _bytes(error.smtp_error)
    if code != 250:
        raise DeliveryError(_said(code, text), permanent=code >= 500)
    return _said(code, text)


def _usable(place: Place) -> Kept | None:
    """This thread's connection, if it is to the same place and neither idle for long nor old."""
    kept: Kept | None = getattr(_kept, "held", None)
    if kept is None:
        return None
    now = monotonic()
    if kept.place != place or now - kept.used_at > IDLE_SECONDS or now - kept.opened_at > LONGEST_LIFE_SECONDS:
        _drop()
        return None
    return kept


def _drop() -> None:
    kept: Kept | None = getattr(_kept, "held", None)
    if kept is not None:
        kept.connection.close()
        _kept.held = None


def _reset(connection: smtplib.SMTP) -> None:
    """Make the connection ready for the next message, or give it up."""
    try:
        if connection.rset()[0] != 250:
            _drop()
    except (smtplib.SMTPException, OSError):
        _drop()


def _connect(place: Place) -> Kept:
    """A new connection, encrypted and signed in as the URL asks. A failure here is the server's, not the message's."""
    try:
        addresses = egress.resolve_checked(place.host, place.port, loopback=True)
    except (egress.Refused, egress.Unreachable) as error:
        raise DeliveryError(str(error), unreachable=True) from None
    if place.scheme == "smtp" and not all(map(_is_near, addresses)):
        raise DeliveryError("smtp:// without TLS goes to this machine or to an allowed network only", unreachable=True)
    try:
        connection = _opened(place, addresses[0])
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(
            f"The mail server's certificate is not trusted: {error.verify_message}", unreachable=True
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(f"The mail server refused the sign-in ({error.smtp_code})", unreachable=True) from None
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"The mail server was not reached ({type(error).__name__})", unreachable=True) from None
    now = monotonic()
    _kept.held = Kept(place, connection, now, now)
    held: Kept = _kept.held
    return held


def _opened(place: Place, address: str) -> smtplib.SMTP:
    tls = None if place.scheme == "smtp" else ssl.create_default_context()
    connection = PinnedSMTP(place, address, tls if place.scheme == "smtps" else None)
    try:
        if tls is not None and place.scheme == "smtp+tls":
            connection.starttls(context=tls)
        connection.ehlo_or_helo_if_needed()
        if place.user:
            connection.login(place.user, place.password)
    except Exception:
        connection.close()
        raise
    return connection


def _is_near(address: str) -> bool:
    return egress.is_loopback(address) or egress.is_allowed_private(address)


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _said(code: int, text: bytes) -> str:
    return f"{code} {on_one_line(text.decode('utf-8', 'replace'))}"
