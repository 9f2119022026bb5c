"""Signing in and out, the sign-in lockout, and the app code before the console."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import Activity
from accounts.models import Tenant, User
from accounts.visitor import Visitor
from policy import hashing, lockout, passwords, throttle
from policy.models import Counter, SignInLockout
from reset import signin
from reset.password_proof import Failure, account_key_of
from tests.conftest import make_tenant, make_user
from tests.reset import journeys
from tests.reset.signing_in import (
    LOCKED,
    NEUTRAL,
    PASSWORD,
    code_of,
    events,
    give_app,
    is_signed_in,
    make_administrator,
    post_sign_in,
    reloaded,
)

OFFICE = Visitor("192.0.2.7", "Firefox")


def test_the_page_names_its_fields_for_password_managers(client: Client, db: Any) -> None:
    page = client.get("/signin/").content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "<label" in page
    assert "/reset/" in page


def test_the_name_and_the_organisation_may_stand_in_the_address(client: Client, acme: Tenant, globex: Tenant) -> None:
    page = client.get("/signin/?username=alice@acme.example&whr=acme.example").content.decode()
    assert 'value="alice@acme.example"' in page
    assert "· Acme" in page


def test_the_right_password_opens_the_account(client: Client, alice: User) -> None:
    response = post_sign_in(client, "ALICE@acme.example ", PASSWORD)
    assert (response.status_code, response.headers["Location"]) == (302, "/account/")
    assert "Alice" in client.get("/account/").content.decode()
    (event,) = events(Activity.SIGNED_IN)
    assert (event.actor_id, event.tenant_id, event.client_address) == (alice.pk, alice.tenant_id, "127.0.0.1")
    assert reloaded(alice).last_login is not None


def test_a_wrong_password_opens_nothing_and_is_recorded(client: Client, alice: User) -> None:
    response = post_sign_in(client, "alice@acme.example", "Zx-CANARY-wrong")
    page = response.content.decode()
    assert NEUTRAL in page
    assert "CANARY" not in page
    assert 'role="alert"' in page
    assert not is_signed_in(client)
    (event,) = events(Activity.SIGN_IN_FAILED)
    assert (event.reason, event.target_id, event.actor_id) == ("wrong_password", alice.pk, None)
    assert "CANARY" not in str(vars(event))


def test_an_empty_form_says_what_is_missing_at_its_fields(client: Client, db: Any) -> None:
    page = post_sign_in(client, "", "").content.decode()
    assert "Type your user name." in page
    assert "Type your password." in page
    assert page.count('aria-invalid="true"') == 2
    assert 'aria-describedby="id_password_error"' in page
    assert 'id="id_password_error"' in page
    assert not Counter.objects.exists()


def test_people_of_customers_sign_in_at_their_own_address_only(client: Client, executor: Any) -> None:
    shop = make_tenant("shop", "shop.example", kind=Tenant.Kind.CUSTOMERS)
    make_user(shop, "frida", PASSWORD)
    assert NEUTRAL in post_sign_in(client, "frida", PASSWORD).content.decode()
    assert post_sign_in(client, "frida", PASSWORD, "/t/shop/signin/").status_code == 302


def test_the_only_organisation_needs_no_domain_in_the_name(client: Client, acme: Tenant) -> None:
    make_user(acme, "reception", PASSWORD)
    assert post_sign_in(client, "reception", PASSWORD).status_code == 302


def test_the_same_name_in_two_tenants_is_two_accounts(client: Client, acme: Tenant, globex: Tenant) -> None:
    make_user(acme, "sam", "password-at-acme")
    make_user(globex, "sam", "password-at-globex")
    assert NEUTRAL in post_sign_in(client, "sam", "password-at-acme", "/t/globex/signin/").content.decode()
    assert post_sign_in(client, "sam", "password-at-globex", "/t/globex/signin/").status_code == 302


def test_an_unknown_organisation_in_the_address_is_not_found(client: Client, acme: Tenant) -> None:
    assert client.get("/t/nowhere/signin/").status_code == 404


def test_a_platform_operator_signs_in_at_the_common_address_and_nowhere_else(client: Client, acme: Tenant) -> None:
    make_user(None, "root@platform.example", PASSWORD)  # type: ignore[arg-type]
    assert NEUTRAL in post_sign_in(client, "root@platform.example", PASSWORD, "/t/acme/signin/").content.decode()
    assert post_sign_in(client, "root@platform.example", PASSWORD).status_code == 302
    assert is_signed_in(client)


def test_a_tenant_cannot_shadow_a_platform_operator(client: Client, acme: Tenant) -> None:
    operator = make_user(None, "root@acme.example", "password-of-operator")  # type: ignore[arg-type]
    make_user(acme, "root@acme.example", "password-of-person")
    post_sign_in(client, "root@acme.example", "password-of-operator")
    assert events(Activity.SIGNED_IN)[0].actor_id == operator.pk
    assert NEUTRAL in post_sign_in(Client(), "root@acme.example", "password-of-person").content.decode()


def test_a_signed_in_person_is_sent_on(client: Client, alice: User) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert client.get("/signin/").headers["Location"] == "/account/"
    assert client.get("/signin/?next=/admin/").headers["Location"] == "/account/"


def test_the_language_of_the_account_is_remembered_unless_another_was_chosen(client: Client, acme: Tenant) -> None:
    make_user(acme, "dora@acme.example", PASSWORD, language="de")
    assert post_sign_in(client, "dora@acme.example", PASSWORD).cookies["language"].value == "de"
    other = Client()
    other.cookies["language"] = "fr"
    assert "language" not in post_sign_in(other, "dora@acme.example", PASSWORD).cookies


def test_signing_in_needs_no_more_than_one_page_when_a_password_change_is_due(client: Client, alice: User) -> None:
    alice.must_change_password = True
    alice.save()
    response = post_sign_in(client, "alice@acme.example", PASSWORD, "/signin/?next=/security-info/")
    assert response.headers["Location"] == "/account/?next=%2Fsecurity-info%2F"
    assert "has to be changed" in client.get(response.headers["Location"]).content.decode()


# --- lockout ------------------------------------------------------------------------------------------------------


def miss_often(times: int, name: str = "alice@acme.example") -> None:
    for number in range(times):
        signin.attempt(name, f"guess {number}", tenant=None, visitor=OFFICE)


@pytest.mark.parametrize("name", ["alice@acme.example", "nobody@acme.example"])
def test_after_ten_misses_everybody_reads_the_same_and_waits(client: Client, alice: User, name: str) -> None:
    for number in range(10):
        assert NEUTRAL in post_sign_in(client, name, f"guess {number}").content.decode()
    assert LOCKED in post_sign_in(client, name, "guess 10").content.decode()
    assert LOCKED in post_sign_in(client, name, PASSWORD).content.decode()
    assert events(Activity.SIGN_IN_FAILED)[-1].reason == "locked"


def test_a_lock_ends_by_itself_and_the_right_password_forgets_the_misses(alice: User) -> None:
    miss_often(10)
    later = timezone.now() + timedelta(seconds=61)
    outcome = signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE, now=later)
    assert outcome.user == alice
    assert not SignInLockout.objects.exists()


def test_o5_case_and_spaces_in_the_name_are_one_account(alice: User) -> None:
    for name in ("Alice@acme.example", " alice@ACME.example", "ALICE@ACME.EXAMPLE", "alice@acme.example"):
        for number in range(3):
            signin.attempt(name, f"{name} {number}", tenant=None, visitor=OFFICE)
    assert lockout.find_lock(account_key_of(alice)) is not None


def test_new_credentials_alone_open_no_locked_account(alice: User) -> None:
    miss_often(11)
    journeys.change(alice, credentials_epoch="0" * 32)
    assert signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE).user is None


def test_a_completed_reset_opens_a_locked_account(alice: User) -> None:
    miss_often(11)
    journeys.change(alice, failures_epoch="0" * 32)
    assert signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE).user == alice


def test_clearing_the_lockout_opens_a_locked_account(alice: User) -> None:
    miss_often(11)
    lockout.clear(account_key_of(alice))
    assert signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE).user == alice


def test_p6_a_used_up_reset_throttle_never_stops_a_sign_in(alice: User) -> None:
    for _ in range(20):
        throttle.count(throttle.Use(throttle.FAILURES_OF_ACCOUNT, account_key_of(alice)))
    assert signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE).user == alice


def test_an_address_that_fails_too_often_waits_whatever_the_name(client: Client, alice: User) -> None:
    for _ in range(100):
        throttle.count(throttle.Use(throttle.SIGN_INS_FROM_ADDRESS, "127.0.0.1"))
    for name in ("alice@acme.example", "nobody@acme.example"):
        assert "Too many tries from your network" in post_sign_in(client, name, PASSWORD).content.decode()


def test_successful_sign_ins_do_not_count_against_their_address(alice: User) -> None:
    for _ in range(3):
        signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE)
    signin.attempt("alice@acme.example", "wrong", tenant=None, visitor=OFFICE)
    (state,) = throttle.look(throttle.Use(throttle.SIGN_INS_FROM_ADDRESS, OFFICE.network))
    assert state.count == 1


def test_a_wrong_password_is_counted_before_it_is_compared(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(password: str, encoded: str) -> bool:
        assert SignInLockout.objects.get().misses == 1
        raise RuntimeError("the hasher broke")

    monkeypatch.setattr(passwords, "verify", fails)
    with pytest.raises(RuntimeError):
        signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE)
    assert SignInLockout.objects.get().misses == 1


def test_a_busy_server_says_so_and_signs_nobody_in(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(password: str, encoded: str) -> bool:
        raise hashing.Busy

    monkeypatch.setattr(passwords, "verify", busy)
    assert "please try again in a moment" in post_sign_in(client, "alice@acme.example", PASSWORD).content.decode()
    assert events(Activity.SIGN_IN_FAILED)[0].reason == "busy"
    assert not is_signed_in(client)


def test_s10_an_account_disabled_during_the_comparison_stays_out(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def disabling(password: str, encoded: str) -> bool:
        alice.is_enabled = False
        alice.save()
        return True

    monkeypatch.setattr(passwords, "verify", disabling)
    outcome = signin.attempt("alice@acme.example", PASSWORD, tenant=None, visitor=OFFICE)
    assert (outcome.user, outcome.failure) == (None, Failure.WRONG)
    assert SignInLockout.objects.get().last_wrong == []
    assert events(Activity.SIGN_IN_FAILED)[0].reason == "account_changed"


# --- signing out --------------------------------------------------------------------------------------------------


def test_only_a_post_signs_out(client: Client, alice: User) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert "Sign out?" in client.get("/signout/").content.decode()
    assert is_signed_in(client)
    assert client.post("/signout/").headers["Location"] == "/signout/"
    assert "You are signed out" in client.get("/signout/").content.decode()
    assert not is_signed_in(client)
    (event,) = events(Activity.SIGNED_OUT)
    assert event.actor_id == alice.pk


def test_signing_out_twice_is_no_fault(client: Client, db: Any) -> None:
    assert client.post("/signout/").status_code == 302


# --- the app code before the console ------------------------------------------------------------------------------


@pytest.fixture
def console_asks(settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True


def test_an_administrator_on_the_way_to_the_console_is_asked_for_the_app_code(
    client: Client, alice: User, console_asks: None
) -> None:
    make_administrator(alice)
    app = give_app(alice)
    response = post_sign_in(client, "alice@acme.example", PASSWORD, "/signin/?next=/admin/accounts/")
    assert response.headers["Location"] == "/signin/code/?next=%2Fadmin%2Faccounts%2F"
    assert 'autocomplete="one-time-code"' in client.get(response.headers["Location"]).content.decode()
    assert "console_verified" not in client.session
    key = client.session.session_key
    response = client.post(response.headers["Location"], {"code": code_of(app)})
    assert response.headers["Location"] == "/admin/accounts/"
    assert client.session["console_verified"] == alice.credentials_epoch
    assert client.session.session_key != key
    assert events(Activity.SIGNED_IN)[-1].details == {"for": "console"}


def test_without_the_setting_an_administrator_goes_straight_to_the_console(client: Client, alice: User) -> None:
    make_administrator(alice)
    response = post_sign_in(client, "alice@acme.example", PASSWORD, "/signin/?next=/admin/")
    assert response.headers["Location"] == "/admin/"


def test_a_code_may_be_typed_in_two_groups(client: Client, alice: User, console_asks: None) -> None:
    make_administrator(alice)
    app = give_app(alice)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    code = code_of(app)
    assert client.post("/signin/code/", {"code": f" {code[:3]} {code[3:]}"}).headers["Location"] == "/admin/"


def test_o10_a_used_code_opens_no_second_session(client: Client, alice: User, console_asks: None) -> None:
    make_administrator(alice)
    code = code_of(give_app(alice))
    other = Client()
    for browser in (client, other):
        post_sign_in(browser, "alice@acme.example", PASSWORD)
    assert client.post("/signin/code/", {"code": code}).status_code == 302
    assert "used before" in other.post("/signin/code/", {"code": code}).content.decode()
    assert "console_verified" not in other.session


def test_o1_after_five_wrong_codes_the_right_one_waits_too(client: Client, alice: User, console_asks: None) -> None:
    make_administrator(alice)
    app = give_app(alice)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    wrong = f"{(int(code_of(app)) + 500_000) % 1_000_000:06d}"
    for _ in range(5):
        assert "isn&#x27;t right" in client.post("/signin/code/", {"code": wrong}).content.decode()
    assert "Wait ten minutes" in client.post("/signin/code/", {"code": code_of(app)}).content.decode()
    assert "console_verified" not in client.session
    assert [event.reason for event in events(Activity.SIGN_IN_FAILED)] == ["app_code_wrong"] * 5 + [
        "app_code_throttled"
    ]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "null", "١٢٣٤٥٦", "x" * 10_000])
def test_s2_what_is_no_code_opens_nothing(client: Client, alice: User, console_asks: None, code: str) -> None:
    make_administrator(alice)
    give_app(alice)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    response = client.post("/signin/code/", {"code": code})
    assert response.status_code == 200
    assert 'aria-invalid="true"' in response.content.decode()
    assert "console_verified" not in client.session


def test_an_administrator_without_an_app_is_told_to_ask_for_an_invitation(
    client: Client, alice: User, console_asks: None
) -> None:
    make_administrator(alice)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert "invitation link" in client.get("/signin/code/").content.decode()


def test_an_app_that_was_never_confirmed_opens_nothing(client: Client, alice: User, console_asks: None) -> None:
    make_administrator(alice)
    app = give_app(alice)
    app.confirmed_at = None
    app.save()
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert "invitation link" in client.post("/signin/code/", {"code": code_of(app)}).content.decode()
    assert "console_verified" not in client.session


def test_p9_another_persons_code_opens_nothing(client: Client, alice: User, bob: User, console_asks: None) -> None:
    make_administrator(alice)
    give_app(alice)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    client.post("/signin/code/", {"code": code_of(give_app(bob))})
    assert "console_verified" not in client.session


def test_the_code_page_is_for_signed_in_administrators_only(client: Client, alice: User, console_asks: None) -> None:
    assert client.get("/signin/code/").headers["Location"] == "/signin/?next=/signin/code/"
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert client.get("/signin/code/").headers["Location"] == "/account/"


def test_a_due_password_change_comes_before_the_console(client: Client, alice: User, console_asks: None) -> None:
    make_administrator(alice)
    give_app(alice)
    alice.must_change_password = True
    alice.save()
    response = post_sign_in(client, "alice@acme.example", PASSWORD, "/signin/?next=/admin/")
    assert response.headers["Location"].startswith("/account/")
    assert client.get("/signin/code/").headers["Location"].startswith("/account/")
