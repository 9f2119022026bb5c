"""One whole reset of each side, page by page, as a person's browser would ask for them."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.browser import Browser, Unexpected
from tests.bench.people import DOMAIN, HOME
from tests.bench.post_office import Asking

HASHING = "set the password"
LINK = re.compile(rb"http://[^/\s]+(/accounts/reset/\S+)")
ANSWER = "SELECT response FROM captcha_captchastore WHERE hashkey = %s"

Journey = Callable[[Browser, int], None]


def new_password() -> str:
    return secrets.token_urlsafe(12)


class Rekey:
    """A one-gate reset by e-mail. The captcha's answer is read from the database, the code from the post office."""

    def __init__(self, place: dict[str, Any]) -> None:
        self._database = psycopg.connect(place["database"], autocommit=True, application_name="bench")
        self._post_office = Asking(place["ask_port"])

    def __call__(self, browser: Browser, number: int) -> None:
        page = browser.get("first page", "/reset/")
        page = browser.post(
            "name and captcha",
            "/reset/",
            {
                "csrfmiddlewaretoken": page.field("csrfmiddlewaretoken"),
                "captcha_key": page.field("captcha_key"),
                "captcha_binding": page.field("captcha_binding"),
                "captcha": self._captcha_answer(page.field("captcha_key")),
                "user": f"user{number}@{DOMAIN}",
                "trouble": "forgot",
            },
        )
        page = browser.get("ways to choose from", page.location)
        sent = {
            "csrfmiddlewaretoken": page.field("csrfmiddlewaretoken"),
            "action": "choose",
            "offer": page.field("offer"),
        }
        if not sent["offer"].startswith("email:"):
            raise Unexpected(f"offered {sent['offer']}")
        page = browser.post("send the code", "/reset/verify/", sent)
        page = browser.get("code page", page.location)
        code = self._post_office.code(f"user{number}@{HOME}")
        sent = {"csrfmiddlewaretoken": page.field("csrfmiddlewaretoken"), "action": "answer", "code": code}
        page = browser.post("check the code", "/reset/verify/", sent)
        page = browser.get("password page", page.location)
        password = new_password()
        sent = {"csrfmiddlewaretoken": page.field("csrfmiddlewaretoken"), "password": password, "again": password}
        page = browser.post(HASHING, "/reset/password/", sent)
        if page.location != "/reset/status/":
            raise Unexpected(f"sent to {page.location}")
        browser.get("done", page.location)

    def _captcha_answer(self, key: str) -> str:
        found = self._database.execute(ANSWER, [key]).fetchone()
        if found is None:
            raise Unexpected("the captcha is not in the database")
        return str(found[0])

    def close(self) -> None:
        self._database.close()
        self._post_office.close()


class ContribAuth:
    """Django's reset by link. The mail is read from a file in memory."""

    def __init__(self, place: dict[str, Any]) -> None:
        self._mailboxes = Path(place["mailboxes"])

    def __call__(self, browser: Browser, number: int) -> None:
        address = f"user{number}@{HOME}"
        page = browser.get("first page", "/accounts/password_reset/")
        sent = {"csrfmiddlewaretoken": page.field("csrfmiddlewaretoken"), "email": address}
        page = browser.post("send the link", "/accounts/password_reset/", sent)
        browser.get("link is sent", page.location)
        link = LINK.search((self._mailboxes / address).read_bytes())
        if link is None:
            raise Unexpected("no link in the mail")
        page = browser.get("link", link.group(1).decode())
        page_address = page.location
        page = browser.get("password page", page_address)
        password = new_password()
        token = page.field("csrfmiddlewaretoken")
        sent = {"csrfmiddlewaretoken": token, "new_password1": password, "new_password2": password}
        page = browser.post(HASHING, page_address, sent)
        browser.get("done", page.location)

    def close(self) -> None:
        pass


SIDES: dict[str, type[Rekey] | type[ContribAuth]] = {"rekey": Rekey, "contrib": ContribAuth}
