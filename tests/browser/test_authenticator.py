"""The phone's web app and the computer beside it, in two real browsers: registered, woken, asked, answered, refused."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, CDPSession, expect

from accounts.phone_apps import to_base64url
from tests.browser.conftest import Installation, Visitor, visit
from tests.sms_gateway import SmsGateway
from tests.web_push import decrypted, raw

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

PASSWORD = "eleven old maps"
PEOPLE = ("paula", "pedro", "pia", "petra")
PREPARE = f"""
from django.utils import timezone
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Group, GroupMembership, Tenant, User
from accounts.tenants import all_opened
from policy.models import ResetPolicy
from policy.models.policies import PolicyGroup
with all_opened():
    acme = Tenant.objects.get(slug="acme")
    group = Group.objects.create(tenant=acme, name="Phones")
    policy = ResetPolicy.objects.create(
        tenant=acme, name="Phones", priority=1, audience="groups", methods=["email", "app_notification"]
    )
    PolicyGroup.objects.create(policy=policy, group=group)
    for name in {PEOPLE!r}:
        person = User(tenant=acme, principal_name=name + "@acme.example", given_name=name)
        person.set_password("{PASSWORD}")
        person.save()
        GroupMembership.objects.create(tenant=acme, group=group, user=person)
        mail = Authenticator(tenant=acme, user=person, type=AuthenticatorType.EMAIL, confirmed_at=timezone.now(), source="user")
        mail.set_value(name + "@home.example")
        mail.save()
"""
# What Chromium says where a test's window asks to be woken.
NO_PUSH = "Chrome currently does not support the Push API in incognito mode"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"


@pytest.fixture(scope="module")
def prepared(installation: Installation) -> Installation:
    installation.manage("shell", "-c", PREPARE)
    return installation


@dataclass
class Pair:
    """One person with a computer and a phone."""

    computer: Visitor
    phone: Visitor

    @property
    def number(self) -> str:
        """What the computer shows."""
        return self.computer.page.locator(".shown").inner_text().strip()

    def enrol(self, user: str) -> None:
        """From signing in at the computer to a registered phone."""
        computer, page = self.computer, self.computer.page
        before = len(computer.installation.smtp.received)
        computer.sign_in(f"{user}@acme.example", PASSWORD)
        computer.go("/security-info/add/app_notification/")
        computer.press("Next")
        computer.enter(computer.installation.code_from_mail(f"{user}@home.example", before))
        page.fill("#id_label", "My phone")
        computer.look("add")
        computer.press("Next")
        expect(page.locator("h1")).to_have_text("Set up your phone")
        computer.look("code")
        code = page.locator(".shown").inner_text()
        self.phone.go("/authenticator/")
        self.phone.look("empty")
        self.phone.page.fill("#code", code.lower())
        self.phone.press("Go on")
        shown = self.phone.page.locator("#number .shown")
        expect(shown).to_have_text(re.compile(r"^\d\d$"))
        self.phone.look("number")
        number = shown.inner_text()
        expect(page.locator("#id_code")).to_be_visible(timeout=15_000)
        computer.look("type-number")
        page.fill("#id_code", f"{(int(number) + 1) % 100:02d}")
        computer.press("Check")
        expect(page.locator("#id_code_error")).to_have_text("That isn't the number that the phone shows.")
        computer.look("wrong-number")
        page.fill("#id_code", number)
        computer.press("Check")
        expect(page.locator("main")).to_contain_text("My phone")
        expect(self.phone.page.locator("#held")).to_contain_text(f"{user}@acme.example", timeout=15_000)
        self.phone.look("registered")

    def ask(self, user: str) -> None:
        """Start a reset at the computer and choose the phone."""
        self.computer.page.context.clear_cookies()
        self.computer.identify(f"{user}@acme.example")
        self.computer.choose("app_notification")
        expect(self.computer.page.locator("h1")).to_have_text("Look at your phone")
        self.computer.look("number")


@pytest.fixture
def pair(prepared: Installation, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Pair]:
    name = re.sub(r"\W+", "-", request.node.name)[:40]
    extra: dict[str, Any] = getattr(request, "param", {})
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "permissions": ["notifications"], **extra}
    with (
        browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 800}) as at_desk,
        browser.new_context(**{"locale": "en-GB", **phone}) as in_hand,
    ):
        made = Pair(visit(prepared, at_desk, f"{name}-computer"), visit(prepared, in_hand, f"{name}-phone"))
        yield made
        assert made.computer.complaints == []
        assert [text for text in made.phone.complaints if not text.startswith(NO_PUSH)] == []


def worker_of(phone: Visitor) -> tuple[CDPSession, str]:
    """The service worker's registration, as the browser's tools name it."""
    devtools = phone.page.context.new_cdp_session(phone.page)
    found: dict[str, str] = {}
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.update({each["scopeURL"]: each["registrationId"] for each in told["registrations"]}),
    )
    phone.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    devtools.send("ServiceWorker.enable")
    while not found:
        phone.page.wait_for_timeout(50)
    assert set(found) == {f"{phone.installation.url}/authenticator/"}
    return devtools, found.popitem()[1]


def notifications(phone: Visitor) -> list[list[str]]:
    script = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map((one) => [one.title, one.body])"""
    shown: list[list[str]] = phone.page.evaluate(script)
    return shown


