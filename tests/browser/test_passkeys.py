"""A passkey in a real browser, with the browser's own virtual security key: made, and used for a reset."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.conftest import Installation, Visitor, visit

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

PASSWORD = "eleven old maps"
PREPARE = f"""
from accounts.models import Tenant, User
from accounts.tenants import all_opened
from policy.models import ResetPolicy
with all_opened():
    for name in ("nina", "otto"):
        person = User(tenant=Tenant.objects.get(slug="acme"), principal_name=name + "@acme.example", given_name=name)
        person.set_password("{PASSWORD}")
        person.save()
    for policy in ResetPolicy.objects.filter(tenant__slug="acme", audience="everybody"):
        policy.methods = [*policy.methods, "passkey", "recovery_code"]
        policy.save()
"""


@pytest.fixture(scope="module")
def prepared(installation: Installation) -> Installation:
    installation.manage("shell", "-c", PREPARE)
    return installation


@pytest.fixture
def context(prepared: Installation, browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(locale="en-GB", viewport={"width": 390, "height": 800}) as made:
        yield made


def with_security_key(person: Visitor) -> None:
    devtools = person.page.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_made_and_brings_its_person_back_in(installation: Installation, context: BrowserContext) -> None:
    person = visit(installation, context, "passkey")
    page = person.page
    with_security_key(person)
    person.sign_in("nina@acme.example", PASSWORD)
    expect(page.locator("h1")).to_have_text("So that you can always get back in")
    person.look("setup")
    person.page.locator("a.button", has_text="Set it up").click()
    page.fill("#id_label", "Laptop")
    person.press("Next")
    expect(page.locator("h1")).to_have_text("Make a passkey")
    person.look("make")
    person.press("Go on with the passkey")
    expect(page.locator("main")).to_contain_text("Laptop")
    person.look("made")
    person.press("Looks good")
    _print_codes(person)
    person.identify("nina@acme.example")
    person.choose("passkey")
    expect(page.locator("h1")).to_have_text("Use your passkey")
    person.look("use")
    person.press("Go on with the passkey")
    expect(page).to_have_url(re.compile("/reset/password/$"))
    person.set_password("nine slow kettles")
    expect(page.locator("h1")).to_have_text("Your password was changed")
    assert person.complaints == []


def _print_codes(person: Visitor) -> None:
    """The passkey is the fresh proof for the sheet of codes."""
    page = person.page
    person.go("/security-info/add/recovery_code/")
    if "/prove/" in page.url:
        person.press("Next")
        person.press("Go on with the passkey")
    expect(page.locator("h1")).to_have_text("Recovery codes")
    person.look("codes-before")
    person.press("Show me ten codes")
    expect(page.locator(".codes code")).to_have_count(10)
    expect(page.locator("button[data-print]")).to_be_visible()
    person.look("codes")


def test_a_device_that_refuses_says_so_and_lets_one_try_again(
    installation: Installation, context: BrowserContext
) -> None:
    person = visit(installation, context, "refused")
    person.sign_in("otto@acme.example", PASSWORD)
    person.go("/security-info/add/passkey/")
    person.press("Next")
    person.page.evaluate(
        "() => { navigator.credentials.create = () => Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    expect(person.page.locator("[data-failed]")).to_be_hidden()
    person.press("Go on with the passkey")
    expect(person.page.locator("[data-failed]")).to_be_visible()
    person.look("failed")
    assert person.complaints == []
