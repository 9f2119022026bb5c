"""What people read: equal in text and HTML, safe whatever names hold, in the right direction, with no way in."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from bs4 import BeautifulSoup

from notifications import messages
from notifications.channels.base import DeliveryError
from notifications.gsm import fits_one_text
from notifications.models import Channel
from notifications.outbox import Draft
from notifications.rendering import Content, render

WHEN = datetime(2026, 11, 21, 21, 48, tzinfo=UTC)
ATTACK = '<img src=x onerror="alert(1)">'
ALARM = "https://reset.acme.example/alarm/abc123/"
NOTICE: messages.Notice = {
    "tenant_id": 1,
    "language": "en",
    "recipient": "alice@home.example",
    "principal_name": "alice@acme.example",
    "at": WHEN,
    "address": "203.0.113.7",
    "client": "Firefox on Windows",
}
READER: messages.Reader = {"tenant_id": 1, "language": "en", "recipient": "alice@home.example"}


def drafts() -> list[Draft]:
    """One of each message that goes by mail."""
    return [
        messages.passcode_by_mail(code="482913", **READER),
        messages.password_was_reset(name="Alice", methods=["mail", "phone"], alarm_url=ALARM, **NOTICE),
        messages.account_was_unlocked(name="Alice", methods=["app"], alarm_url=ALARM, **NOTICE),
        messages.password_was_changed(name="Alice", alarm_url=ALARM, **NOTICE),
        messages.administrator_was_reset(**NOTICE),
        messages.contact_administrator(text="I lost my phone.\nCall me & hurry <3", support_code="K7-QX2", **NOTICE),
        messages.alarm_was_raised(support_code="K7-QX2", **NOTICE),
        messages.authenticator_was_changed(kind="phone", **NOTICE),
        *(messages.access_pass_was_given(alone_at=alone_at, **NOTICE) for alone_at in (None, WHEN)),
        messages.spend_alarm(sent=120, answered=7, **READER),
        messages.routing_was_changed(what="Directory Corp was changed.", lines="servers: a → b", **NOTICE),
        *(
            messages.own_method_was_changed(change=change, kind="app", **NOTICE)
            for change in ("added", "replaced", "removed")
        ),
        *(
            messages.prompt_was_refused(reader_is_owner=owner, was_signed_in=signed_in, **NOTICE)
            for owner in (True, False)
            for signed_in in (True, False)
        ),
    ]


def written(draft: Draft, organisation: str = "Acme", language: str = "en", **context: str) -> Content:
    return render(draft.kind, draft.channel, language, organisation, False, {**draft.context, **context})


def words(text: str) -> list[str]:
    return text.split()


def words_of_html(html: str) -> list[str]:
    body = BeautifulSoup(html, "html.parser").body
    assert body is not None
    return body.get_text(" ").split()


EACH = pytest.mark.parametrize("draft", drafts(), ids=lambda draft: draft.kind)
EVERY_LANGUAGE = pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])


def test_every_kind_of_message_is_looked_at_here() -> None:
    by_mail = {kind for kind, ways in messages.KINDS.items() if Channel.EMAIL in ways}
    assert {draft.kind for draft in drafts()} == by_mail


@EACH
@EVERY_LANGUAGE
def test_text_and_html_say_the_same(draft: Draft, language: str) -> None:
    content = written(draft, language=language)
    assert words(content.text) == words_of_html(content.html)


@EACH
def test_the_subject_names_the_organisation(draft: Draft) -> None:
    content = written(draft)
    assert content.subject.startswith("Acme: ")
    assert "\n" not in content.subject
    assert "482913" not in content.subject


@EACH
def test_w6_markup_in_a_name_is_shown_and_not_run(draft: Draft) -> None:
    hostile = {
        key: ATTACK for key in draft.context if key not in ("when", "alone_at", "kinds", "alarm_url", "code", "minutes")
    }
    content = written(draft, ATTACK, **hostile)
    soup = BeautifulSoup(content.html, "html.parser")
    assert soup.find("img") is None
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert ATTACK in content.text
    assert ATTACK in unescape(content.html)
    assert content.subject.startswith(ATTACK)


def test_w6_a_name_adds_no_lines_and_turns_no_text() -> None:
    name = "Alice\n\nYour code is 1\u202e\r\nBcc: mallory@evil.example"
    content = written(drafts()[1], name, name=name)
    assert "Your code is 1 Bcc" in content.text
    assert not [line for line in content.text.splitlines() if line.startswith(("Your code", "Bcc"))]
    assert "\u202e" not in content.text + content.html + content.subject


def test_w6_a_link_is_never_made_of_what_somebody_typed() -> None:
    draft = messages.contact_administrator(
        text="see javascript:alert(1) http://evil.example", support_code="", **NOTICE
    )
    assert "<a" not in written(draft).html


@EACH
def test_a_mail_is_one_column_without_tables_scripts_and_foreign_images(draft: Draft) -> None:
    soup = BeautifulSoup(written(draft).html, "html.parser")
    assert not soup.find_all(["table", "script", "img", "iframe", "form", "link"])
    assert soup.find("meta", attrs={"name": "color-scheme", "content": "light dark"})
    assert {link["href"] for link in soup.find_all("a")} <= {ALARM}


@EACH
def test_arabic_runs_from_right_to_left_and_codes_do_not(draft: Draft) -> None:
    soup = BeautifulSoup(written(draft, language="ar").html, "html.parser")
    assert soup.html is not None
    assert (soup.html["lang"], soup.html["dir"]) == ("ar", "rtl")
    for value in ("482913", "203.0.113.7", ALARM):
        for found in soup.find_all(string=re.compile(f"^{re.escape(value)}$")):
            directions = [parent.get("dir") for parent in found.parents if parent.get("dir")]
            assert directions[0] == "ltr"


def test_a_code_stands_large_and_alone_on_its_line() -> None:
    content = written(drafts()[0])
    assert "482913" in content.text.splitlines()
    code = BeautifulSoup(content.html, "html.parser").find("p", class_="code")
    assert code is not None
    assert code.get_text() == "482913"
    assert "5 minutes" in content.text


def test_p7_a_notice_says_when_from_where_and_how_and_holds_no_way_in() -> None:
    content = written(drafts()[1])
    for fact in ("Nov. 21, 2026, 9:48 p.m. UTC", "203.0.113.7", "Firefox on Windows", "alice@acme.example", ALARM):
        assert fact in content.text
    assert "e-mail, phone" in content.text
    links = re.findall(r"https?://\S+", content.text)
    assert links == [ALARM], "no sign-in link, nor any other"


def test_times_are_written_as_the_language_does_and_name_their_zone() -> None:
    assert "21. November 2026, 21:48 UTC" in written(drafts()[1], language="de").text
    assert "21 novembre 2026, 21:48 UTC" in written(drafts()[1], language="fr").text


def test_without_an_alarm_link_a_notice_says_whom_to_tell() -> None:
    draft = messages.password_was_changed(name="Alice", **NOTICE)
    content = written(draft)
    assert "tell your administrators" in content.text
    assert "<a" not in content.html


def test_a_language_we_do_not_speak_becomes_the_default() -> None:
    assert written(drafts()[0], language="tlh").language == "en"
    assert written(drafts()[0], language="de-CH").language == "de"


def test_a_kind_goes_by_its_own_channels_only() -> None:
    for kind, channel in (
        ("password_was_reset", Channel.SMS),
        ("no_such_kind", Channel.EMAIL),
        ("../base", Channel.EMAIL),
    ):
        with pytest.raises(DeliveryError) as refused:
            render(kind, channel, "en", "Acme", False, {})
        assert refused.value.permanent


def test_a_code_lives_five_minutes_and_a_notice_three_days() -> None:
    assert drafts()[0].lifetime == timedelta(minutes=5)
    assert {draft.lifetime for draft in drafts()[1:]} == {timedelta(days=3)}


def test_an_endless_client_is_cut() -> None:
    notice = NOTICE.copy()
    notice["client"] = "x" * 5000
    draft = messages.administrator_was_reset(**notice)
    assert len(draft.context["client"]) == messages.LONGEST_CLIENT


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),
        ("€" * 81, False),
        ("ا" * 70, True),
        ("ا" * 71, False),
        ("😀" * 36, False),
    ],
)
def test_one_segment_is_160_septets_or_70_units(text: str, fits: bool) -> None:
    assert fits_one_text(text) is fits


def test_what_is_written_out_never_prints() -> None:
    content = written(drafts()[0])
    assert "482913" not in repr(content)
    assert "482913" not in repr(drafts()[0])
    assert "alice@home" not in repr(drafts()[0])


def test_a_message_needs_nothing_of_what_the_pages_need(settings: Any) -> None:
    settings.TEMPLATES = []
    assert "482913" in written(drafts()[0]).html
