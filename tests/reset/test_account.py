"""One's own account: who one is, and changing the password."""

import html
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.test import Client
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.models import Directory, ExecutorKey, Invitation, Tenant, User
from notifications.models import Message
from policy import hashing, lockout, passwords
from policy.models import SignInLockout
from reset import invitations
from reset.password_proof import account_key_of
from tests.conftest import make_user
from tests.reset.signing_in import (
    LOCKED,
    PASSWORD,
    code_of,
    events,
    give_app,
    is_signed_in,
    make_administrator,
    post_sign_in,
    reloaded,
)

NEW = "violet harbour kettle"


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    return client


def change(client: Client, current: str = PASSWORD, new: str = NEW, again: str | None = None, query: str = "") -> Any:
    body = {"current_password": current, "new_password": new, "once_more": new if again is None else again}
    return client.post(f"/account/{query}", body)


def has_password(user: User, password: str) -> bool:
    return check_password(password, reloaded(user).password)


def test_the_account_is_for_signed_in_people(client: Client, db: Any) -> None:
    assert client.get("/account/").headers["Location"] == "/signin/?next=/account/"


def test_the_page_says_who_one_is_and_what_a_password_has_to_be(signed_in: Client) -> None:
    page = signed_in.get("/account/").content.decode()
    for text in ("Alice", "alice@acme.example", "Acme", "At least 8 characters", "Doesn't contain your name"):
        assert text in page.replace("&#x27;", "'")
    assert 'autocomplete="current-password"' in page
    assert page.count('autocomplete="new-password"') == 2
    assert 'aria-describedby="password-rules"' in page
    assert 'href="/admin/"' not in page


def test_administrators_find_the_way_to_the_console(signed_in: Client, alice: User) -> None:
    make_administrator(alice)
    assert 'href="/admin/"' in signed_in.get("/account/").content.decode()


def test_changing_the_password_keeps_this_session_and_ends_the_others(signed_in: Client, alice: User) -> None:
    other = Client()
    post_sign_in(other, "alice@acme.example", PASSWORD)
    key = signed_in.session.session_key
    assert change(signed_in).headers["Location"] == "/account/"
    assert has_password(alice, NEW)
    assert "Your password was changed" in signed_in.get("/account/").content.decode()
    assert signed_in.session.session_key != key
    assert not is_signed_in(other)
    user = reloaded(alice)
    assert user.password_changed_at is not None
    assert user.credentials_epoch != alice.credentials_epoch
    (event,) = events(Activity.PASSWORD_CHANGED)
    assert (event.result, event.actor_id, event.target_id) == ("success", alice.pk, alice.pk)


def test_p7_every_address_on_file_hears_of_the_change(signed_in: Client, alice: User) -> None:
    change(signed_in)
    with scopes_disabled():
        messages = list(Message.objects.filter(kind="password_was_changed"))
    assert {message.user_id for message in messages} == {alice.pk}
    assert len(messages) == 2  # alice@home.example and her mail address at acme


def test_all_broken_rules_are_marked_and_nothing_changes(signed_in: Client, alice: User) -> None:
    page = change(signed_in, new="alice!").content.decode()
    assert page.count('class="unmet"') == 2
    assert page.count('class="met"') == 2
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_new_password_error password-rules"' in page
    assert 'id="id_new_password_error"' in page
    assert has_password(alice, PASSWORD)


def test_a_refused_new_password_costs_no_try(signed_in: Client) -> None:
    change(signed_in, new="short")
    assert not SignInLockout.objects.exists()


def test_two_different_new_passwords_are_refused(signed_in: Client, alice: User) -> None:
    assert "The two differ" in change(signed_in, again="violet harbour").content.decode()
    assert has_password(alice, PASSWORD)


def test_the_current_password_is_no_new_one(signed_in: Client) -> None:
    assert "the password you have now." in change(signed_in, new=PASSWORD).content.decode()


def test_e6_no_page_repeats_a_typed_password(signed_in: Client) -> None:
    page = change(signed_in, current="Zx-CANARY-1", new="Zx-CANARY-2", again="Zx-CANARY-3").content.decode()
    assert "CANARY" not in page


@pytest.mark.parametrize("current", ["wrong", f"{PASSWORD}\x00", f" {PASSWORD}", "\x00"])
def test_s8_a_wrong_current_password_changes_nothing(signed_in: Client, alice: User, current: str) -> None:
    page = change(signed_in, current=current).content.decode()
    assert "That isn&#x27;t your current password." in page
    assert 'aria-describedby="id_current_password_error"' in page
    assert has_password(alice, PASSWORD)
    (event,) = events(Activity.PASSWORD_CHANGED)
    assert (event.result, event.reason) == ("failure", "current_password_wrong")


