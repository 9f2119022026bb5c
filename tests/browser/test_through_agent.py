"""Somebody of a real Active Directory, locked out, gets back in through an agent on another machine that only dials out."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import servers
from tests.agents.installation import until
from tests.browser.conftest import ROOT, Installation, Visitor, visit
from tests.directories import samba
from tests.hybrid import domain as demo_domain
from tests.hybrid.domain import Domain
from tests.office import Office, is_reached_from_here, office
from tests.servers import free_port, tied_to_us
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.browser, pytest.mark.smtp, pytest.mark.directory, pytest.mark.process]

FARID = "farid@corp.example.test"
NEW = "Seven-quiet-Rivers7"
PHONE = "+4915112345699"
TWO_GATES = """
from django.utils import timezone
from django_scopes import scopes_disabled
from accounts.models import Authenticator, User
from policy.models import ResetPolicy
with scopes_disabled():
    ResetPolicy.objects.filter(tenant__slug="corp").update(methods_required=2)
    user = User.objects.get(principal_name="{name}")
    phone = Authenticator(tenant=user.tenant, user=user, type="mobile_phone", confirmed_at=timezone.now(), source="user")
    phone.set_value("{phone}")
    phone.save()
"""


@pytest.fixture(scope="module")
def there() -> Iterator[Office]:
    with office() as network:
        yield network


@pytest.fixture(scope="module")
def corp(there: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """An Active Directory in the office, where nothing from outside reaches it."""
    domain = demo_domain.start(tmp_path_factory.mktemp("corp"), there.prefix)
    try:
        assert there.reaches(domain.server.address, 636)
        assert not is_reached_from_here(domain.server.address, 636)
        assert not is_reached_from_here(there.address, 636)
        yield domain
    finally:
        domain.server.stop()


@pytest.fixture(scope="module")
def outside(there: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Rekey here, listening to agents at this end of the office's cable."""
    agents_port = free_port()
    with SmtpServer() as smtp:
        made = Installation(tmp_path_factory.mktemp("outside"), free_port(), smtp)
        made.further = {
            "HOST": "0.0.0.0",
            "AGENTS_PORT": str(agents_port),
            "AGENTS_URL": f"https://{there.host}:{agents_port}",
        }
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def connected(there: Office, corp: Domain, outside: Installation) -> Iterator[Path]:
    """The agent enrolled and running in the office, its people here. Yields its log."""
    folder = outside.folder / "agent"
    url = outside.further["AGENTS_URL"]
    file = demo_domain.agent_file(corp, folder, url, outside.folder / "agents-ca.pem")
    agent = [*there.prefix, sys.executable, "-m", "writeback.agent", "--config", str(file)]
    code = organisation(outside, "prepare", samba.REALM.lower())["code"]
    enrolled = subprocess.run(
        [*agent, "enrol"], cwd=ROOT, input=f"{code}\n", check=True, capture_output=True, text=True, timeout=60
    )
    fingerprint = re.search(r"^  ([0-9A-F ]+)$", enrolled.stdout, re.MULTILINE)
    assert fingerprint
    organisation(outside, "approve", fingerprint[1])
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([*tied_to_us(None, "KILL"), *agent, "run"], cwd=ROOT, stdout=output, stderr=output)
    try:
        until(lambda: FARID in organisation(outside, "people")["names"], 60)
        yield log
    finally:
        servers.stop(process, signal.SIGTERM)


def organisation(outside: Installation, *arguments: str) -> dict[str, list[str] | str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hybrid.organisation", *arguments],
        cwd=ROOT,
        env=outside.environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, list[str] | str] = json.loads(done.stdout)
    return answer


def lock(there: Office, corp: Domain, login: str) -> None:
    """Wrong passwords, typed in the office."""
    script = "import sys; from tests.hybrid import domain as d; d.lock_at(*sys.argv[1:])"
    ca = str(corp.server.folder / "tls" / "ca.pem")
    command = [*there.prefix, sys.executable, "-c", script, corp.server.address, ca, login]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_a_locked_out_user_of_active_directory_gets_back_in_through_an_agent(
    there: Office, corp: Domain, outside: Installation, connected: Path, browser: Browser
) -> None:
    outside.manage("shell", "-c", TWO_GATES.format(name=FARID, phone=PHONE))
    lock(there, corp, "farid")
    with browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844}) as phone:
        visitor = visit(outside, phone, "agent")
        seen = stages_of(visitor)
        sent = len(outside.smtp.received)
        visitor.identify(FARID, "/t/corp/reset/")
        visitor.choose("email")
        visitor.enter(outside.code_from_mail("farid@home.example", sent))
        visitor.choose("sms")
        visitor.page.fill("#id_number", PHONE)
        visitor.page.locator("main form:has(#id_number) button.button").first.click()
        expect(visitor.page.locator("#id_code")).to_be_visible()
        visitor.enter(code_from_text(outside))
        visitor.set_password(NEW)
        expect(visitor.page.locator("h1")).to_contain_text("Your password was changed")
        visitor.look("done")
        for stage in ("Accepted", "Picked up by head-office", "Password set", "Account unlocked"):
            expect(visitor.page.locator(".stages")).to_contain_text(stage)
        assert "Accepted" in seen[0]
        visitor.sign_in(FARID, NEW)
        expect(visitor.page.locator("h1")).to_contain_text("Your account")
        visitor.look("account")
        assert visitor.complaints == []
    log = connected.read_text()
    assert "applied" in log
    assert NEW not in log + (outside.folder / "server.log").read_text()


def stages_of(visitor: Visitor) -> list[str]:
    """What the page that waits was told, as it came."""
    seen: list[str] = []
    visitor.page.on(
        "response", lambda answer: seen.append(answer.text()) if "/reset/verify/waiting/" in answer.url else None
    )
    return seen


def code_from_text(outside: Installation) -> str:
    def newest() -> str:
        with sqlite3.connect(outside.folder / "rekey.sqlite3") as database:
            rows = database.execute(
                "SELECT text FROM notifications_capturedmessage WHERE channel = 'sms' ORDER BY id DESC LIMIT 1"
            ).fetchall()
        return str(rows[0][0]) if rows else ""

    text = until(newest, 15)
    found = re.search(r"\d{6}", text)
    assert found
    return found[0]
