"""One person registers every method in a real browser, then gets back in with every pair of different kinds."""

import base64
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, expect

from accounts.methods import KIND_OF, Method
from tests.browser.conftest import Installation, Visitor, visit
from tests.browser.test_passkeys import with_security_key

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

NAME, ADDRESS, MOBILE, OFFICE = "olga@acme.example", "olga@home.example", "+14255550177", "+4930901820"
FIRST_PASSWORD = "eleven old maps"
METHODS = [method for method in Method if method != Method.ACCESS_PASS]
PAIRS = [pair for pair in combinations(METHODS, 2) if KIND_OF[pair[0]] != KIND_OF[pair[1]]]
CALLS = (Method.CALL, Method.OFFICE_CALL)
# Together they are all methods that work without scripts.
WITHOUT_SCRIPTS = [
    (Method.EMAIL, Method.QUESTIONS),
    (Method.SMS, Method.APP_CODE),
    (Method.CALL, Method.RECOVERY_CODE),
    (Method.OFFICE_CALL, Method.APP_CODE),
]
ANSWERS = [f"answer number {number}" for number in range(5)]
PREPARE = f"""
from accounts.methods import Method
from accounts.models import Group, GroupMembership, Tenant, User
from accounts.tenants import all_opened
from policy.models import ResetPolicy, SpendGuard
from policy.models.policies import PolicyGroup
with all_opened():
    acme = Tenant.objects.get(slug="acme")
    group = Group.objects.create(tenant=acme, name="Everything")
    policy = ResetPolicy.objects.create(
        tenant=acme, name="Everything", priority=2, audience="groups", methods_required=2,
        methods={[str(method) for method in METHODS]!r},
    )
    PolicyGroup.objects.create(policy=policy, group=group)
    SpendGuard.objects.create(tenant=acme, per_user=1000, per_number=1000, per_range=1000)
    person = User(tenant=acme, principal_name="{NAME}", given_name="Olga")
    person.set_password("{FIRST_PASSWORD}")
    person.save()
    GroupMembership.objects.create(tenant=acme, group=group, user=person)
"""


@dataclass
class Person:
    """Somebody with a computer, a phone, a security key, and a good memory."""

    computer: Visitor
    phone: Visitor
    outbox: Visitor
    app_key: str = ""
    questions: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    mails: int = 0
    has_scripts: bool = True

    @property
    def installation(self) -> Installation:
        return self.computer.installation

    def query(self, sql: str) -> list[tuple[str, ...]]:
        with sqlite3.connect(self.installation.folder / "rekey.sqlite3", timeout=20) as database:
            return database.execute(sql).fetchall()

    def shown(self) -> str:
        return self.computer.page.locator(".shown").inner_text().strip()

    def code_from_text(self) -> str:
        """Of the newest text message, once it is newer than the page that waits for it."""
        known = self.newest_text
        until = time.monotonic() + 15
        while time.monotonic() < until:
            found = self.query(
                "SELECT id, text FROM notifications_capturedmessage WHERE channel = 'sms' ORDER BY id DESC"
            )
            if found and found[0][0] != known:
                self.newest_text = found[0][0]
                code = re.search(r"(?<!\d)\d{6}(?!\d)", found[0][1])
                assert code is not None
                return code[0]
            self.computer.page.wait_for_timeout(50)
        raise AssertionError("no text message came")

    newest_text: str = ""

    def take_call(self) -> None:
        """Press the digits in the newest call, once there is one newer than the last."""
        digits, known = self.shown(), self.newest_call
        while (newest := self._newest_call()) == known:
            self.computer.page.wait_for_timeout(50)
        self.newest_call = newest
        self.outbox.go("/dev/outbox/")
        call = self.outbox.page.locator(f"form[action$='/{newest}/keys/']")
        call.locator("input[name=keys]").fill(f"{digits}#")
        call.locator("button").click()

    newest_call: str = ""

    def _newest_call(self) -> str:
        found = self.query("SELECT max(id) FROM notifications_capturedmessage WHERE channel = 'voice'")
        return str(found[0][0]) if found[0][0] is not None else ""


