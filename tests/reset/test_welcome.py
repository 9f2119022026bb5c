"""The invitation of a new administrator: link, first password, authenticator app."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, Invitation, Tenant, User
from accounts.visitor import NOBODY
from notifications.models import Message
from reset import invitations
from reset.invitations import Over
from reset.signin import CodeResult
from tests.conftest import make_user
from tests.reset.signing_in import code_of, events, give_app, is_signed_in, make_administrator, post_sign_in, reloaded

NEW = "violet harbour kettle"
OVER = "This link doesn't work any more"


@pytest.fixture
def carol(acme: Tenant) -> User:
    """Invited, and without a password."""
    user = make_user(acme, "carol@acme.example", given_name="Carol")
    make_administrator(user)
    return user


def open_link(client: Client, user: User) -> str:
    token = invitations.invite(user)
    assert client.get(f"/welcome/{token}/").headers["Location"] == "/welcome/"
    return token


def set_password(client: Client, password: str = NEW, again: str | None = None) -> Any:
    return client.post("/welcome/", {"new_password": password, "once_more": password if again is None else again})


def app_of(user: User) -> Authenticator:
    with scopes_disabled():
        app: Authenticator = Authenticator.objects.get(user=user, type=AuthenticatorType.APP)
    return app


def invitation() -> Invitation:
    with scopes_disabled():
        return Invitation.objects.select_related("user__tenant").order_by("-pk")[0]


def test_the_whole_way_from_the_link_to_the_console(client: Client, carol: User, settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    open_link(client, carol)
    page = client.get("/welcome/").content.decode()
    assert "Welcome, Carol" in page
    assert page.count('autocomplete="new-password"') == 2
    assert set_password(client).headers["Location"] == "/welcome/app/"
    page = client.get("/welcome/app/").content.decode()
    assert 'src="data:image/svg+xml' in page
    key = app_of(carol).secret_value
    assert " ".join(key[start : start + 4] for start in range(0, 32, 4)) in page
    code = code_of(app_of(carol))
    assert client.post("/welcome/app/", {"code": code}).headers["Location"] == "/welcome/done/"
    assert "/t/acme/signin/?next=/admin/" in client.get("/welcome/done/").content.decode()
    assert app_of(carol).confirmed_at is not None
    assert not is_signed_in(client)
    post_sign_in(client, "carol@acme.example", NEW)
    assert "used before" in client.post("/signin/code/", {"code": code}).content.decode()
    assert client.post("/signin/code/", {"code": code_of(app_of(carol), steps=1)}).headers["Location"] == "/admin/"


def test_the_use_of_an_invitation_is_recorded(client: Client, carol: User) -> None:
    open_link(client, carol)
    set_password(client)
    client.post("/welcome/app/", {"code": code_of(app_of(carol))})
    (invited,), (used,) = events(Activity.INVITATION_CREATED), events(Activity.INVITATION_USED)
    assert (invited.target_id, used.target_id, used.tenant_id) == (carol.pk, carol.pk, carol.tenant_id)
    assert [event.details for event in events(Activity.PASSWORD_CHANGED)] == [{"by": "invitation"}]
    assert invitation().used_at is not None


def test_w1_a_mail_scanner_that_follows_the_link_uses_nothing_up(carol: User) -> None:
    token = invitations.invite(carol)
    for _ in range(3):
        scanner = Client()
        assert scanner.head(f"/welcome/{token}/").status_code == 302
        assert scanner.get(f"/welcome/{token}/", follow=True).status_code == 200
    assert invitation().used_at is None
    assert not reloaded(carol).has_usable_password()
    assert not events(Activity.INVITATION_USED)


def test_e6_the_token_leaves_the_address_and_stays_out_of_session_and_database(client: Client, carol: User) -> None:
    token = open_link(client, carol)
    assert token not in str(dict(client.session))
    assert token not in client.get("/welcome/").content.decode()
    assert token not in str(vars(invitation()))
    set_password(client)
    assert app_of(carol).secret_value not in str(dict(client.session))


def test_an_unknown_expired_or_used_link_reads_the_same(client: Client, carol: User) -> None:
    token = open_link(client, carol)
    set_password(client)
    client.post("/welcome/app/", {"code": code_of(app_of(carol))})
    expired = invitations.invite(carol, now=timezone.now() - timedelta(hours=24, seconds=1))
    for dead in (token, expired, "unknown", "x" * 5000, "%00", "ünknown"):
        response = client.get(f"/welcome/{dead}/")
        assert response.status_code == 410, dead
        assert OVER in response.content.decode()


def test_a_new_link_ends_the_one_before(carol: User) -> None:
    first = invitations.invite(carol)
    second = invitations.invite(carol)
    assert invitations.find(first) is None
    assert invitations.find(second) is not None


def test_a_link_lives_24_hours(carol: User) -> None:
    now = timezone.now()
    token = invitations.invite(carol, now=now)
    assert invitations.find(token, now + timedelta(hours=23, minutes=59)) is not None
    assert invitations.find(token, now + timedelta(hours=24)) is None


def test_s10_the_link_of_a_disabled_person_is_dead(client: Client, carol: User) -> None:
    token = open_link(client, carol)
    carol.is_enabled = False
    carol.save()
    assert invitations.find(token) is None
    assert set_password(client).status_code == 410
    assert not reloaded(carol).has_usable_password()


@pytest.mark.parametrize("address", ["/welcome/", "/welcome/app/"])
def test_s1_without_an_opened_link_every_page_is_closed(client: Client, carol: User, address: str) -> None:
    invitations.invite(carol)
    assert client.get(address).status_code == 410
    body = {"new_password": NEW, "once_more": NEW, "code": "123456"}
    assert client.post(address, body).status_code == 410
    assert not reloaded(carol).has_usable_password()


def test_s1_the_app_page_comes_after_the_password(client: Client, carol: User) -> None:
    open_link(client, carol)
    assert client.get("/welcome/app/").headers["Location"] == "/welcome/"
    assert client.post("/welcome/app/", {"code": "123456"}).headers["Location"] == "/welcome/"
    assert client.post("/welcome/app/later/").headers["Location"] == "/welcome/"
    assert invitation().used_at is None


def test_s9_a_browser_that_did_not_set_the_password_does_not_see_the_key(client: Client, carol: User) -> None:
    token = open_link(client, carol)
    set_password(client)
    other = Client()
    other.get(f"/welcome/{token}/")
    assert other.get("/welcome/app/").headers["Location"] == "/welcome/"
    set_password(other, "another harbour kettle")
    assert client.get("/welcome/app/").headers["Location"] == "/welcome/"


def test_the_link_may_be_opened_again_until_the_app_is_confirmed(client: Client, carol: User) -> None:
    token = open_link(client, carol)
    set_password(client)
    first = app_of(carol).secret_value
    later = Client()
    later.get(f"/welcome/{token}/")
    assert set_password(later, "another harbour kettle").headers["Location"] == "/welcome/app/"
    assert app_of(carol).secret_value != first
    assert later.post("/welcome/app/", {"code": code_of(app_of(carol))}).headers["Location"] == "/welcome/done/"


def test_a_password_that_breaks_rules_is_not_set(client: Client, carol: User) -> None:
    open_link(client, carol)
    page = set_password(client, "carol!").content.decode()
    assert page.count('class="unmet"') == 2
    assert "The two differ" in set_password(client, again="other").content.decode()
    assert not reloaded(carol).has_usable_password()


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567"])
def test_s2_what_is_no_code_confirms_nothing(client: Client, carol: User, code: str) -> None:
    open_link(client, carol)
    set_password(client)
    assert 'aria-invalid="true"' in client.post("/welcome/app/", {"code": code}).content.decode()
    assert app_of(carol).confirmed_at is None


def test_o1_wrong_codes_are_counted_and_stop_the_right_one(client: Client, carol: User) -> None:
    open_link(client, carol)
    set_password(client)
    wrong = f"{(int(code_of(app_of(carol))) + 500_000) % 1_000_000:06d}"
    for _ in range(5):
        client.post("/welcome/app/", {"code": wrong})
    assert "Wait ten minutes" in client.post("/welcome/app/", {"code": code_of(app_of(carol))}).content.decode()
    assert app_of(carol).confirmed_at is None


def test_an_unconfirmed_key_proves_nothing(client: Client, carol: User) -> None:
    open_link(client, carol)
    set_password(client)
    assert not app_of(carol).proves(imported_counts=True, now=timezone.now() + timedelta(days=30))


def test_a_second_invitation_replaces_password_and_app_and_the_owner_hears(client: Client, alice: User) -> None:
    make_administrator(alice)
    old = give_app(alice)
    open_link(client, alice)
    set_password(client)
    with scopes_disabled():
        pending = Authenticator.objects.get(user=alice, type=AuthenticatorType.APP, confirmed_at=None)
        assert Message.objects.filter(kind="password_was_changed", user_id=alice.pk).count() == 2
    client.post("/welcome/app/", {"code": code_of(pending)})
    assert app_of(alice).pk == pending.pk != old.pk
    assert check_password(NEW, reloaded(alice).password)


def test_where_the_console_asks_for_no_code_the_app_may_wait(client: Client, carol: User) -> None:
    open_link(client, carol)
    set_password(client)
    assert "Go on without an app" in client.get("/welcome/app/").content.decode()
    assert client.post("/welcome/app/later/").headers["Location"] == "/welcome/done/"
    with scopes_disabled():
        assert not Authenticator.objects.filter(user=carol).exists()
    assert invitation().used_at is not None
    assert events(Activity.INVITATION_USED)[0].details == {"by": "invitation", "app": "none"}


def test_where_the_console_asks_for_a_code_the_app_may_not_wait(client: Client, carol: User, settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    open_link(client, carol)
    set_password(client)
    assert "Go on without an app" not in client.get("/welcome/app/").content.decode()
    assert client.post("/welcome/app/later/").headers["Location"] == "/welcome/"
    assert invitation().used_at is None


def test_a_platform_operator_is_invited_too(client: Client, executor: Any) -> None:
    operator = make_user(None, "root@platform.example")  # type: ignore[arg-type]
    open_link(client, operator)
    set_password(client)
    assert client.post("/welcome/app/", {"code": code_of(app_of(operator))}).status_code == 302
    page = client.get("/welcome/done/").content.decode()
    assert re.search(r'href="/signin/\?next=/admin/"', page)
    with scopes_disabled():
        assert AuditEvent.objects.filter(activity=Activity.INVITATION_USED, tenant=None).count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_o4_50_parallel_confirmations_use_an_invitation_once(carol: User) -> None:
    invitations.invite(carol)
    opened = invitation()
    invitations.choose_password(opened, NEW, NOBODY)
    code = code_of(app_of(carol))
    results: list[CodeResult] = []

    def confirm(_: int) -> None:
        try:
            results.append(invitations.confirm_app(invitation(), code, NOBODY))
        except Over:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as threads:
        list(threads.map(confirm, range(50)))
    assert results.count(CodeResult.RIGHT) == 1
    assert len(events(Activity.INVITATION_USED)) == 1
