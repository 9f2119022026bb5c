"""From an empty organisation to a person who is back in, in a real browser, with a code from a real mailbox."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Installation, Visitor, visit

pytestmark = [pytest.mark.browser, pytest.mark.smtp]

ADMINISTRATOR = "grace@northwind.example"
PASSWORD = "seven quiet rivers"
PEOPLE = """principal_name,given_name,family_name,mail,authentication_email,mobile_phone
noor@northwind.example,Noor,Haddad,noor@northwind.example,noor@home.example,+49 15112345647
emil@northwind.example,Emil,Brandt,emil@northwind.example,emil@home.example,+49 15112345648
lea@northwind.example,Lea,Martin,lea@northwind.example,lea@home.example,+49 15112345649
omar@northwind.example,Omar,Said,omar@northwind.example,omar@home.example,+49 15112345650
petra@northwind.example,Petra,Vogel,petra@northwind.example,petra@home.example,+49 15112345651
"""


@pytest.fixture(scope="module")
def organisation(
    installation: Installation, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """An organisation as a new administrator makes it: commands first, then the console in a browser."""
    folder: Path = tmp_path_factory.mktemp("people")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    installation.manage("create_tenant", "northwind", "--name", "Northwind College", "--domain", "northwind.example")
    said = installation.manage("create_administrator", ADMINISTRATOR, "--tenant", "northwind")
    said_of_import = installation.manage("import_users", str(folder / "people.csv"), "--tenant", "northwind")
    assert "5 added" in said_of_import
    link = re.search(r"http://\S+/welcome/\S+/", said)
    assert link is not None, said
    with browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}) as context:
        administrator = visit(installation, context, "console")
        _accept_invitation(administrator, link[0])
        _switch_on(administrator)
        assert administrator.complaints == []
    return installation


def _accept_invitation(administrator: Visitor, link: str) -> None:
    page = administrator.page
    page.goto(link)
    administrator.look("welcome")
    assert link.rsplit("/", 2)[1] not in page.url
    page.fill("#id_new_password", PASSWORD)
    page.fill("#id_once_more", PASSWORD)
    administrator.press("Set password")
    administrator.look("app")
    administrator.press("Go on without an app")
    administrator.sign_in(ADMINISTRATOR, PASSWORD)


def _switch_on(administrator: Visitor) -> None:
    """Imported methods count, and everybody may reset with one of two methods."""
    page = administrator.page
    administrator.go("/admin/")
    administrator.look("home")
    administrator.go("/admin/accounts/tenant/")
    administrator.look("tenants")
    page.locator("#result_list tbody th a").first.click()
    page.check("#id_imported_methods_count")
    administrator.look("tenant")
    page.locator("input[name=_save]").click()
    administrator.go("/admin/policy/resetpolicy/add/")
    page.fill("#id_name", "Everybody")
    page.select_option("#id_audience", "everybody")
    administrator.look("policy")
    page.locator("input[name=_save]").click()
    expect(page.locator(".messagelist")).to_contain_text("Everybody")
    administrator.look("saved")
    administrator.go("/admin/accounts/user/")
    administrator.look("users")


@pytest.fixture
def person(organisation: Installation, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody on a phone, in the language and with the scripts that the test asks for."""
    wished = dict(getattr(request, "param", {}))
    options = {"locale": "en-GB", "viewport": {"width": 360, "height": 740}, **wished}
    with browser.new_context(**options) as context:
        somebody = visit(organisation, context, request.node.originalname.removeprefix("test_")[:40])
        yield somebody
        assert somebody.complaints == []


def _code_to(person: Visitor, address: str, method: str = "email") -> None:
    """Ask for a code by mail, read it in the mailbox, and type it."""
    before = len(person.installation.smtp.received)
    person.choose(method)
    person.enter(person.installation.code_from_mail(address, before))


def _sign_in_and_confirm(person: Visitor, name: str, password: str) -> None:
    """What was imported is looked at once."""
    person.sign_in(name, password)
    expect(person.page).to_have_url(re.compile("/security-info/setup/$"))
    person.look("review")
    person.page.locator("main button[value=confirm]").click()


def test_an_imported_person_resets_with_a_code_from_the_mailbox_and_signs_in(person: Visitor) -> None:
    person.identify("noor@northwind.example")
    _code_to(person, "noor@home.example")
    person.set_password("four green bicycles")
    expect(person.page.locator("h1")).to_have_text("Your password was changed")
    _sign_in_and_confirm(person, "noor@northwind.example", "four green bicycles")
    expect(person.page.locator("main")).to_contain_text("noor@northwind.example")
    person.look("account")


