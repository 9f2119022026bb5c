"""Who hears of a reset, and what the mail does and doesn't say."""

import pytest
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, Tenant, User
from accounts.roles import Role
from policy.models import ResetPolicy
from reset import invitations
from tests import wizard
from tests.administrators import make_administrator
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.journeys import NEW, STATUS, Browser
from tests.reset.signing_in import give_app
from tests.reset.signing_in import make_administrator as give_role


def told(kind: str = "password_was_reset") -> set[str]:
    return {wizard.contents(message)["recipient"] for message in journeys.messages(kind)}


def test_p7_every_address_on_file_hears_and_none_twice(alice: User, open_policy: ResetPolicy) -> None:
    make_authenticator(alice, AuthenticatorType.EMAIL, "alice@second.example", confirmed_at=None)
    make_authenticator(alice, AuthenticatorType.EMAIL, "ALICE@acme.example")
    journeys.finish(Browser())
    assert {address.lower() for address in told()} == {
        "alice@home.example",
        "alice@second.example",
        "alice@acme.example",
    }
    assert len(journeys.messages("password_was_reset")) == 3


def test_p7_the_note_says_when_from_where_and_how_and_no_secret(alice: User, open_policy: ResetPolicy) -> None:
    journeys.finish(Browser(REMOTE_ADDR="192.0.2.7", headers={"User-Agent": "Phone browser"}))
    context = wizard.contents(journeys.messages("password_was_reset")[0])["context"]
    assert (context["address"], context["client"], context["kinds"]) == ("192.0.2.7", "Phone browser", "mail")
    assert context["when"].startswith("20")
    text = str(context)
    assert NEW not in text
    assert "/signin" not in text
    assert "/reset/" not in text


def phone_only(user: User) -> None:
    with scopes_disabled():
        Authenticator.objects.filter(user=user, type="email").delete()
    journeys.change(user, mail="", mail_key="")


def reset_by_text() -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    wizard.answer(client, wizard.last_code())
    assert journeys.set_password(client).url == STATUS


@pytest.mark.parametrize("verified", [True, False])
def test_without_an_address_the_user_name_hears_if_its_domain_is_verified(
    verified: bool, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    phone_only(alice)
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    wizard.answer(client, wizard.last_code())
    if not verified:
        with scopes_disabled():
            Domain.objects.filter(tenant=acme).update(verified_at=None)
    assert journeys.set_password(client).url == STATUS
    assert told() == ({journeys.ALICE} if verified else set())


def test_a_policy_may_leave_people_untold_and_the_page_does_not_claim_otherwise(
    alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, notify_users=False)
    client = Browser()
    journeys.finish(client)
    assert told() == set()
    page = client.get(STATUS).content.decode()
    assert "Your password was changed" in page
    assert "We sent a note" not in page


def reset_administrator() -> None:
    """Alice, with two gates."""
    client = Browser()
    journeys.begin_answering(client)
    wizard.answer(client, wizard.last_code())
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    wizard.answer(client, wizard.last_code())
    assert journeys.set_password(client).url == STATUS


@pytest.mark.parametrize(("notice", "helpdesk_hears"), [("global", False), ("all", True)])
def test_when_an_administrator_was_reset_the_others_hear_and_never_that_one(
    notice: str, helpdesk_hears: bool, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    give_role(alice, Role.GLOBAL_ADMINISTRATOR)
    journeys.change(acme, administrator_notice=notice)
    make_administrator(acme, "carol@acme.example", Role.GLOBAL_ADMINISTRATOR)
    make_administrator(acme, "dave@acme.example", Role.HELPDESK_ADMINISTRATOR)
    reset_administrator()
    expected = {"carol@acme.example"} | ({"dave@acme.example"} if helpdesk_hears else set())
    assert told("administrator_was_reset") == expected


def test_administrators_of_other_organisations_hear_nothing(
    alice: User, globex: Tenant, open_policy: ResetPolicy
) -> None:
    give_role(alice, Role.HELPDESK_ADMINISTRATOR)
    make_administrator(globex, "mallory@globex.example", Role.GLOBAL_ADMINISTRATOR)
    reset_administrator()
    assert told("administrator_was_reset") == set()


def test_a_users_reset_is_not_told_to_administrators(alice: User, acme: Tenant, open_policy: ResetPolicy) -> None:
    make_administrator(acme, "carol@acme.example", Role.GLOBAL_ADMINISTRATOR)
    reset_by_text()
    assert told("administrator_was_reset") == set()


def test_an_administrator_needs_two_kinds_whatever_the_policy_says(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    give_role(alice, Role.REPORTS_READER)
    give_role(bob, Role.REPORTS_READER)
    assert journeys.begin(Browser()).gates_required == 2
    assert journeys.begin(Browser(), "bob@acme.example").user_id is None, "one method is too few"
    give_app(bob)
    assert journeys.begin(Browser(), "bob@acme.example").gates_required == 2


def test_o7_a_reset_withdraws_an_open_invitation(alice: User, open_policy: ResetPolicy) -> None:
    give_role(alice, Role.GLOBAL_ADMINISTRATOR)
    token = invitations.invite(alice)
    assert invitations.find(token)
    reset_administrator()
    assert invitations.find(token) is None


def test_a_person_must_not_change_the_password_again_after_a_reset(acme: Tenant, open_policy: ResetPolicy) -> None:
    carol = make_user(acme, "carol@acme.example", "given by staff", must_change_password=True)
    make_authenticator(carol, AuthenticatorType.EMAIL, "carol@home.example")
    journeys.finish(Browser(), "carol@acme.example")
    after = journeys.person(carol)
    assert not after.must_change_password
    assert after.password_changed_at is not None
