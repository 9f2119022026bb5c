"""The agent's way to its server: HTTPS verified, signed, no redirects, answers of limited size, through a proxy if need be."""

import json
import secrets
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from urllib3.exceptions import HTTPError, ProxyError, SSLError

from writeback.agent import protocol
from writeback.agent.configuration import Configuration, Unusable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
# How far the clocks may be apart before the agent goes by the server's.
CLOCKS_APART_SECONDS = 20.0
ROLLED_SECONDS = 0.5

Signer = Callable[[], tuple[str, Ed25519PrivateKey]]
"""Who asks: the agent's number and its key at this moment."""


class NotReached(Exception):
    """No answer, or one that says to come back later. The text says why, without credentials."""


class NotKnown(Exception):
    """The server doesn't know this agent, or not any more."""


class NotThere(Exception):
    """The server knows no such job of this agent."""


class NotTaken(Exception):
    """The server knows the agent and refuses what it asked for. Asking again gives the same."""


class Client:
    """May be shared between threads."""

    def __init__(self, configuration: Configuration, signer: Signer) -> None:
        self._server, self._signer = configuration.server, signer
        self._ahead = 0.0
        self._pool = _pool(configuration)

    def ask(self, name: str, content: dict[str, Any], seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """One question. Raises NotReached, NotKnown, NotThere or NotTaken."""
        signer = self._signer()
        status, answer, date = self._send(name, content, seconds, signer)
        if status == 401 and (self._goes_by_clock_of(date) or self._has_new_keys(name, signer)):
            status, answer, _date = self._send(name, content, seconds, self._signer())
        if status == 200:
            return answer
        if status == 401:
            raise NotKnown
        if status == 404:
            raise NotThere
        if status >= 500 or status in (408, 429) or 300 <= status < 400:
            raise NotReached(f"the server answered with status {status}")
        raise NotTaken(f"status {status}: {answer.get('error', '')}"[:200])

    def _has_new_keys(self, name: str, used: tuple[str, Ed25519PrivateKey]) -> bool:
        """Whether keys were rolled while this request was on its way. The answer to that may be a moment behind."""
        if name in (protocol.ENROL, protocol.STATUS, protocol.ROLL):
            return False
        time.sleep(ROLLED_SECONDS)
        return self._signer() != used

    def _send(
        self, name: str, content: dict[str, Any], seconds: float, signer: tuple[str, Ed25519PrivateKey]
    ) -> tuple[int, dict[str, Any], str]:
        path, body = protocol.PREFIX + name, json.dumps(content).encode()
        try:
            response = self._pool.request(
                "POST",
                self._server + path,
                body=body,
                headers={"Content-Type": "application/json", **self._signed(path, body, *signer)},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                return response.status, _read(response), response.headers.get("date", "")
            finally:
                response.release_conn()
        except (HTTPError, OSError, ValueError) as error:
            raise NotReached(_why(error)) from None

    def _signed(self, path: str, body: bytes, agent: str, key: Ed25519PrivateKey) -> dict[str, str]:
        moment, nonce = str(int(time.time() + self._ahead)), secrets.token_hex(16)
        signature = key.sign(protocol.signed_text(path, agent, moment, nonce, body))
        return {
            protocol.AGENT: agent,
            protocol.TIME: moment,
            protocol.NONCE: nonce,
            protocol.SIGNATURE: protocol.to_text(signature),
        }

    def _goes_by_clock_of(self, date: str) -> bool:
        """Whether the server's clock says something else than what was signed; it counts from now on."""
        try:
            ahead = parsedate_to_datetime(date).timestamp() - time.time()
        except (TypeError, ValueError):
            return False
        apart = abs(ahead - self._ahead) > CLOCKS_APART_SECONDS
        if apart:
            self._ahead = ahead
        return apart

    def close(self) -> None:
        self._pool.clear()


def _pool(configuration: Configuration) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "maxsize": configuration.threads + 2,
        "cert_reqs": ssl.CERT_REQUIRED,
        "ssl_minimum_version": ssl.TLSVersion.TLSv1_2,
        "ca_certs": configuration.ca_file or None,
    }
    if configuration.ca_file:
        _check_certificates(configuration.ca_file)
    if not configuration.proxy:
        return urllib3.PoolManager(**options)
    parts = urlsplit(configuration.proxy)
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else None
    headers = urllib3.make_headers(proxy_basic_auth=credentials) if credentials else {}
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(bare, proxy_headers=headers, **options)


def _check_certificates(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError):
        raise Unusable(f"{path} holds no certificates (PEM) that can be trusted.") from None


def _read(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    body = response.read(protocol.MOST_BYTES + 1, decode_content=False)
    if len(body) > protocol.MOST_BYTES:
        response.close()
        raise ValueError("the answer is too big")
    if response.status != 200:
        return _error(body)
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    return answer


def _error(body: bytes) -> dict[str, Any]:
    """What a proxy in between says is not ours to read."""
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(error, SSLError) or isinstance(reason, ssl.SSLError):
        return f"its certificate is not trusted ({getattr(reason, 'verify_message', '') or type(reason).__name__})"
    if isinstance(error, ProxyError):
        return "the proxy doesn't let it through"
    return type(reason if isinstance(reason, Exception) else error).__name__
