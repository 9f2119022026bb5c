"""One value that can't be read any more (damaged, or its key is gone) counts as nothing and breaks nothing."""

import logging

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import facts, phone_apps, secrets
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, Tenant, User
from accounts.visitor import NOBODY
from policy.models import ResetPolicy, SignInRule
from reset import explaining, own_account, passkeys, phone_registration, registration, signin
from reset.addresses import addresses_of
from reset.own_challenges import Checked
from reset.requests import NotOffered
from tests import wizard
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, VERIFY, Browser
from tests.reset.phones import Phone, give_phone, make_wakeable
from tests.reset.registering import ADDRESS, answer, begin_proof, code_for, confirm, held
from tests.reset.registering import begin as begin_registering
from tests.reset.signing_in import code_of, give_app, post_sign_in

DAMAGED = b"test1:" + b"x" * 60
FOREIGN = b"gone:" + b"x" * 60
NO_JSON = "not json"


def spoil(row: Authenticator, how: bytes | str) -> Authenticator:
    sealed = secrets.seal(how.encode(), row.place) if isinstance(how, str) else how
    journeys.change(row, sealed=sealed)
    with scopes_disabled():
        return Authenticator.objects.get(pk=row.pk)


@pytest.fixture(params=[DAMAGED, FOREIGN, NO_JSON], ids=["damaged", "foreign key", "no JSON"])
def spoilt(request: pytest.FixtureRequest, alice: User) -> Authenticator:
    """Alice's private address, which nobody can read any more."""
    with scopes_disabled():
        row = alice.authenticators.get(type=AuthenticatorType.EMAIL)
    return spoil(row, request.param)


def warnings(caplog: pytest.LogCaptureFixture, row: Authenticator) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if f"Authenticator {row.pk} can't be read" in line]


def test_it_counts_as_nothing_and_is_logged_once_by_its_id(
    spoilt: Authenticator, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), scopes_disabled():
        known = {one.type: one for one in facts.load([alice], True, timezone.now())[alice.pk].authenticators}
    assert (known[AuthenticatorType.EMAIL].counts, known[AuthenticatorType.EMAIL].mask) == (False, "")
    assert known[AuthenticatorType.MOBILE_PHONE].counts
    (line,) = warnings(caplog, spoilt)
    assert "home.example" not in line


