"""A running embedded server with a real SMTP server beside it, and a real browser to use it with."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers import browser_program
from tests.smtp_server import SmtpServer, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 60.0
MAIL_SECONDS = 15.0
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
# With this set, every page that a test walks through is kept there as a picture.
PICTURES = "REKEY_PICTURES"


@dataclass
class Installation:
    """One embedded server in a folder of its own."""

    folder: Path
    port: int
    smtp: SmtpServer
    environment: dict[str, str] = field(default_factory=dict)
    further: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"  # by name: passkeys need one

    def start(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "BASE_URL": self.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp.port}",
            "EMAIL_FROM": "no-reply@rekey.example",
            **self.further,
        }
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.embedded"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise AssertionError((self.folder / "server.log").read_text(errors="replace"))

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)

    def manage(self, *arguments: str) -> str:
        """Run an operator's command; returns what it said."""
        keys = dict(
            line.split("=", 1)
            for line in (self.folder / "keys.env").read_text().splitlines()
            if "=" in line and not line.startswith("#")
        )
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **keys, "REKEY_PROFILE": "embedded"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def letters(self, key: str) -> str:
        """What the captcha's picture shows: people see it, this test asks the database."""
        with sqlite3.connect(self.folder / "rekey.sqlite3") as database:
            return str(
                database.execute("SELECT response FROM captcha_captchastore WHERE hashkey = ?", [key]).fetchone()[0]
            )

    def code_from_mail(self, address: str, after: int) -> str:
        """The code in the next mail to an address; `after` so many mails were there before."""
        until = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < until:
            for received in self.smtp.received[after:]:
                if address in received.recipients and (found := CODE.search(received.part("text/plain"))):
                    return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no code for {address}")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with SmtpServer() as smtp:
        made = Installation(tmp_path_factory.mktemp("embedded"), free_port(), smtp)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = browser_program()
    assert program is not None, "Chromium is missing"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


@dataclass
class Visitor:
    """Somebody with a browser: walks, looks, and notices what the browser complains about."""

    installation: Installation
    page: Page
    name: str
    complaints: list[str] = field(default_factory=list)
    pictures: int = 0

    def look(self, what: str) -> None:
        """Keep a picture of the page, and refuse pages that ask anybody else for anything."""
        folder = os.environ.get(PICTURES)
        if folder:
            self.pictures += 1
            self.page.screenshot(path=f"{folder}/{self.name}-{self.pictures:02d}-{what}.png", full_page=True)

    def go(self, path: str) -> None:
        self.page.goto(self.installation.url + path)

    def press(self, name: str) -> None:
        self.page.locator("button, input[type=submit]").filter(has_text=name).first.click()

    def identify(self, user: str, path: str = "/reset/") -> None:
        self.go(path)
        self.look("identify")
        key = self.page.locator("input[name=captcha_key]").get_attribute("value") or ""
        self.page.fill("#id_user", user)
        self.page.fill("#id_captcha", self.installation.letters(key))
        self.page.locator("main button.button").click()

    def choose(self, method: str) -> None:
        self.look("choose")
        self.page.locator(f"input[name=offer][value^='{method}:']").check()
        self.page.locator("main button.button").click()

    def enter(self, code: str) -> None:
        self.look("code")
        self.page.fill("#id_code", code)
        self.page.locator("main form:has(#id_code) button.button").click()

    def set_password(self, password: str) -> None:
        self.look("password")
        self.page.fill("#id_password", password)
        self.page.fill("#id_again", password)
        self.page.locator("main button.button").click()
        self.look("done")

    def sign_in(self, user: str, password: str) -> None:
        self.go("/signin/")
        self.page.fill("#id_username", user)
        self.page.fill("#id_password", password)
        self.page.locator("main button.button").click()


def visit(installation: Installation, context: BrowserContext, name: str) -> Visitor:
    visitor = Visitor(installation, context.new_page(), name)
    visitor.page.on("console", lambda message: visitor.complaints.append(message.text))
    visitor.page.on("request", lambda request: _same_house(visitor, request.url))
    visitor.page.on("response", lambda answer: _is_there(visitor, answer.status, answer.url))
    return visitor


def _is_there(visitor: Visitor, status: int, url: str) -> None:
    if status >= 400:
        visitor.complaints.append(f"{status} {url}")


def _same_house(visitor: Visitor, url: str) -> None:
    if not url.startswith((visitor.installation.url, "data:")):
        visitor.complaints.append(f"asks a third party: {url}")