def test_s8_an_empty_or_array_current_password_changes_nothing(signed_in: Client, alice: User) -> None:
    change(signed_in, current="")
    signed_in.post("/account/", {"current_password[]": PASSWORD, "new_password": NEW, "once_more": NEW})
    assert has_password(alice, PASSWORD)


def test_a_stolen_session_cannot_guess_the_current_password(signed_in: Client, alice: User) -> None:
    for number in range(10):
        change(signed_in, current=f"guess {number}")
    assert LOCKED in change(signed_in).content.decode()
    assert has_password(alice, PASSWORD)


def test_a_change_clears_the_lockout(signed_in: Client, alice: User) -> None:
    change(signed_in, current="wrong")
    change(signed_in)
    assert not SignInLockout.objects.exists()
    assert lockout.find_lock(account_key_of(reloaded(alice))) is None


def test_o7_open_invitations_die_with_the_change(signed_in: Client, alice: User) -> None:
    token = invitations.invite(alice)
    change(signed_in)
    assert invitations.find(token) is None
    with scopes_disabled():
        assert Invitation.objects.get().used_at is not None


def test_a_due_change_is_done_once_and_leads_on(client: Client, alice: User) -> None:
    alice.must_change_password = True
    alice.save()
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert "has to be changed" in client.get("/account/").content.decode()
    assert change(client, query="?next=/security-info/").headers["Location"] == "/security-info/"
    assert not reloaded(alice).must_change_password


def test_w8_a_change_leads_to_no_other_host(signed_in: Client) -> None:
    assert change(signed_in, query="?next=//evil.example").headers["Location"] == "/account/"


def test_the_console_stays_open_for_the_session_that_changed(signed_in: Client, alice: User, settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    make_administrator(alice)
    signed_in.post("/signin/code/", {"code": code_of(give_app(alice))})
    change(signed_in)
    assert signed_in.session["console_verified"] == reloaded(alice).credentials_epoch


def test_a_change_opens_no_console_that_was_closed(signed_in: Client, alice: User, settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    make_administrator(alice)
    change(signed_in)
    assert "console_verified" not in signed_in.session


def test_s10_an_account_disabled_meanwhile_is_not_changed(
    signed_in: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = passwords.hash_password

    def disabling(password: str) -> str:
        with scopes_disabled():
            User.objects.filter(pk=alice.pk).update(is_enabled=False)
        return original(password)

    monkeypatch.setattr(passwords, "hash_password", disabling)
    assert "changed elsewhere meanwhile" in change(signed_in).content.decode()
    assert has_password(alice, PASSWORD)
    assert not events(Activity.PASSWORD_CHANGED)


def test_without_a_worker_to_tell_the_owner_nothing_is_changed(signed_in: Client, alice: User) -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()
    assert "nothing was changed" in change(signed_in).content.decode()
    assert has_password(alice, PASSWORD)


def test_a_busy_server_changes_nothing_and_says_so(
    signed_in: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(password: str) -> str:
        raise hashing.Busy

    monkeypatch.setattr(passwords, "hash_password", busy)
    assert "try again in a moment" in change(signed_in).content.decode()
    assert has_password(alice, PASSWORD)


def test_a_directory_password_is_not_changed_without_a_way_to_the_directory(client: Client, acme: Tenant) -> None:
    carol = make_user(acme, "carol@acme.example", PASSWORD)
    post_sign_in(client, "carol@acme.example", PASSWORD)
    with scopes_disabled():
        carol.directory = Directory.objects.create(tenant=acme, name="North", kind=Directory.Kind.OPENLDAP)
        carol.anchor = "3"
        carol.save()
    page = change(client).content.decode()
    assert "Your organisation doesn't let passwords of its directory be changed here." in html.unescape(page)
    assert has_password(carol, PASSWORD)


def test_a_platform_operator_changes_the_password_too(client: Client, executor: Any) -> None:
    operator = make_user(None, "root@platform.example", PASSWORD)  # type: ignore[arg-type]
    post_sign_in(client, "root@platform.example", PASSWORD)
    assert change(client).status_code == 302
    assert has_password(operator, NEW)
    assert events(Activity.PASSWORD_CHANGED)[0].tenant_id is None
