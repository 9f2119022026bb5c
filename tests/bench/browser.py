"""A lean browser: one kept connection, cookies, forms. As behind a proxy that ends TLS: secure cookies are kept."""

import http.client
import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

INPUT = re.compile(rb"<input[^>]*>")
ATTRIBUTE = re.compile(rb'\b(name|value)="([^"]*)"')
ADDRESS = re.compile(rb'data-address="([^"]*)"')
DISCONNECTED = (http.client.RemoteDisconnected, http.client.CannotSendRequest, BrokenPipeError, ConnectionResetError)


class Unexpected(Exception):
    """A page was not the one that a reset comes to next."""


@dataclass(frozen=True)
class Page:
    status: int
    location: str
    body: bytes

    @property
    def address(self) -> str:
        """Where the page says that it belongs."""
        found = ADDRESS.search(self.body)
        return found.group(1).decode() if found else ""

    def field(self, name: str) -> str:
        """The value of the first input of that name."""
        for found in INPUT.findall(self.body):
            attributes = dict(ATTRIBUTE.findall(found))
            if attributes.get(b"name") == name.encode():
                value: bytes = attributes.get(b"value", b"")
                return value.decode()
        raise Unexpected(f"no field {name} in a page of {len(self.body)} bytes: {self.body[:2000]!r}")


class Browser:
    """`pages` collects what each request was for and how many seconds it took."""

    def __init__(self, port: int, host: str, is_secure: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._origin = f"https://{host}" if is_secure else f"http://{host}"
        self._host, self._is_secure = host, is_secure
        self._cookies: dict[str, str] = {}
        self._address = ""
        self.pages: list[tuple[str, float]] = []

    def begin(self, address: str, cookies: dict[str, str] | None = None) -> None:
        """Be somebody else, from another address, over the same connection to the proxy; with `cookies` of earlier."""
        self._cookies, self._address = dict(cookies or {}), address

    @property
    def cookies(self) -> dict[str, str]:
        """Those of who it is now."""
        return dict(self._cookies)

    def get(self, what: str, path: str, encoding: str = "identity") -> Page:
        return self._request(what, "GET", path, None, {"Accept-Encoding": encoding})

    def post(self, what: str, path: str, fields: dict[str, str], expected: int = 302) -> Page:
        """Send a form. The answer has to lead elsewhere, or to be the next page (`expected` 200)."""
        body = urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin}
        page = self._request(what, "POST", path, body, headers)
        if page.status != expected:
            raise Unexpected(f"{what}: {page.status} {page.body[:4000]!r}")
        return page

    def _request(self, what: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        headers |= {"Host": self._host, "User-Agent": "Mozilla/5.0 (bench)", "Accept-Language": "en"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if self._is_secure:
            headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": self._address}
        started = time.perf_counter()
        answer = self._answer(method, path, body, headers)
        content = answer.read()
        self.pages.append((what, time.perf_counter() - started))
        self._keep_cookies(answer)
        if answer.status >= 400:
            raise Unexpected(f"{what}: {answer.status} {content[:4000]!r}")
        return Page(answer.status, answer.getheader("Location", ""), content)

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        try:
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()
        except DISCONNECTED:  # the server closed an idle connection
            self._connection.close()
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()

    def _keep_cookies(self, answer: http.client.HTTPResponse) -> None:
        for header in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value:
                self._cookies[name] = value
            else:
                self._cookies.pop(name, None)