# --- registering --------------------------------------------------------------------------------------------------------


def submit(person: Person) -> None:
    person.computer.page.locator("main form button.button").first.click()


def begin(person: Person, method: str, label: str = "") -> None:
    person.computer.go(f"/security-info/add/{method}/")
    if label:
        person.computer.page.fill("#id_label", label)


def answer_mail(person: Person) -> None:
    person.computer.page.fill("#id_code", person.installation.code_from_mail(ADDRESS, person.mails))
    submit(person)


def register_mail(person: Person) -> None:
    begin(person, "email")
    person.mails = len(person.installation.smtp.received)
    person.computer.page.fill("#id_address", ADDRESS)
    submit(person)
    answer_mail(person)


def prove_by_mail(person: Person) -> None:
    """The fresh proof that every change after the first asks for; it holds for ten minutes."""
    person.computer.go("/security-info/prove/")
    person.mails = len(person.installation.smtp.received)
    person.computer.page.locator("input[name=offer][value^='email:']").check()
    submit(person)
    answer_mail(person)


def register_mobile(person: Person) -> None:
    begin(person, "sms")
    person.computer.page.fill("#id_number", MOBILE)
    submit(person)
    person.computer.page.fill("#id_code", person.code_from_text())
    submit(person)


def register_office(person: Person) -> None:
    begin(person, "office_call")
    person.computer.page.fill("#id_number", OFFICE)
    submit(person)
    person.computer.look("calling")
    person.take_call()


def register_app(person: Person) -> None:
    begin(person, "app_code", "Codes")
    submit(person)
    page = person.computer.page
    page.locator("summary", has_text="I can't use the camera").click()
    person.app_key = "".join(page.locator("details code").inner_text().split())
    page.fill("#id_code", code_of_app(person))
    submit(person)


def register_phone(person: Person) -> None:
    begin(person, "app_notification", "My phone")
    submit(person)
    code = person.shown()
    person.phone.go("/authenticator/")
    person.phone.page.fill("#code", code)
    person.phone.press("Go on")
    number = person.phone.page.locator("#number .shown")
    expect(number).to_have_text(re.compile(r"^\d\d$"))
    person.computer.page.locator("#id_code").wait_for(timeout=15_000)
    person.computer.page.fill("#id_code", number.inner_text())
    submit(person)


def register_passkey(person: Person) -> None:
    with_security_key(person.computer)
    begin(person, "passkey", "Key")
    submit(person)
    submit(person)


def register_questions(person: Person) -> None:
    begin(person, "questions")
    page = person.computer.page
    for number, answer in enumerate(ANSWERS):
        page.select_option(f"#id_question_{number}", index=number + 1)
        asked = page.locator(f"#id_question_{number} option:checked").inner_text()
        page.fill(f"#id_answer_{number}", answer)
        person.questions[asked] = answer
    submit(person)


def register_codes(person: Person) -> None:
    begin(person, "recovery_code")
    submit(person)
    person.codes = person.computer.page.locator(".codes code").all_inner_texts()


def code_of_app(person: Person) -> str:
    return f"{totp(base64.b32decode(person.app_key)):06d}"


# --- proving ------------------------------------------------------------------------------------------------------------


def by_mail(person: Person) -> None:
    answer_mail(person)


def by_text(person: Person) -> None:
    type_number(person)
    person.computer.page.fill("#id_code", person.code_from_text())
    submit(person)


def by_call(person: Person) -> None:
    type_number(person)
    person.take_call()


def by_office_call(person: Person) -> None:
    person.take_call()


def by_app(person: Person) -> None:
    # An app shows a new code every 30 seconds; this one may be used again, because nobody waits for that here.
    person.query("UPDATE accounts_authenticator SET last_step = -1 WHERE type = 'app'")
    person.computer.page.fill("#id_code", code_of_app(person))
    submit(person)


