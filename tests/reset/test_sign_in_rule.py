"""Who has to give a second proof at sign-in and holds nothing for it registers a method first, and can't get around that."""

from typing import Any

import pytest
from django.test import Client
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Group, Tenant, User
from policy.models import ResetPolicy, SignInRule
from policy.models.signin import SignInRuleGroup
from tests import wizard
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.registering import NUMBER
from tests.reset.signing_in import events, give_app, is_signed_in, post_sign_in
from tests.reset.signing_in import make_administrator as give_role
from tests.reset.test_security_info import text_of
from tests.reset.test_security_setup import register_address

INFO, SETUP, VERIFY = "/security-info/", "/security-info/setup/", "/signin/verify/"
NAME, SECRET = "carol@acme.example", "old-password-3"
ADD = "/admin/policy/signinrule/add/"


@pytest.fixture
def rule(acme: Tenant, open_policy: ResetPolicy) -> SignInRule:
    with scopes_disabled():
        return SignInRule.objects.create(tenant=acme, audience="everybody")


@pytest.fixture
def carol(acme: Tenant, rule: SignInRule) -> User:
    """Has a password and no method."""
    return make_user(acme, NAME, SECRET, given_name="Carol")


def register_phone(client: Any) -> Any:
    place = client.post(f"{INFO}add/sms/", {"number": NUMBER}).url
    return client.post(place, {"code": wizard.last_code()})


def prove(client: Any) -> None:
    """Before the next method is added, with the one just registered."""
    offer = client.get(f"{INFO}prove/").context["offers"][0]
    place = client.post(f"{INFO}prove/", {"offer": f"{offer.method}:{offer.authenticator_id}"}).url
    assert client.post(place, {"code": wizard.last_code()}).url == INFO


# --- setting it up first ------------------------------------------------------------------------------------------


def test_who_holds_nothing_for_sign_in_registers_it_first_and_goes_on(client: Any, carol: User) -> None:
    assert post_sign_in(client, NAME, SECRET, "/signin/?next=/account/activity/").url == SETUP
    page = client.get(SETUP)
    assert "It can't be put off." in text_of(page)
    assert "Not now" not in text_of(page)
    others = ["sms", "passkey", "app_notification", "office_call", "recovery_code"]
    assert (page.context["first"], page.context["others"]) == ("app_code", others)
    assert register_phone(client).url == SETUP
    assert client.post(SETUP, {"action": "confirm"}).url == "/account/activity/"
    assert is_signed_in(client)
    client.post("/signout/")
    assert post_sign_in(client, NAME, SECRET).url == VERIFY


@pytest.mark.parametrize(
    "address", ["/account/", "/account/activity/", "/account/data.json", INFO, "/account/language/"]
)
def test_until_then_everything_else_leads_back(client: Any, carol: User, address: str) -> None:
    post_sign_in(client, NAME, SECRET)
    assert client.get(address).url == SETUP
    assert client.post(address, {"language": "de"}).url == SETUP
    assert client.post(SETUP, {"action": "skip"}).status_code == 200
    assert client.post(SETUP, {"action": "confirm"}).status_code == 200


def test_until_then_what_does_not_count_at_sign_in_can_not_be_added(client: Any, carol: User) -> None:
    post_sign_in(client, NAME, SECRET)
    assert client.get(f"{INFO}add/email/").url == SETUP
    assert client.post(f"{INFO}add/email/", {"address": "carol@home.example"}).url == SETUP


def test_until_then_the_console_stays_closed(client: Any, carol: User, settings: Any) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = False
    give_role(carol)
    post_sign_in(client, NAME, SECRET)
    assert client.get("/admin/").url == "/signin/?next=/admin/"
    assert client.get("/signin/?next=/admin/").url == SETUP


def test_recovery_codes_are_shown_whole_and_end_the_setup(client: Any, carol: User) -> None:
    post_sign_in(client, NAME, SECRET)
    page = client.post(f"{INFO}add/recovery_code/", {})
    assert len(page.context["codes"]) == 10
    assert client.get("/account/").status_code == 200


def test_a_mailbox_held_is_proved_before_anything_is_added(client: Any, carol: User) -> None:
    """The password alone adds nothing where more is known of the person."""
    make_authenticator(carol, AuthenticatorType.EMAIL, "carol@home.example")
    assert post_sign_in(client, NAME, SECRET).url == SETUP
    assert client.get(f"{INFO}add/sms/").url.startswith(f"{INFO}prove/")


def test_what_was_registered_elsewhere_meanwhile_has_to_be_proved(client: Any, carol: User) -> None:
    post_sign_in(client, NAME, SECRET)
    place = client.post(f"{INFO}add/app_code/", {}).url
    give_app(carol)
    assert client.get(place).url == "/signin/"
    assert not is_signed_in(client)
    assert post_sign_in(client, NAME, SECRET).url == VERIFY


