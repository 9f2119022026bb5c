"""Beside the password: recent activity, *this wasn't me*, leaving every session, the language, one's own data."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity, Event, record
from accounts.models import AuditEvent, ExecutorKey, User
from policy.models import ResetPolicy
from reset import activity
from tests.reset import journeys
from tests.reset.signing_in import PASSWORD, events, give_app, is_signed_in, make_administrator, post_sign_in, reloaded
from tests.reset.test_security_info import prove, text_of

ACTIVITY, NEW = "/account/activity/", "violet harbour kettle"


@pytest.fixture
def signed_in(client: Any, alice: User) -> Any:
    post_sign_in(client, "alice@acme.example", PASSWORD, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    return client


def new_password(current: str = PASSWORD) -> dict[str, str]:
    return {"current_password": current, "new_password": NEW, "once_more": NEW}


def is_signed_in_with(password: str) -> bool:
    client = Client()
    post_sign_in(client, "alice@acme.example", password)
    return is_signed_in(client)


def entries(client: Any) -> Any:
    return client.get(ACTIVITY).context["entries"]


@pytest.mark.parametrize("path", ["", "activity/", "sign-out-everywhere/", "language/", "data.json"])
def test_all_of_it_is_for_signed_in_people(client: Any, db: Any, path: str) -> None:
    assert client.get(f"/account/{path}").url == f"/signin/?next=/account/{path}"


def test_recent_activity_tells_when_from_where_and_with_what(signed_in: Any, alice: User) -> None:
    post_sign_in(Client(), "alice@acme.example", "wrong")
    page = signed_in.get(ACTIVITY)
    assert [(str(entry.what), entry.succeeded) for entry in page.context["entries"]] == [
        ("Sign-in failed", False),
        ("Signed in", True),
    ]
    assert "Firefox, Linux" in text_of(page)
    assert "127.0.0.1" in text_of(page)


def test_recent_activity_is_ones_own_and_of_thirty_days(signed_in: Any, alice: User, bob: User) -> None:
    with scopes_disabled():
        record(Event(Activity.SIGNED_IN, bob.tenant_id, target=bob))
    assert len(entries(signed_in)) == 1
    with scopes_disabled():
        assert len(activity.recent(alice, timezone.now() + timedelta(days=29))) == 1
        assert activity.recent(alice, timezone.now() + timedelta(days=30, minutes=1)) == []


def test_recent_activity_costs_the_same_however_much_happened(
    signed_in: Any, alice: User, django_assert_num_queries: Any
) -> None:
    with scopes_disabled():
        record(*(Event(Activity.SIGNED_IN, alice.tenant_id, target=alice) for _ in range(150)))
        with django_assert_num_queries(2):
            assert len(activity.recent(alice, timezone.now())) == activity.MOST


def test_failures_that_a_stranger_causes_hide_nothing(signed_in: Any, alice: User) -> None:
    with scopes_disabled():
        registered = Event(Activity.METHOD_REGISTERED, alice.tenant_id, target=alice)
        record(registered, *(Event(Activity.SIGN_IN_FAILED, alice.tenant_id, False, target=alice) for _ in range(150)))
        shown = [str(entry.what) for entry in activity.recent(alice, timezone.now())]
    assert shown.count("Sign-in failed") == activity.MOST_FAILURES
    assert "Method registered" in shown


def test_this_was_not_me_asks_first_and_then_stops_everything(signed_in: Any, alice: User, bob: User) -> None:
    make_administrator(bob)
    entry = entries(signed_in)[0]
    assert "stop everything" in text_of(signed_in.get(f"{ACTIVITY}{entry.id}/"))
    assert not reloaded(alice).self_service_paused
    assert "isn't your current password" in text_of(signed_in.post(f"{ACTIVITY}{entry.id}/", new_password("wrong")))
    assert not reloaded(alice).self_service_paused
    page = signed_in.post(f"{ACTIVITY}{entry.id}/", new_password())
    assert "Everything is stopped" in text_of(page)
    after = reloaded(alice)
    assert (after.self_service_paused, after.must_change_password) == (True, False)
    assert not is_signed_in_with(PASSWORD), "nobody is faster with the old password"
    assert is_signed_in_with(NEW)
    assert not is_signed_in(signed_in)
    assert [str(event.correlation_id) for event in events(Activity.ALARM_RAISED)] == [entry.id]
    assert len(journeys.messages("alarm_was_raised")) == 1


def test_s4_this_was_not_me_takes_no_event_of_somebody_else(signed_in: Any, alice: User, bob: User) -> None:
    with scopes_disabled():
        record(Event(Activity.SIGNED_IN, bob.tenant_id, target=bob))
        foreign = AuditEvent.objects.get(target_id=bob.pk)
    assert signed_in.post(f"{ACTIVITY}{foreign.pk}/").url == ACTIVITY
    assert not reloaded(alice).self_service_paused
    assert not reloaded(bob).self_service_paused


def test_where_nobody_could_be_told_nothing_is_stopped(signed_in: Any, alice: User, bob: User) -> None:
    make_administrator(bob)
    entry = entries(signed_in)[0]
    ExecutorKey.objects.all().delete()
    page = text_of(signed_in.post(f"{ACTIVITY}{entry.id}/", new_password()))
    assert "so nothing was changed" in page
    assert not reloaded(alice).self_service_paused


def test_signing_out_everywhere_ends_every_session(signed_in: Any, alice: User) -> None:
    other = Client()
    post_sign_in(other, "alice@acme.example", PASSWORD)
    signed_in.get("/account/sign-out-everywhere/")
    assert is_signed_in(other), "only a POST does it"
    assert signed_in.post("/account/sign-out-everywhere/").url == "/signout/"
    assert not is_signed_in(signed_in)
    assert not is_signed_in(other)
    assert len(events(Activity.SIGNED_OUT_EVERYWHERE)) == 1


def test_the_language_is_remembered_for_pages_and_messages(signed_in: Any, alice: User) -> None:
    assert signed_in.post("/account/language/", {"language": "de"}).url == "/account/"
    assert reloaded(alice).language == "de"
    assert '<html lang="de"' in text_of(signed_in.get("/account/"))


@pytest.mark.parametrize("language", ["", "xx", "de\x00"])
def test_another_language_than_we_speak_changes_nothing(signed_in: Any, alice: User, language: str) -> None:
    assert signed_in.post("/account/language/", {"language": language}).url == "/account/"
    assert reloaded(alice).language == ""


def test_ones_own_data_is_a_file_after_a_fresh_proof(signed_in: Any, alice: User, open_policy: ResetPolicy) -> None:
    assert signed_in.get("/account/data.json").url == "/security-info/prove/?next=/account/data.json"
    assert prove(signed_in, then="/account/data.json").url == "/account/data.json"
    answer = signed_in.get("/account/data.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-account.json"'
    data = json.loads(answer.content)
    assert (data["user_name"], data["organisation"]) == ("alice@acme.example", "Acme")
    assert [method["value"] for method in data["methods"]] == ["alice@home.example", "+4915112345647"]
    assert data["activity_of_30_days"][-1]["activity"] == "Signed in"
    assert alice.password not in answer.content.decode()


def test_the_key_of_an_app_is_not_among_ones_data(signed_in: Any, alice: User, open_policy: ResetPolicy) -> None:
    app = give_app(alice)
    prove(signed_in, then="/account/data.json")
    text = signed_in.get("/account/data.json").content.decode()
    assert '"app"' in text
    assert app.secret_value not in text
