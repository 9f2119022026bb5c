"""W1 to W10: what the web does to a wizard: hosts, paths, forged forms, markup in names, captchas used twice, frames."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from captcha.models import CaptchaStore
from django.conf import settings as real_settings
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Branding, Domain, Tenant, User
from policy.models import ResetPolicy
from reset import captcha
from reset.models import ResetRequest
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import NEW, PAGES, PASSWORD, STATUS, VERIFY, Browser

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def pages_of_a_journey(client: Browser) -> Iterator[tuple[str, Any]]:
    """Every page of a reset, one after the other."""
    yield "home", client.get("/")
    yield "identify", client.get("/reset/")
    yield "identify, wrong", client.post("/reset/", {"user": "", "captcha": "x"})
    journeys.begin(client)
    yield "choose", client.get(VERIFY)
    wizard.choose(client, "sms")
    yield "number", client.get(VERIFY)
    yield "number, wrong", journeys.type_number(client, "12")
    client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "email")
    yield "answer", client.get(VERIFY)
    yield "answer, wrong", wizard.answer(client, "wrong")
    yield "contact", client.get("/reset/contact/")
    yield "redirect", client.get(PASSWORD)
    wizard.answer(client, wizard.last_code())
    yield "password", client.get(PASSWORD)
    yield "password, wrong", client.post(PASSWORD, {"password": "short", "again": "short"})
    journeys.set_password(client)
    yield "end", client.get(STATUS)
    yield "not me, over", client.get("/not-me/")
    yield "not found", client.get("/nothing/here/")
    yield "wrong method", client.post(STATUS)


def test_w10_no_page_is_stored_framed_or_told_to_others(alice: User, open_policy: ResetPolicy) -> None:
    for name, page in pages_of_a_journey(Browser()):
        assert "no-store" in page.headers["Cache-Control"], name
        assert page.headers["Referrer-Policy"] == "no-referrer", name
        assert page.headers["X-Frame-Options"] == "DENY", name
        assert page.headers["X-Content-Type-Options"] == "nosniff", name
        policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
        assert STRICT.items() <= policy.items(), name
        assert "unsafe" not in page.headers["Content-Security-Policy"], name


def test_w10_pages_need_no_inline_script_or_style(alice: User, open_policy: ResetPolicy) -> None:
    for name, page in pages_of_a_journey(Browser()):
        text = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), name
        assert not re.search(r"<style|\sstyle=|\son\w+=", text), name
        assert not re.search(r'(src|href)="(https?:)?//', text), name


def test_w10_after_the_end_nothing_shows_by_going_back(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.finish(client)
    for page in (VERIFY, PASSWORD):
        assert client.get(page).url == STATUS
    journeys.change(journeys.newest(), ended_at=timezone.now() - timedelta(minutes=11))
    assert client.get(STATUS).url == "/reset/?lost=1"


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "testserver\tx"]
)
def test_w1_a_foreign_host_is_refused(host: str, alice: User, open_policy: ResetPolicy) -> None:
    assert Browser(headers={"Host": host}).get("/reset/").status_code == 400


def test_w1_links_in_mails_have_the_configured_address_whatever_the_browser_says(
    alice: User, open_policy: ResetPolicy, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "444",
        "Forwarded": "host=evil.example",
    }
    client = Browser(headers=forged)
    journeys.finish(client)
    for message in journeys.messages("password_was_reset"):
        context = wizard.contents(message)["context"]
        assert context["alarm_url"].startswith(f"{real_settings.BASE_URL}/not-me/")
        assert "evil" not in str({**context, "client": ""})


VARIANTS = [
    "/./reset/password/",
    "//reset/password/",
    "/reset//password/",
    "/reset/password/.",
    "/reset/%2e%2e/reset/password/",
    "/RESET/password/",
    "/reset/password/;x=1/",
    "/reset/password%2f",
    "/reset/password/%00",
    "/reset/status/../password/",
    "/t/acme//reset/password/",
    "/t/../reset/password/",
]


@pytest.mark.parametrize("path", VARIANTS)
def test_w4_no_spelling_of_a_path_gets_around_a_step(path: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for answer in (client.get(path), client.post(path, {"password": NEW, "again": NEW})):
        assert answer.status_code in (301, 302, 400, 404, 405)
        assert "Choose a new password" not in answer.content.decode()
    assert journeys.has_old_password(alice)


def test_w5_every_form_needs_its_token(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser(enforce_csrf_checks=True)
    for page in (*PAGES[:3], "/reset/cancel/", "/reset/contact/", "/not-me/"):
        answer = client.post(page, {"user": journeys.ALICE, "password": NEW, "again": NEW})
        assert answer.status_code == 403, page
        assert "no-store" in answer.headers["Cache-Control"]


def test_w5_without_cookies_the_first_form_gets_the_cure(alice: User, open_policy: ResetPolicy) -> None:
    page = Browser(enforce_csrf_checks=True).post("/reset/", {"user": journeys.ALICE})
    assert (page.status_code, "cookies" in page.content.decode().lower()) == (403, True)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://testserver.evil.example"])
def test_w5_a_form_from_another_site_is_refused(origin: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser(enforce_csrf_checks=True)
    client.get("/reset/")
    token = client.cookies["csrf"].value
    answer = client.post("/reset/", {"csrfmiddlewaretoken": token}, headers={"Origin": origin})
    assert answer.status_code == 403


def snapshot() -> tuple[Any, ...]:
    with scopes_disabled():
        request = ResetRequest.objects.latest("created_at")
        return (request.state, request.passed, request.challenge_id, request.secret_digest, len(journeys.messages()))


@pytest.mark.parametrize(
    "query",
    ["action=answer&code=CODE", "action=again", "action=another", "action=choose&offer=email:1", "password=x&again=x"],
)
def test_w5_reading_a_page_changes_nothing(query: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    before, code = snapshot(), wizard.last_code()
    for page in (*PAGES, "/reset/cancel/", "/reset/contact/"):
        client.get(f"{page}?{query.replace('CODE', code)}")
        client.head(page)
        client.options(page)
    assert snapshot() == before


MARKUP = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7*7 }}'


def test_w6_markup_in_names_is_shown_as_text(alice: User, acme: Tenant, open_policy: ResetPolicy) -> None:
    journeys.change(acme, name=f"Acme {MARKUP}", contact="off", contact_text=MARKUP, disclosure="helpful")
    journeys.change(alice, display_name=MARKUP, given_name=MARKUP)
    with scopes_disabled():
        Branding.objects.create(tenant=acme, accent="#123456")
    client = Browser(headers={"User-Agent": MARKUP})
    pages = [page for _, page in pages_of_a_journey(client)]
    pages += [
        client.get("/t/acme/reset/"),
        client.get(f"/reset/?username={MARKUP}@acme.example&whr={MARKUP}&mkt={MARKUP}"),
    ]
    pages += [wizard.start(Browser(), f"{MARKUP}@acme.example"), wizard.start(Browser(), MARKUP)]
    for page in pages:
        text = page.content.decode()
        assert "<img src=x" not in text
        assert "<script>alert" not in text


def test_w6_a_home_organisations_address_is_https_only(acme: Tenant) -> None:
    with scopes_disabled():
        domain = Domain(
            tenant=acme, name="x.example", authority="external", home_name="X", home_url="javascript:alert(1)"
        )
        with pytest.raises(Exception, match="home_url"):
            domain.full_clean()


@pytest.mark.parametrize("wished", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_w8_no_address_is_taken_from_the_query(wished: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    client.get(f"/reset/?next={wished}&whr={wished}")
    journeys.finish(client)
    page = client.get(f"{STATUS}?next={wished}")
    assert "evil.example" not in page.content.decode()
    assert client.get(f"{VERIFY}?next={wished}").url == STATUS


def captcha_form(client: Browser, **instead: str) -> dict[str, str]:
    picture = client.get("/reset/").context["picture"]
    answer = CaptchaStore.objects.get(hashkey=picture.key).response
    form = {"user": journeys.ALICE, "trouble": "forgot", "captcha": answer}
    return {**form, "captcha_key": picture.key, "captcha_binding": picture.binding, **instead}


def test_w9_a_captcha_opens_one_request(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    form = captcha_form(client)
    assert client.post("/reset/", form).status_code == 302
    client.post("/reset/cancel/")
    client.cookies.pop("rekey")
    assert client.post("/reset/", form).status_code == 200
    with scopes_disabled():
        assert ResetRequest.objects.count() == 1


def test_w9_a_wrong_answer_uses_the_picture_up(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    form = captcha_form(client)
    assert client.post("/reset/", {**form, "captcha": "wrong"}).status_code == 200
    assert client.post("/reset/", form).status_code == 200
    with scopes_disabled():
        assert not ResetRequest.objects.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        {"captcha": ""},
        {"captcha": "   "},
        {"captcha": "xxxxx"},
        {"captcha_key": ""},
        {"captcha_key": "x" * 40},
        {"captcha_binding": ""},
        {"captcha_binding": "0" * 64},
    ],
    ids=str,
)
def test_w9_no_request_without_the_right_answer(spoil: dict[str, str], alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    page = client.post("/reset/", captcha_form(client, **spoil))
    assert "Those were not the letters" in page.content.decode()
    with scopes_disabled():
        assert not ResetRequest.objects.exists()


def test_w9_an_answer_counts_for_the_visit_it_was_shown_to(alice: User, open_policy: ResetPolicy) -> None:
    solver, other = Browser(), Browser()
    form = captcha_form(solver)
    other.get("/reset/")
    assert other.post("/reset/", form).status_code == 200
    assert Browser().post("/reset/", form).status_code == 200


def test_w9_an_old_picture_is_worth_nothing(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    form = captcha_form(client)
    CaptchaStore.objects.update(expiration=timezone.now() - timedelta(seconds=1))
    assert client.post("/reset/", form).status_code == 200


def test_w9_there_is_no_other_address_for_captchas(client: Browser, db: None) -> None:
    for page in ("/captcha/refresh/", "/captcha/", "/captcha/image/x/?json"):
        assert client.get(page).status_code in (404, 410)


def test_captcha_letters_can_be_told_apart() -> None:
    drawn = {letter for _ in range(200) for letter in captcha.random_letters()[0]}
    assert drawn <= set(captcha.LETTERS)
    assert not drawn & set("ILOQ")


def test_s7_contact_data_has_no_address_a_stranger_could_post_to(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.prove(client)
    for page in ("/security-info/", "/account/", "/admin/accounts/authenticator/add/", "/admin/accounts/user/"):
        answer = client.post(page, {"email": "mallory@evil.example", "number": "+4915199999999"})
        assert answer.status_code in (302, 403, 404)
    assert {row.secret_value for row in authenticators(alice)} == {"alice@home.example", "+4915112345647"}


def authenticators(user: User) -> list[Any]:
    with scopes_disabled():
        return list(user.authenticators.all())