def test_a_due_password_change_comes_before_the_method(client: Any, carol: User) -> None:
    journeys.change(carol, must_change_password=True)
    assert post_sign_in(client, NAME, SECRET).url == "/account/"
    fields = {"current_password": SECRET, "new_password": journeys.NEW, "once_more": journeys.NEW}
    assert client.post("/account/", fields).url == SETUP
    assert client.get("/account/").url == SETUP
    client.get(SETUP)
    register_phone(client)
    assert client.post(SETUP, {"action": "confirm"}).url == "/account/"
    assert client.get("/account/").status_code == 200


def test_when_the_rule_is_lifted_meanwhile_everything_opens(client: Any, carol: User, rule: SignInRule) -> None:
    post_sign_in(client, NAME, SECRET)
    journeys.change(rule, audience="nobody")
    assert client.get("/account/").url == SETUP
    client.get(SETUP)
    assert client.get("/account/").status_code == 200


def test_one_method_for_both_and_one_more_for_the_reset(client: Any, carol: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    post_sign_in(client, NAME, SECRET)
    assert "register 2 more ways" in text_of(client.get(SETUP))
    register_phone(client)
    page = client.get(SETUP)
    assert "register one more way" in text_of(page)
    assert (page.context["first"], page.context["others"]) == ("app_code", ["email"])
    assert "Not now" in text_of(page), "the reset policy says that this may be put off"
    prove(client)
    register_address(client)
    assert "Is this still right?" in text_of(client.get(SETUP))


def test_a_method_that_only_sign_in_takes_may_be_registered(client: Any, carol: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    post_sign_in(client, NAME, SECRET)
    assert "register 2 more ways" in text_of(client.get(SETUP))
    register_phone(client)
    prove(client)
    register_address(client)
    client.post(SETUP, {"action": "confirm"})
    for_sign_in = {"passkey", "app_notification", "app_code", "sms", "office_call", "recovery_code"}
    assert set(client.get(INFO).context["add"]) == {"email", *for_sign_in}


def test_without_any_reset_policy_only_sign_in_asks(client: Any, carol: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, audience="nobody")
    post_sign_in(client, NAME, SECRET)
    assert "register one more way" in text_of(client.get(SETUP))
    register_phone(client)
    assert client.post(SETUP, {"action": "confirm"}).url == "/account/"


def test_removing_the_last_method_for_sign_in_warns_at_once(client: Any, acme: Tenant, carol: User) -> None:
    make_authenticator(carol, AuthenticatorType.EMAIL, "carol@home.example")
    app = give_app(carol)
    client.force_login(carol)
    assert "none that counts there" in text_of(client.get(f"{INFO}{app.pk}/"))
    give_app(carol)
    assert "none that counts there" not in text_of(client.get(f"{INFO}{app.pk}/"))


def test_somebody_signed_in_before_the_rule_came_is_told(client: Any, acme: Tenant, carol: User) -> None:
    client.force_login(carol)
    assert "The next sign-in will ask you to register one." in text_of(client.get(INFO))


# --- the console's page -------------------------------------------------------------------------------------------


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def form(**fields: Any) -> dict[str, Any]:
    return {"audience": "everybody", "rule_groups-TOTAL_FORMS": "0", "rule_groups-INITIAL_FORMS": "0", **fields}


def test_the_rule_is_set_in_the_console_and_recorded(console: Client, acme: Tenant) -> None:
    assert console.post(ADD, form()).status_code == 302
    (row,) = SignInRule._base_manager.all()
    assert (row.tenant, row.audience) == (acme, "everybody")
    assert events(Activity.POLICY_CHANGED)[0].details["model"] == "policy.signinrule"
    assert console.get(ADD).status_code == 403, "one for each organisation"


def test_groups_without_a_group_ask_nobody_and_the_console_says_so(console: Any) -> None:
    page = console.post(ADD, form(audience="groups"), follow=True)
    assert "No group is chosen, so nobody is asked for a second proof." in page.content.decode()


def test_a_group_of_another_organisation_can_not_be_chosen(console: Any, acme: Tenant, globex: Tenant) -> None:
    with scopes_disabled():
        theirs, ours = (Group.objects.create(tenant=tenant, name="Staff") for tenant in (globex, acme))
    chosen = {"rule_groups-TOTAL_FORMS": "1", "rule_groups-0-group": str(theirs.pk)}
    assert console.post(ADD, form(audience="groups", **chosen)).status_code == 200
    assert not SignInRuleGroup.objects.exists()
    chosen["rule_groups-0-group"] = str(ours.pk)
    assert console.post(ADD, form(audience="groups", **chosen)).status_code == 302
    assert SignInRuleGroup.objects.get().group_id == ours.pk


def test_other_organisations_people_are_not_asked(client: Any, globex: Tenant, rule: SignInRule) -> None:
    give_app(make_user(globex, "gil@globex.example", SECRET))
    assert post_sign_in(Browser(), "gil@globex.example", SECRET).url == "/account/"
