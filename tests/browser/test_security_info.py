"""A person who has nothing registered is asked at sign-in, registers, and keeps it current; in a real browser."""

import base64
import re
import time
from collections.abc import Iterator

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import Installation, Visitor, visit

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

PHONE = {"viewport": {"width": 360, "height": 740}, "locale": "en-GB"}


@pytest.fixture
def person(installation: Installation, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with browser.new_context(**{**PHONE, **getattr(request, "param", {})}) as context:
        visitor = visit(installation, context, re.sub(r"\W+", "-", request.node.name)[:40])
        yield visitor
        assert visitor.complaints == []


def password_of(installation: Installation, name: str) -> str:
    """What the demo's sheet says."""
    sheet = (installation.folder / "demo.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}: .*\n  password (\S+)$", sheet, re.MULTILINE)
    assert found is not None, sheet
    return found[1]


def main_of(person: Visitor) -> Locator:
    return person.page.locator("main")


def shown_by_app(person: Visitor) -> str:
    person.page.locator("summary", has_text="I can't use the camera").click()
    key = "".join(person.page.locator("details code").inner_text().split())
    return f"{totp(base64.b32decode(key)):06d}"


def register_address(person: Visitor, address: str) -> None:
    before = len(person.installation.smtp.received)
    person.page.fill("#id_address", address)
    person.look("address")
    person.press("Next")
    person.enter(person.installation.code_from_mail(address, before))


def sign_in(person: Visitor, name: str) -> None:
    person.sign_in(name, password_of(person.installation, name))


def test_who_has_nothing_registers_at_sign_in_and_goes_on(person: Visitor) -> None:
    page = person.page
    sign_in(person, "mallory@acme.example")
    expect(page.locator("h1")).to_have_text("So that you can always get back in")
    person.look("setup")
    page.locator("summary", has_text="Set up a different method").click()
    page.locator("a", has_text="E-mail address").click()
    register_address(person, "mallory@home.example")
    expect(page.locator("h1")).to_have_text("Is this still right?")
    expect(main_of(person)).to_contain_text("mallory@home.example")
    person.look("review")
    person.press("Looks good")
    expect(page).to_have_url(re.compile("/account/$"))
    person.look("account")
    page.locator("a", has_text="Recent activity").click()
    expect(page.locator(".activity li").first).to_contain_text("Method registered")
    person.look("activity")
    page.locator("a", has_text="This wasn't me").first.click()
    expect(page.locator("button.danger")).to_have_text("It wasn't me: stop everything")
    person.look("not-me")


def test_a_second_method_is_added_named_and_removed(person: Visitor) -> None:
    page = person.page
    sign_in(person, "frank@acme.example")
    person.look("setup")
    _add_an_app(person)
    expect(page.locator("h1")).to_have_text("Is this still right?")
    person.press("Looks good")
    person.go("/security-info/")
    person.look("overview")
    _name_and_remove_it(person)


def _add_an_app(person: Visitor) -> None:
    page = person.page
    page.locator("summary", has_text="Set up a different method").click()
    page.locator("a", has_text="Authenticator app").first.click()
    expect(page.locator("h1")).to_have_text("First prove that it's you")
    before = len(person.installation.smtp.received)
    person.look("prove")
    person.press("Next")
    person.enter(person.installation.code_from_mail("frank@home.example", before))
    page.fill("#id_label", "My phone")
    person.press("Next")
    person.look("app")
    page.fill("#id_code", "000000")
    person.press("Check")
    expect(page.locator("#id_code_error")).to_contain_text("clock of the phone")
    person.look("wrong")
    page.fill("#id_code", shown_by_app(person))
    person.press("Check")
    expect(main_of(person)).to_contain_text("My phone")
    person.look("added")


def _name_and_remove_it(person: Visitor) -> None:
    page = person.page
    page.get_by_role("link", name="My phone", exact=True).click()
    page.fill("#id_label", "Old phone")
    person.look("one")
    person.press("Save the name")
    page.locator("a", has_text="Old phone").click()
    page.locator("button.danger").click()
    expect(main_of(person)).not_to_contain_text("Old phone")
    until = time.monotonic() + 15
    while time.monotonic() < until and not _was_told(person, "removed"):
        page.wait_for_timeout(100)
    assert _was_told(person, "removed"), "the other address hears of it"


def _was_told(person: Visitor, change: str) -> bool:
    return any(
        "frank@home.example" in mail.recipients and change in mail.part("text/plain")
        for mail in person.installation.smtp.received
    )


@pytest.mark.parametrize(
    "person", [{"java_script_enabled": False, "color_scheme": "dark", "locale": "ar"}], indirect=True
)
def test_it_works_without_scripts_from_right_to_left(person: Visitor) -> None:
    sign_in(person, "alice@acme.example")
    expect(person.page).to_have_url(re.compile("/security-info/setup/$"))
    assert person.page.locator("html").get_attribute("dir") == "rtl"
    person.look("setup")
    person.go("/security-info/add/email/")
    before = len(person.installation.smtp.received)
    person.look("prove")
    person.page.locator("main button.button").click()
    person.enter(person.installation.code_from_mail("alice@home.example", before))
    before = len(person.installation.smtp.received)
    person.page.fill("#id_address", "alice@second.example")
    person.look("address")
    person.page.locator("main button.button").click()
    person.enter(person.installation.code_from_mail("alice@second.example", before))
    person.go("/security-info/")
    expect(main_of(person)).to_contain_text("alice@second.example")
    person.look("overview")


MAKE_KIRA = """
from accounts.models import Tenant, User
from accounts.tenants import all_opened
with all_opened():
    kira = User(tenant=Tenant.objects.get(slug="acme"), principal_name="kira@acme.example")
    kira.set_password("eleven old maps")
    kira.save()
"""


def tab_to(person: Visitor, selector: str) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does."""
    for _ in range(40):
        person.page.keyboard.press("Tab")
        if person.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def type_at(person: Visitor, selector: str, text: str) -> None:
    tab_to(person, selector)
    person.page.keyboard.type(text)


def test_the_keyboard_alone_is_enough_to_sign_in_register_and_change(person: Visitor) -> None:
    person.installation.manage("shell", "-c", MAKE_KIRA)
    page, keys = person.page, person.page.keyboard
    person.go("/signin/")
    page.locator("#id_username").focus()
    keys.type("kira@acme.example")
    type_at(person, "#id_password", "eleven old maps")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("So that you can always get back in")
    tab_to(person, "summary")
    keys.press("Enter")
    tab_to(person, "a[href$='/add/email/']")
    keys.press("Enter")
    expect(page.locator("#id_address")).to_be_visible()
    before = len(person.installation.smtp.received)
    type_at(person, "#id_address", "kira@home.example")
    keys.press("Enter")
    page.wait_for_url("**/confirm/**")
    page.locator("#id_code").focus()
    keys.type(person.installation.code_from_mail("kira@home.example", before))
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Is this still right?")
    tab_to(person, "button[value=confirm]")
    keys.press("Enter")
    expect(page).to_have_url(re.compile("/account/$"))
    tab_to(person, "a[href='/security-info/']")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("Security info")
    tab_to(person, ".menu.held a, .menu a[href^='/security-info/']")
    keys.press("Enter")
    expect(page.locator("#id_label")).to_be_visible()
    type_at(person, "#id_label", "Home")
    keys.press("Enter")
    expect(page.locator("h1")).to_have_text("First prove that it's you")