def test_a_phone_is_registered_and_brings_its_person_back_in(pair: Pair) -> None:
    pair.enrol("paula")
    pair.ask("paula")
    number, phone = pair.number, pair.phone.page
    card = phone.locator("#prompts article")
    expect(card).to_be_visible(timeout=15_000)
    expect(card.locator("h2:visible")).to_have_text("Do you want a new password?")
    expect(card).to_contain_text("paula@acme.example")
    expect(card).to_contain_text("127.0.0.1")
    told = [card.locator(f"[data-fact={fact}]").inner_text() for fact in ("organisation", "name", "client")]
    assert number not in " ".join(told)
    pair.phone.look("asked")
    pair.phone.press("Yes, it's me")
    expect(card.locator(".error")).to_have_text("Type the two digits that the page shows.")
    card.locator("input").fill(f"{(int(number) + 1) % 100:02d}")
    pair.phone.press("Yes, it's me")
    expect(card.locator(".error")).to_have_text("That isn't the number that the page shows. Look again.")
    pair.phone.look("wrong")
    card.locator("input").fill(number)
    pair.phone.press("Yes, it's me")
    expect(phone.locator("#said")).to_have_text("Done. Go on at the computer.")
    pair.phone.look("right")
    expect(pair.computer.page).to_have_url(re.compile("/reset/password/$"), timeout=15_000)
    pair.computer.set_password("nine slow kettles")
    expect(pair.computer.page.locator("h1")).to_have_text("Your password was changed")
    _the_key_can_not_be_read(pair.phone)


def _the_key_can_not_be_read(phone: Visitor) -> None:
    script = """() => new Promise((resolve) => {
        const asked = indexedDB.open("rekey-authenticator", 1);
        asked.onsuccess = () => {
            const all = asked.result.transaction("phones").objectStore("phones").getAll();
            all.onsuccess = async () => {
                const key = all.result[0].privateKey;
                const told = await crypto.subtle.exportKey("pkcs8", key).then(() => "exported", (no) => no.name);
                resolve([key.extractable, key.algorithm.namedCurve, told]);
            };
        };
    })"""
    assert phone.page.evaluate(script) == [False, "P-256", "InvalidAccessError"]


def test_a_push_message_wakes_the_phone_and_no_stops_everything(pair: Pair) -> None:
    pair.enrol("pedro")
    devtools, registration = worker_of(pair.phone)
    pair.ask("pedro")
    told = json.dumps({"title": "Is this you?", "body": "Somebody asks."})
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": pair.phone.installation.url, "registrationId": registration, "data": told},
    )
    expect(pair.phone.page.locator("#prompts article")).to_be_visible(timeout=15_000)
    for _ in range(100):
        if notifications(pair.phone):
            break
        pair.phone.page.wait_for_timeout(50)
    assert notifications(pair.phone) == [["Is this you?", "Somebody asks."]]
    before = len(pair.phone.installation.smtp.received)
    pair.phone.press("No, it's not me")
    expect(pair.phone.page.locator("#said")).to_contain_text("It was stopped.")
    pair.phone.look("refused")
    expect(pair.computer.page.locator("h1")).to_have_text("This was stopped on the phone", timeout=15_000)
    pair.computer.look("stopped")
    for _ in range(100):
        mails = list(pair.phone.installation.smtp.received[before:])
        if any("pedro@home.example" in mail.recipients for mail in mails):
            break
        pair.phone.page.wait_for_timeout(100)
    (mail,) = [mail for mail in mails if "pedro@home.example" in mail.recipients]
    assert "you said no" in " ".join(mail.part("text/plain").split())