def by_phone(person: Person) -> None:
    card = person.phone.page.locator("#prompts article").first
    card.locator("input").fill(person.shown())
    card.locator("button", has_text="Yes, it's me").click()


def by_passkey(person: Person) -> None:
    submit(person)


def by_questions(person: Person) -> None:
    page = person.computer.page
    for number in range(3):
        page.fill(f"#id_answer_{number}", person.questions[page.locator(f"label[for=id_answer_{number}]").inner_text()])
    submit(person)


def by_recovery_code(person: Person) -> None:
    person.computer.page.fill("#id_code", person.codes.pop())
    submit(person)


def type_number(person: Person) -> None:
    person.computer.page.fill("#id_number", MOBILE)
    submit(person)


BY: dict[Method, Callable[[Person], None]] = {
    Method.EMAIL: by_mail,
    Method.SMS: by_text,
    Method.CALL: by_call,
    Method.OFFICE_CALL: by_office_call,
    Method.APP_CODE: by_app,
    Method.APP_NOTIFICATION: by_phone,
    Method.PASSKEY: by_passkey,
    Method.QUESTIONS: by_questions,
    Method.RECOVERY_CODE: by_recovery_code,
}


@pytest.fixture
def person(installation: Installation, browser: Browser) -> Iterator[Person]:
    installation.manage("shell", "-c", PREPARE)
    with (
        browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 800}) as at_desk,
        browser.new_context(locale="en-GB", viewport={"width": 360, "height": 740}) as in_hand,
        browser.new_context(locale="en-GB") as elsewhere,
    ):
        made = Person(
            visit(installation, at_desk, "pairs-computer"),
            visit(installation, in_hand, "pairs-phone"),
            visit(installation, elsewhere, "pairs-outbox"),
        )
        yield made
        assert [made.computer.complaints, made.outbox.complaints] == [[], []]


def reset_with(person: Person, pair: tuple[Method, Method], password: str) -> None:
    computer = person.computer
    computer.identify(NAME)
    for gate, method in enumerate(pair, start=1):
        expect(computer.page.locator(".step")).to_contain_text(f"Step {gate + 1} of 4")
        person.mails = len(person.installation.smtp.received)
        computer.page.locator(f"input[name=offer][value^='{method}:']").check()
        submit(person)
        BY[method](person)
        if method in CALLS and not person.has_scripts:
            submit(person)
    expect(computer.page.locator("#id_password")).to_be_visible(timeout=15_000)
    computer.page.fill("#id_password", password)
    computer.page.fill("#id_again", password)
    submit(person)
    expect(computer.page.locator("h1")).to_have_text("Your password was changed", timeout=15_000)


def test_every_method_is_registered_and_every_pair_opens_the_way_back(person: Person, browser: Browser) -> None:
    assert len(PAIRS) == 32
    person.query("DELETE FROM policy_counter")  # others were here from the same address
    computer = person.computer
    computer.sign_in(NAME, FIRST_PASSWORD)
    register_mail(person)
    prove_by_mail(person)
    for register in (
        register_mobile, register_office, register_app, register_phone, register_passkey, register_questions,
        register_codes,
    ):  # fmt: skip
        register(person)
        expect(computer.page).to_have_url(re.compile(r"/security-info/(setup/|add/recovery_code/)?$"), timeout=15_000)
    computer.go("/security-info/")
    computer.look("everything")
    for number, pair in enumerate(PAIRS):
        reset_with(person, pair, f"slow kettle number {number}")
    person.has_scripts = False
    with browser.new_context(locale="en-GB", java_script_enabled=False) as plain:
        person.computer = visit(person.installation, plain, "pairs-plain")
        for number, (first, second) in enumerate(WITHOUT_SCRIPTS):
            reset_with(person, (first, second), f"quiet kettle number {number}")
        assert person.computer.complaints == []