def test_back_and_reload_neither_ask_nor_send_nor_skip(person: Visitor) -> None:
    """With scripts a form's answer is the next page: it shows its own address, so a reload sends nothing again."""
    page, sent = person.page, person.installation.smtp.received
    person.identify("petra@northwind.example")
    expect(page).to_have_url(re.compile("/reset/verify/$"))
    before = len(sent)
    person.choose("email")
    code = person.installation.code_from_mail("petra@home.example", before)
    posted: list[str] = []
    expect(page.locator("h1")).to_have_text("Enter the code")
    page.wait_for_load_state("load")  # the script has run
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.reload()
    expect(page.locator("h1")).to_have_text("Enter the code")
    page.go_back()
    expect(page).to_have_url(re.compile("/reset/verify/$"))
    expect(page.locator("h1")).to_have_text("Enter the code")
    assert posted == []
    person.enter(code)
    expect(page).to_have_url(re.compile("/reset/password/$"))
    page.reload()
    expect(page.locator("h1")).to_have_text("Choose a new password")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Choose a new password")
    person.set_password("six slow tortoises")
    expect(page).to_have_url(re.compile("/reset/status/$"))
    page.reload()
    expect(page.locator("h1")).to_have_text("Your password was changed")
    assert len(posted) == 2


@pytest.mark.parametrize("person", [{"java_script_enabled": False, "color_scheme": "dark"}], indirect=True)
def test_the_same_without_scripts(person: Visitor) -> None:
    person.identify("emil@northwind.example")
    _code_to(person, "emil@home.example")
    person.set_password("nine calm lanterns")
    expect(person.page.locator("h1")).to_have_text("Your password was changed")
    _sign_in_and_confirm(person, "emil@northwind.example", "nine calm lanterns")
    expect(person.page.locator("main")).to_contain_text("emil@northwind.example")


@pytest.mark.parametrize("person", [{"locale": "ar"}], indirect=True)
def test_the_same_in_arabic_from_right_to_left(person: Visitor) -> None:
    person.identify("lea@northwind.example")
    expect(person.page.locator("html")).to_have_attribute("dir", "rtl")
    _code_to(person, "lea@home.example")
    person.set_password("ثلاثة أحصنة زرقاء")
    expect(person.page.locator("h1")).to_have_text("تم تغيير كلمة المرور")
    _sign_in_and_confirm(person, "lea@northwind.example", "ثلاثة أحصنة زرقاء")
    expect(person.page.locator("main")).to_contain_text("lea@northwind.example")


@pytest.mark.parametrize("person", [{"viewport": {"width": 1100, "height": 800}}], indirect=True)
def test_two_gates_ask_for_a_mail_and_a_text_message(person: Visitor, browser: Browser) -> None:
    with browser.new_context(locale="en-GB") as context:
        administrator = visit(person.installation, context, "two-gates")
        administrator.sign_in(ADMINISTRATOR, PASSWORD)
        administrator.go("/admin/policy/resetpolicy/")
        administrator.page.locator("#result_list tbody th a").first.click()
        administrator.page.select_option("#id_methods_required", "2")
        administrator.page.locator("input[name=_save]").click()
        person.identify("omar@northwind.example")
        _code_to(person, "omar@home.example")
        person.choose("sms")
        person.page.fill("#id_number", "+49 1511 2345650")
        person.look("number")
        person.page.locator("main button.button").first.click()
        expect(person.page.locator("#id_code")).to_be_visible()
        administrator.go("/dev/outbox/")
        code = administrator.page.locator(".captured-code").first.text_content() or ""
        administrator.look("outbox")
        person.enter(code.strip())
        person.set_password("eleven paper boats")
        expect(person.page.locator("h1")).to_have_text("Your password was changed")


@pytest.mark.parametrize("person", [{"locale": "de-DE"}], indirect=True)
def test_the_keyboard_alone_is_enough(person: Visitor) -> None:
    """Tab reaches every control in order, Enter sends; the focus is always seen."""
    page = person.page
    person.go("/reset/?mkt=en")
    key = page.locator("input[name=captcha_key]").get_attribute("value") or ""
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("noor@northwind.example")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    if page.locator(".captcha a").count():
        page.keyboard.press("Tab")
    expect(page.locator("#id_captcha")).to_be_focused()
    page.keyboard.type(person.installation.letters(key))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("How shall we check that it's you?")