def test_the_whole_way_of_a_push_message(pair: Pair) -> None:
    """The browser of a test grants no subscription, so the test is its push service; everything else is real."""
    receiver, auth = ec.generate_private_key(ec.SECP256R1()), b"a" * 16
    with SmsGateway() as service:
        told = {
            "endpoint": service.url(path="/push/pia"),
            "keys": {"p256dh": to_base64url(raw(receiver.public_key())), "auth": to_base64url(auth)},
        }
        pair.phone.page.add_init_script(
            f"PushManager.prototype.subscribe = async () => ({{ toJSON: () => ({json.dumps(told)}) }});"
            "navigator.storage.persist = async () => { window.wasAskedToPersist = true; return true; };"
        )
        pair.enrol("pia")
        assert pair.phone.page.evaluate("() => window.wasAskedToPersist")
        devtools, registration = worker_of(pair.phone)
        pair.ask("pia")
        for _ in range(200):
            if service.requests:
                break
            pair.phone.page.wait_for_timeout(50)
        (request,) = service.requests
        content = decrypted(request.body, receiver, auth).decode()
        devtools.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": pair.phone.installation.url, "registrationId": registration, "data": content},
        )
        expect(pair.phone.page.locator("#prompts article")).to_be_visible(timeout=15_000)
        pair.phone.page.locator("#prompts input").fill(pair.number)
        pair.phone.press("Yes, it's me")
        expect(pair.computer.page).to_have_url(re.compile("/reset/password/$"), timeout=15_000)
    assert (request.path, request.headers["Urgency"]) == ("/push/pia", "high")
    assert "pia" not in content
    assert json.loads(content)["title"] == "Is this you?"


def test_the_app_can_be_installed_and_rules_over_its_own_addresses_only(pair: Pair) -> None:
    page = pair.phone.page
    pair.phone.go("/authenticator/")
    worker_of(pair.phone)
    devtools = page.context.new_cdp_session(page)
    described = devtools.send("Page.getAppManifest")
    assert described["errors"] == []
    manifest = json.loads(described["data"])
    assert (manifest["scope"], manifest["display"]) == ("/authenticator/", "standalone")
    for icon in manifest["icons"]:
        answer = page.request.get(pair.phone.installation.url + icon["src"])
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    faults = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [fault["errorId"] for fault in faults] == ["in-incognito"], "the one thing a test's browser can't do"
    page.goto(pair.phone.installation.url + "/reset/")
    assert page.evaluate("() => navigator.serviceWorker.controller") is None


def test_a_revoked_phone_says_so_and_forgets_the_account(pair: Pair) -> None:
    """It asks the server no more then: an office's address would be paused for everybody."""
    pair.enrol("petra")
    pair.computer.go("/security-info/")
    pair.computer.page.locator(".held a", has_text="My phone").click()
    pair.computer.page.locator("button.danger").click()
    expect(pair.computer.page.locator(".held")).not_to_contain_text("My phone")
    held = pair.phone.page.locator("#held")
    expect(held.get_by_text("Not registered any more")).to_be_visible(timeout=15_000)
    pair.phone.look("revoked")
    asked: list[str] = []
    pair.phone.page.on("request", lambda request: asked.append(request.url))
    pair.phone.page.wait_for_timeout(4000)
    assert asked == []
    pair.phone.press("Forget it")
    expect(held).to_be_hidden()
    expect(pair.phone.page.locator("#code")).to_be_visible()
    pair.phone.complaints.clear()  # the browser notes the one answer that says no


@pytest.mark.parametrize("pair", [{"user_agent": IPHONE, "locale": "en-GB"}], indirect=True)
def test_an_iphone_is_told_to_add_it_to_the_home_screen_first(pair: Pair) -> None:
    pair.phone.go("/authenticator/")
    expect(pair.phone.page.locator("#install")).to_contain_text("Add to Home Screen first")
    expect(pair.phone.page.locator("#enrol")).to_be_hidden()
    pair.phone.look("home-screen")


@pytest.mark.parametrize("pair", [{"color_scheme": "dark", "locale": "ar"}], indirect=True)
def test_the_app_is_readable_in_the_dark_and_from_right_to_left(pair: Pair) -> None:
    pair.phone.go("/authenticator/")
    assert pair.phone.page.locator("html").get_attribute("dir") == "rtl"
    expect(pair.phone.page.locator("#code")).to_be_visible()
    assert pair.phone.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    pair.phone.look("arabic")


def test_a_wrong_code_is_said_beside_the_field(pair: Pair) -> None:
    pair.phone.go("/authenticator/")
    pair.phone.page.fill("#code", "WRON-G000")
    pair.phone.press("Go on")
    expect(pair.phone.page.locator("#code_error")).to_contain_text("That code isn't right")
    pair.phone.look("wrong-code")
    pair.phone.complaints.clear()  # the browser notes each answer that says no
