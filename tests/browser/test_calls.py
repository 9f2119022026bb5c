"""Somebody who is called: the digits are on the page, the phone is the one of the development outbox."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Installation, Visitor, visit

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

LOOKS = [
    {"viewport": {"width": 360, "height": 740}, "locale": "en-GB"},
    {"viewport": {"width": 1280, "height": 900}, "locale": "ar", "color_scheme": "dark"},
    {"viewport": {"width": 1280, "height": 900}, "locale": "de", "java_script_enabled": False},
]


@pytest.fixture(params=LOOKS, ids=["phone", "arabic-dark", "no-script"])
def caller(installation: Installation, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with browser.new_context(**request.param) as context:
        visitor = visit(installation, context, re.sub(r"\W+", "-", request.node.name)[:40])
        yield visitor
        assert visitor.complaints == []


def press_keys(installation: Installation, browser: Browser, keys: str, name: str) -> None:
    """Take the newest call in the outbox, as its owner would."""
    with browser.new_context(locale="en-GB") as context:
        phone = visit(installation, context, name)
        phone.go("/dev/outbox/")
        phone.page.locator("input[name=keys]").first.fill(keys)
        phone.page.get_by_role("button", name="Press").first.click()
        expect(phone.page.get_by_role("status").first).to_contain_text(":")
        phone.look("outbox")
        assert phone.complaints == []


def test_a_call_opens_the_page(
    caller: Visitor, installation: Installation, browser: Browser, request: pytest.FixtureRequest
) -> None:
    scripted = request.node.callspec.params["caller"].get("java_script_enabled", True)
    caller.identify("alice@acme.example")
    caller.choose("call")
    caller.look("number")
    caller.page.fill("#id_number", "+1 425 555 0101")
    caller.page.locator("main button.button").click()
    expect(caller.page.locator(".shown")).to_have_text(re.compile(r"^\d\d$"))
    caller.look("waiting")
    digits = caller.page.locator(".shown").inner_text()
    press_keys(installation, browser, f"{digits}#", caller.name + "-outbox")
    if not scripted:
        caller.page.locator("main button.button").click()
    expect(caller.page.locator("#id_password")).to_be_visible(timeout=10_000)
    caller.look("password")
