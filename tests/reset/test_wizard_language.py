"""Languages: which one a page speaks, and that every page can be shown in each."""

import pytest
from django.conf import settings

from accounts.models import User
from policy.models import ResetPolicy
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.test_flaws_web import pages_of_a_journey

LANGUAGES = [code for code, _ in settings.LANGUAGES]


def language_of(page: object) -> str:
    text: str = page.content.decode()  # type: ignore[attr-defined]
    return text.partition('<html lang="')[2].partition('"')[0]


def test_the_browsers_wish_is_followed(client: Browser, db: None) -> None:
    for wish, spoken in (
        ("de-AT,de;q=0.9", "de"),
        ("xx,fr;q=0.5", "fr"),
        ("ja", "en"),
        ("*", "en"),
        ("\x00;;q=x", "en"),
    ):
        assert language_of(client.get("/reset/", headers={"Accept-Language": wish})) == spoken


def test_mkt_wins_and_is_remembered(client: Browser, db: None) -> None:
    assert language_of(client.get("/reset/?mkt=fr-CA", headers={"Accept-Language": "de"})) == "fr"
    assert language_of(client.get("/reset/", headers={"Accept-Language": "de"})) == "fr"
    assert language_of(client.get("/reset/?mkt=es_ES")) == "es"
    assert language_of(client.get("/reset/")) == "es"


@pytest.mark.parametrize("wish", ["xx", "", "../../etc", "de" * 500, "%00", "<script>"])
def test_a_language_nobody_speaks_changes_nothing(wish: str, client: Browser, db: None) -> None:
    page = client.get("/reset/", {"mkt": wish})
    assert (page.status_code, language_of(page)) == (200, "en")
    assert "language" not in page.cookies


def test_a_remembered_language_that_is_none_is_ignored(client: Browser, db: None) -> None:
    client.cookies["language"] = "../xx"
    assert language_of(client.get("/reset/")) == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_shown_in_every_language(language: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    client.cookies["language"] = language
    for name, page in pages_of_a_journey(client):
        if page.status_code not in (302, 405):
            assert (name, language_of(page)) == (name, language)
            assert ('dir="rtl"' in page.content.decode()[:400]) == (language == "ar"), name


def test_messages_are_written_in_the_language_of_the_page(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    client.cookies["language"] = "de"
    journeys.finish(client)
    assert {message.language for message in journeys.messages()} == {"de"}


def test_messages_are_written_in_a_persons_own_language(alice: User, open_policy: ResetPolicy) -> None:
    journeys.change(alice, language="fr")
    journeys.finish(Browser())
    assert {message.language for message in journeys.messages("password_was_reset")} == {"fr"}
