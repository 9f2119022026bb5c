"""The second proof at sign-in in a real browser: set up when it is asked for first, given at every sign-in after that."""

import base64
import re
from collections.abc import Iterator

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Installation, Visitor, visit
from tests.browser.test_passkeys import with_security_key

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

PASSWORD = "eleven old maps"
PREPARE = f"""
from accounts.models import Group, GroupMembership, Tenant, User
from accounts.tenants import all_opened
from policy.models import ResetPolicy, SignInRule
from policy.models.policies import PolicyGroup
from policy.models.signin import SignInRuleGroup
with all_opened():
    tenant = Tenant.objects.get(slug="acme")
    group = Group.objects.create(tenant=tenant, name="Second proof")
    for name in ("rosa", "quentin"):
        person = User(tenant=tenant, principal_name=name + "@acme.example", given_name=name)
        person.set_password("{PASSWORD}")
        person.save()
        GroupMembership.objects.create(tenant=tenant, group=group, user=person)
    policy = ResetPolicy.objects.create(
        tenant=tenant, name="Second proof", priority=4, audience="groups", methods=["email", "sms", "call"]
    )
    PolicyGroup.objects.create(policy=policy, group=group)
    rule = SignInRule.objects.create(tenant=tenant, audience="groups")
    SignInRuleGroup.objects.create(rule=rule, group=group)
"""


@pytest.fixture(scope="module")
def prepared(installation: Installation) -> Installation:
    installation.manage("shell", "-c", PREPARE)
    return installation


@pytest.fixture
def person(prepared: Installation, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    plain = {"viewport": {"width": 360, "height": 740}, "locale": "en-GB"}
    with browser.new_context(**{**plain, **getattr(request, "param", {})}) as context:
        visitor = visit(prepared, context, re.sub(r"\W+", "-", request.node.name)[:40])
        yield visitor
        assert visitor.complaints == []


def sign_out(person: Visitor) -> None:
    person.go("/signout/")
    person.page.locator("main button.button").click()


@pytest.mark.parametrize("person", [{"java_script_enabled": False, "color_scheme": "dark"}], indirect=True)
def test_an_app_is_set_up_first_and_asked_for_afterwards_without_scripts(person: Visitor) -> None:
    page = person.page
    person.sign_in("rosa@acme.example", PASSWORD)
    expect(page.locator("main")).to_contain_text("It can't be put off.")
    person.look("setup")
    person.go("/account/")
    expect(page).to_have_url(re.compile("/security-info/setup/$"))
    person.go("/security-info/add/app_code/")
    person.press("Next")
    person.page.locator("summary", has_text="I can't use the camera").click()
    key = base64.b32decode("".join(page.locator("details code").inner_text().split()))
    person.enter(f"{totp(key):06d}")
    sign_out(person)
    person.sign_in("rosa@acme.example", PASSWORD)
    expect(page.locator("h1")).to_have_text("Confirm it is you")
    person.look("verify")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    person.press("Next")
    person.look("code")
    page.fill("#id_code", f"{totp(key, t0=-30):06d}")  # the next one: the first is used up
    person.press("Check")
    expect(page.locator("h1")).to_have_text("So that you can always get back in")


def test_a_passkey_signs_in(person: Visitor) -> None:
    page = person.page
    with_security_key(person)
    person.sign_in("quentin@acme.example", PASSWORD)
    person.go("/security-info/add/passkey/")
    person.press("Next")
    person.press("Go on with the passkey")
    expect(page.locator("main")).to_contain_text("That works. It is registered.")
    sign_out(person)
    person.sign_in("quentin@acme.example", PASSWORD)
    expect(page.locator("h1")).to_have_text("Confirm it is you")
    person.press("Next")
    person.look("passkey")
    person.press("Go on with the passkey")
    expect(page.locator("h1")).to_have_text("So that you can always get back in")
    person.look("signed-in")