def test_a_reset_goes_on_with_what_can_be_read(spoilt: Authenticator, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    assert {offer.method for offer in client.get(VERIFY).context["offers"]} == {"sms"}
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD
    journeys.set_password(client)
    assert not journeys.has_old_password(alice)
    told = [wizard.contents(message)["recipient"] for message in journeys.messages("password_was_reset")]
    assert told == ["alice@acme.example"], "every address that can be read hears of it"


@pytest.mark.parametrize("how", [DAMAGED, FOREIGN, NO_JSON], ids=["damaged", "foreign key", "no JSON"])
def test_a_phone_that_cannot_be_read_is_unknown_and_the_others_are_asked(
    how: bytes | str, alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    phone, other = give_phone(alice), give_phone(alice)
    assert other.row is not None
    spoil(other.row, how)
    client = Browser()
    challenge = journeys.begin_answering(client, method="app_notification").challenge
    assert challenge is not None
    assert other.call("pending", phone=other.id).status_code == 403
    assert phone.approve(challenge, challenge.shown) == "right"
    assert wizard.answer(client, "").url == PASSWORD


def test_what_is_spoilt_on_the_way_is_a_reset_that_stops(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    with scopes_disabled():
        spoil(alice.authenticators.get(type=AuthenticatorType.EMAIL), DAMAGED)
    assert wizard.choose(client, "email").url == "/reset/status/"
    app, other = give_app(alice), Browser()
    journeys.begin_answering(other, method="app_code")
    code = code_of(app)
    spoil(app, DAMAGED)
    assert wizard.answer(other, code).status_code == 200
    assert journeys.newest().passed == []


def test_notices_go_to_all_addresses_that_can_be_read(
    spoilt: Authenticator, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    make_authenticator(alice, AuthenticatorType.EMAIL, "alice@second.example")
    with caplog.at_level(logging.WARNING), scopes_disabled():
        assert addresses_of(alice) == ["alice@second.example", "alice@acme.example"]
    assert len(warnings(caplog, spoilt)) == 1


def test_its_owner_sees_that_it_can_not_be_read_and_may_remove_it(
    spoilt: Authenticator, alice: User, open_policy: ResetPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    client = Browser()
    post_sign_in(client, "alice@acme.example", "old-password-1")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        page = client.get("/security-info/").content.decode()
    assert "can&#x27;t be read" in page
    assert len(warnings(caplog, spoilt)) == 1
    assert client.get(f"/security-info/{spoilt.pk}/").status_code == 200
    with scopes_disabled():
        given_out = own_account.data_of(alice, timezone.now())["methods"]
        assert [method["value"] for method in given_out] == ["", "+4915112345647"]
        assert registration.remove(alice, spoilt.pk, NOBODY, timezone.now())


def test_the_console_shows_it_and_everybody_else(
    spoilt: Authenticator, alice: User, bob: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    console = signed_in(make_administrator(acme, "grace@acme.example"))
    people = console.get("/admin/accounts/user/")
    rows = {row.pk: row.registration for row in people.context["cl"].result_list}
    assert (rows[alice.pk].is_registered, rows[bob.pk].is_registered) == (True, True)
    for address in (f"/admin/accounts/user/{alice.pk}/change/", "/admin/accounts/authenticator/"):
        assert "can&#x27;t be read" in console.get(address).content.decode()
    gone = console.post(f"/admin/accounts/authenticator/{spoilt.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302
    with scopes_disabled():
        assert not Authenticator.objects.filter(pk=spoilt.pk).exists()


def test_explaining_names_it_and_the_cure(spoilt: Authenticator, alice: User, open_policy: ResetPolicy) -> None:
    lines = [(str(line.verdict), str(line.cure)) for line in explaining.explain_user(alice)]
    assert ("does not count: it can't be read", next(cure for _, cure in lines if "SEALING_KEYS" in cure)) in lines


def test_registering_another_goes_on(spoilt: Authenticator, alice: User, open_policy: ResetPolicy) -> None:
    with scopes_disabled():
        challenge = begin_registering(alice, Method.EMAIL, ADDRESS)
        assert confirm(challenge, code_for(challenge)) == Checked.RIGHT
        assert [row.is_readable for row in held(alice, AuthenticatorType.EMAIL)] == [False, True]


def test_it_proves_nothing_before_a_change(alice: User) -> None:
    app = give_app(alice)
    with scopes_disabled():
        challenge = begin_proof(alice, app)
        code = code_of(app)
        app = spoil(app, DAMAGED)
        assert answer(challenge, code) == Checked.WRONG
        with pytest.raises(NotOffered):
            begin_proof(alice, app)


def test_an_app_that_can_not_be_read_opens_no_console_and_is_no_fault(acme: Tenant, alice: User) -> None:
    good, bad = give_app(alice), give_app(alice)
    code = code_of(good)
    spoil(bad, FOREIGN)
    assert [app.pk for app in signin.apps_of(alice)] == [good.pk]
    assert signin.enter_console(alice, code, NOBODY) == signin.CodeResult.RIGHT


def test_s3_an_app_that_can_not_be_read_leaves_no_sign_in_to_the_password_alone(
    client: Browser, acme: Tenant, alice: User, open_policy: ResetPolicy
) -> None:
    with scopes_disabled():
        SignInRule.objects.create(tenant=acme, audience="everybody")
        Authenticator.objects.filter(user=alice).delete()
    app = spoil(give_app(alice), FOREIGN)
    verify = post_sign_in(client, journeys.ALICE, "old-password-1").url
    assert verify == "/signin/verify/"
    page = client.get(verify)
    assert "none of the ways you have registered works just now" in page.content.decode()
    assert client.post(verify, {"offer": f"app_code:{app.pk}"}).status_code == 200
    assert client.get("/security-info/add/sms/").url.startswith("/signin/")
    with scopes_disabled():
        app.delete()
    assert post_sign_in(client, journeys.ALICE, "old-password-1").url == "/security-info/setup/"


def test_a_passkey_that_can_not_be_read_answers_nothing(alice: User) -> None:
    bad = spoil(make_authenticator(alice, AuthenticatorType.PASSKEY, '["aa", "bb"]'), DAMAGED)
    with scopes_disabled():
        assert passkeys.read_answer("x", alice.pk, "{}") is None
        assert passkeys.creation_options("x", alice, [bad])


def test_a_phone_that_can_not_be_read_keeps_no_other_from_being_asked(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    phone, other = give_phone(alice), give_phone(alice)
    make_wakeable(other)
    assert phone.row is not None
    spoil(phone.row, FOREIGN)
    challenge = journeys.begin_answering(Browser(), journeys.ALICE, "app_notification").challenge
    assert challenge is not None
    assert len(journeys.messages("prompt")) == 1
    assert other.approve(challenge, challenge.shown) == "right"
    assert phone.call("pending", phone=phone.id).status_code == 403
    with scopes_disabled():
        phone_apps.drop_subscription(phone.id, "https://push.example/one")


def test_registering_another_phone_goes_on(acme: Tenant, alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    spoilt = give_phone(alice).row
    assert spoilt is not None
    spoil(spoilt, FOREIGN)
    phone, now = Phone(), timezone.now()
    with scopes_disabled():
        challenge = phone_registration.begin(alice, "", "en", NOBODY, now)
        number = phone.call("enrol", code=phone_registration.code_of(challenge), key=phone.key).json()["number"]
        challenge.refresh_from_db()
        assert phone_registration.confirm(challenge, number, NOBODY, now) == Checked.RIGHT
    told = phone.call("enrolled", key=phone.key, enrolment=str(challenge.pk)).json()
    assert told["state"] == "registered"


def test_a_new_value_can_be_read_again(spoilt: Authenticator) -> None:
    assert not spoilt.is_readable
    spoilt.set_value("alice@new.example")
    assert (spoilt.readable_value, spoilt.is_readable) == ("alice@new.example", True)
