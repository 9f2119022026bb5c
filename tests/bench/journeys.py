"""One whole reset of each side, page by page, as a person's browser would ask for them."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.browser import Browser, Page, Unexpected
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
        page = self.prove(browser, f"user{number}@{DOMAIN}", f"user{number}@{HOME}")
        password = new_password()
        page = self.post(browser, HASHING, "/reset/password/", page, password=password, again=password)
        if page.address != "/reset/status/":
            raise Unexpected(f"led to {page.address}")

    def prove(self, browser: Browser, name: str, mail: str) -> Page:
        """Up to the page that asks for the new password."""
        page = browser.get("first page", "/reset/")
        page = self.post(
            browser,
            "name and captcha",
            "/reset/",
            page,
            captcha_key=page.field("captcha_key"),
            captcha_binding=page.field("captcha_binding"),
            captcha=self._captcha_answer(page.field("captcha_key")),
            user=name,
            trouble="forgot",
        )
        offer = page.field("offer")
        if not offer.startswith("email:"):
            raise Unexpected(f"offered {offer}")
        page = self.post(browser, "send the code", "/reset/verify/", page, action="choose", offer=offer)
        code = self._post_office.code(mail)
        return self.post(browser, "check the code", "/reset/verify/", page, action="answer", code=code)

    def post(self, browser: Browser, what: str, path: str, page: Page, **fields: str) -> Page:
        """Send a form as rekey.js does: it is answered with the next page itself."""
        token = page.field("csrfmiddlewaretoken")
        return browser.post(what, path, {"csrfmiddlewaretoken": token, "direct": "1", **fields}, 200)

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
