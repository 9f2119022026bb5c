"""A reset of a person whose password a directory keeps, as rekey.js goes about it."""

import json
import re
import time
from typing import Any

from tests.bench.browser import Browser, Page, Unexpected
from tests.bench.journeys import Rekey
from tests.bench.writeback.kept import mail_of
from tests.bench.writeback.passwords import new_password

SUBMIT, ASK, END, CONFIRMED = "set the password", "how far it is", "the end", "confirmed"
"""CONFIRMED is not a page: the seconds from sending the password to having the page that says it was changed."""
PROGRESS = re.compile(rb'data-progress="([^"]+)"\s+data-onward="([^"]+)"')
CHANGED = b"Your password was changed"
# As rekey.js has it.
FIRST_PAUSE, LONGER, LONGEST_PAUSE = 0.060, 1.5, 1.0
GIVE_UP = 60.0


class WrittenBack(Rekey):
    """`domain` says whose directory."""

    def __init__(self, place: dict[str, Any], domain: str) -> None:
        super().__init__(place)
        self._domain = domain

    def __call__(self, browser: Browser, number: int) -> None:
        self.submit(browser, self.prove_number(browser, number))

    def prove_number(self, browser: Browser, number: int) -> Page:
        return self.prove(browser, f"user{number}@{self._domain}", mail_of(number, self._domain))

    def submit(self, browser: Browser, page: Page) -> None:
        """Send the password, ask as often as the script does, see the end."""
        password, started = new_password(), time.perf_counter()
        page = self.post(browser, SUBMIT, "/reset/password/", page, password=password, again=password)
        if CHANGED not in page.body:
            page = _wait(browser, page, started)
        if CHANGED not in page.body:
            raise Unexpected(f"ended as {page.body[:6000]!r}")
        browser.pages.append((CONFIRMED, time.perf_counter() - started))


def _wait(browser: Browser, page: Page, started: float) -> Page:
    found = PROGRESS.search(page.body)
    if found is None:
        raise Unexpected(f"neither an end nor a way to it: {page.body[:6000]!r}")
    asked, onward, pause = found.group(1).decode(), found.group(2).decode(), FIRST_PAUSE
    while time.perf_counter() - started < GIVE_UP:
        time.sleep(pause)
        if not json.loads(browser.get(ASK, asked).body).get("waits"):
            return browser.get(END, onward)
        pause = min(pause * LONGER, LONGEST_PAUSE)
    raise Unexpected("no end in sight")
