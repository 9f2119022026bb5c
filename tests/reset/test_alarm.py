"""*This wasn't me*: the link in the note about a reset. Reading changes nothing; the button stops everything, once."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import AuditEvent, Tenant, User
from accounts.roles import Role
from policy.models import ResetPolicy
from reset.models import ResetRequest
from tests import wizard
from tests.administrators import make_administrator
from tests.reset import journeys
from tests.reset.journeys import ALICE, NEW, Browser
from tests.reset.signing_in import is_signed_in, post_sign_in


@pytest.fixture
def link(alice: User, acme: Tenant, open_policy: ResetPolicy) -> str:
    """The path in alice's mailbox after somebody reset her password."""
    make_administrator(acme, "carol@acme.example", Role.GLOBAL_ADMINISTRATOR)
    make_administrator(acme, "dave@acme.example", Role.HELPDESK_ADMINISTRATOR)
    journeys.finish(Browser())
    note = wizard.contents(wizard.last_message("password_was_reset"))
    return str(note["context"]["alarm_url"]).removeprefix("http://testserver")


def test_the_link_leaves_the_address_bar_and_asks_first(link: str, alice: User, client: Browser) -> None:
    answer = client.get(link)
    assert (answer.url, answer.cookies["rekey-alarm"]["httponly"]) == ("/not-me/", True)
    page = client.get("/not-me/").content.decode()
    assert "Was this not you?" in page
    assert ALICE in page
    assert not journeys.person(alice).self_service_paused


def test_w5_looking_changes_nothing_however_often(link: str, alice: User) -> None:
    before = journeys.person(alice).credentials_epoch
    for _ in range(3):
        scanner = Browser()
        scanner.get(link)
        scanner.head(link)
        scanner.get("/not-me/?action=raise")
        scanner.head("/not-me/")
    after = journeys.person(alice)
    assert (after.credentials_epoch, after.self_service_paused) == (before, False)
    assert scanner.post(link).status_code == 405


def test_the_button_ends_sessions_pauses_self_service_and_tells_the_administrators(
    link: str, alice: User, client: Browser
) -> None:
    thief = Browser()
    post_sign_in(thief, ALICE, NEW)
    assert is_signed_in(thief)
    client.get(link)
    assert "Everything is stopped" in client.post("/not-me/").content.decode()
    assert not is_signed_in(thief)
    assert journeys.person(alice).self_service_paused
    told = {wizard.contents(message)["recipient"] for message in journeys.messages("alarm_was_raised")}
    assert told == {"carol@acme.example", "dave@acme.example"}
    assert journeys.begin(Browser()).user_id is None
    with scopes_disabled():
        event = AuditEvent.objects.get(activity="account.alarm_raised")
    assert event.target_id == alice.pk
    assert "reset.completed" in journeys.activities(ResetRequest(pk=event.correlation_id))


def test_the_password_that_was_set_opens_nothing_any_more(link: str, client: Browser, alice: User) -> None:
    client.get(link)
    client.post("/not-me/")
    assert not journeys.person(alice).has_usable_password()


def test_a_password_that_was_changed_since_stays(link: str, client: Browser, alice: User) -> None:
    with scopes_disabled():
        alice.refresh_from_db()
        alice.set_password("four green bicycles")
        alice.password_changed_at = timezone.now() + timedelta(seconds=1)
        alice.save()
    client.get(link)
    client.post("/not-me/")
    assert journeys.person(alice).check_password("four green bicycles")


def test_o4_a_link_works_once(link: str, client: Browser) -> None:
    other = Browser()
    for browser in (client, other):
        browser.get(link)
    assert client.post("/not-me/").status_code == 200
    assert other.post("/not-me/").status_code == 410
    client.get(link)
    assert client.get("/not-me/").status_code == 410
    assert len(journeys.messages("alarm_was_raised")) == 2


def test_a_link_is_good_for_seven_days(link: str, client: Browser) -> None:
    request = journeys.newest()
    assert request.alarm_expires_at is not None
    assert request.ended_at is not None
    assert request.alarm_expires_at - request.ended_at == timedelta(days=7)
    journeys.change(request, alarm_expires_at=timezone.now() - timedelta(seconds=1))
    client.get(link)
    assert client.post("/not-me/").status_code == 410


@pytest.mark.parametrize("token", ["x", "a" * 43, "..%2f", "é", "0"])
def test_a_guessed_link_opens_nothing(token: str, link: str, client: Browser, alice: User) -> None:
    client.get(f"/not-me/{token}/")
    assert client.get("/not-me/").status_code == 410
    assert client.post("/not-me/").status_code == 410
    assert not journeys.person(alice).self_service_paused


def test_o8_the_link_is_kept_as_a_digest(link: str) -> None:
    token = link.strip("/").rpartition("/")[2]
    assert len(token) == 43
    assert token not in journeys.newest().alarm_digest


def test_guessing_links_is_throttled(link: str) -> None:
    answers = [Browser().get("/not-me/").status_code for _ in range(61)]
    assert (answers[0], answers[-1]) == (410, 429)


def test_s5_a_link_is_no_key_to_anything_else(link: str, client: Browser) -> None:
    token = link.strip("/").rpartition("/")[2]
    request = journeys.newest()
    client.cookies["rekey"] = f"{request.pk}.{token}"
    assert client.get("/reset/status/").url.startswith("/reset/")


def test_the_page_of_an_unlock_says_that_it_was_one(alice: User, open_policy: ResetPolicy, client: Browser) -> None:
    journeys.prove(Browser(), trouble="locked")
    note = wizard.contents(wizard.last_message("account_was_unlocked"))
    client.get(str(note["context"]["alarm_url"]).removeprefix("http://testserver"))
    assert "The lock of" in client.get("/not-me/").content.decode()
