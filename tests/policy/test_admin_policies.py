"""Reset policies in the console: errors at their fields, advice after saving."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType, Method
from accounts.models import Group, GroupMembership, GroupNesting, Tenant, User
from policy.advice import Draft, Other, advise
from policy.models import QuestionText, ResetPolicy
from policy.models.policies import PolicyGroup
from tests.administrators import make_administrator, signed_in
from tests.conftest import make_authenticator, make_user

ADD = "/admin/policy/resetpolicy/add/"
WISE = Draft(
    audience="everybody", group_count=0, priority=10, methods=frozenset({"email", "sms"}), methods_required=1,
    registration_required=True, reconfirm_days=180, notify_users=True, notify_administrators=True,
)  # fmt: skip


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def policy(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Everybody", "priority": "10", "audience": "everybody", "methods_required": "1",
        "methods": ["email", "sms"], "entra_compatible": "on", "registration_required": "on", "reconfirm_days": "180",
        "registration_skip_days": "14", "questions_registered": "5", "questions_asked": "3",
        "notify_users": "on", "notify_administrators": "on",
        "policy_groups-TOTAL_FORMS": "0", "policy_groups-INITIAL_FORMS": "0", **fields,
    }  # fmt: skip


def test_a_policy_is_added_to_the_own_tenant(console: Client, acme: Tenant) -> None:
    assert console.post(ADD, policy()).status_code == 302
    row = ResetPolicy._base_manager.get()
    assert (row.tenant, row.methods) == (acme, ["email", "sms"])


def test_methods_are_checkboxes_with_the_defaults_ticked(console: Client) -> None:
    form = console.get(ADD).context["adminform"].form
    assert form["methods"].value() == ["email", "sms"]
    assert console.get(ADD).content.decode().count('type="checkbox" name="methods"') == len(Method)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"methods": []}, "methods"),
        ({"methods": ["app_code"]}, "methods"),
        ({"methods": ["carrier_pigeon"]}, "methods"),
        ({"reconfirm_days": "731"}, "reconfirm_days"),
        ({"registration_skip_days": "366"}, "registration_skip_days"),
        ({"methods_required": "3"}, "methods_required"),
    ],
)
def test_errors_stand_at_their_fields(console: Client, fields: dict[str, Any], field: str) -> None:
    assert field in console.post(ADD, policy(**fields)).context["adminform"].form.errors
    assert not ResetPolicy._base_manager.exists()


def test_a_second_policy_of_the_same_priority_or_name_is_refused(console: Client) -> None:
    console.post(ADD, policy())
    assert "chance" in str(console.post(ADD, policy(name="Others")).context["errors"])
    assert console.post(ADD, policy(priority="20")).context["errors"]
    assert ResetPolicy._base_manager.count() == 1


def test_groups_are_chosen_on_the_policys_page(console: Client, acme: Tenant) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Pilot")
    chosen = {"policy_groups-TOTAL_FORMS": "1", "policy_groups-0-group": str(group.pk)}
    assert console.post(ADD, policy(audience="groups", **chosen)).status_code == 302
    assert PolicyGroup.objects.get().group_id == group.pk


def test_advice_comes_after_saving_and_blocks_nothing(console: Client) -> None:
    response = console.post(ADD, policy(audience="groups", notify_users=""), follow=True)
    body = response.content.decode()
    assert "No group is chosen" in body
    assert "hear that their password was reset" in body
    assert ResetPolicy._base_manager.count() == 1


def test_requiring_a_second_method_says_whom_it_strands(console: Client, open_policy: ResetPolicy) -> None:
    address = f"/admin/policy/resetpolicy/{open_policy.pk}/change/"
    response = console.post(address, policy(methods_required="2", methods=["email", "sms", "app_code"]), follow=True)
    assert "register another" in response.content.decode()


def test_a_wise_policy_gets_no_advice() -> None:
    assert advise(WISE) == ()


@pytest.mark.parametrize(
    ("unwise", "word"),
    [
        (replace(WISE, audience="groups"), "covers nobody"),
        (replace(WISE, methods=frozenset({"email"})), "allow a second one"),
        (replace(WISE, methods=frozenset({"email"}), methods_required=2), "nobody can reset"),
        (replace(WISE, methods_required=2, required_before=1), "register another"),
        (replace(WISE, methods=frozenset({"app_code", "sms"}), methods_required=2), "lost phone"),
        (replace(WISE, methods=frozenset({"app_code", "app_notification", "sms"}), methods_required=2), "lost phone"),
        (replace(WISE, methods=frozenset({"email", "questions"})), "easily guessed"),
        (replace(WISE, methods=frozenset({"passkey"})), "Allow recovery codes too"),
        (replace(WISE, methods=frozenset({"passkey", "access_pass"})), "Allow recovery codes too"),
        (replace(WISE, methods=frozenset({"passkey", "recovery_code"}), without_passkey=1), "1 person under this"),
        (replace(WISE, methods=frozenset({"passkey", "recovery_code"}), without_passkey=7), "7 people under this"),
        (replace(WISE, registration_required=False), "not asked to register"),
        (replace(WISE, reconfirm_days=0), "out of date"),
        (replace(WISE, reconfirm_days=700), "out of date"),
        (replace(WISE, notify_users=False), "notice"),
        (replace(WISE, notify_administrators=False), "attacker"),
    ],
)
def test_each_unwise_choice_gets_one_sentence(unwise: Draft, word: str) -> None:
    (sentence,) = advise(unwise)
    assert word in str(sentence)


@pytest.mark.parametrize("methods", [{"passkey", "recovery_code"}, {"passkey", "email"}, {"email", "sms"}])
def test_passkeys_with_a_way_back_are_wise(methods: set[str]) -> None:
    assert advise(replace(WISE, methods=frozenset(methods))) == ()


def test_a_policy_behind_one_for_everybody_governs_nobody() -> None:
    before, behind = Other("All staff", "everybody", 5), Other("All staff", "everybody", 50)
    assert "All staff" in str(advise(WISE, [before])[0])
    assert advise(WISE, [behind]) == ()
    assert advise(replace(WISE, audience="nobody"), [before]) == ()


def test_saving_a_policy_for_passkeys_only_counts_whom_it_strands(
    console: Client, acme: Tenant, globex: Tenant, alice: User, bob: User
) -> None:
    make_user(globex, "theirs@globex.example")
    make_user(acme, "gone@acme.example", is_enabled=False)
    make_authenticator(alice, AuthenticatorType.PASSKEY, '["aa", "bb"]')
    response = console.post(ADD, policy(methods=["passkey"]), follow=True)
    assert "2 people under this policy have no passkey yet" in response.content.decode(), "bob and the administrator"


def test_for_groups_it_counts_the_people_in_them_and_in_those_inside(
    console: Client, acme: Tenant, alice: User, bob: User
) -> None:
    with scopes_disabled():
        outer, inner, other = (Group.objects.create(tenant=acme, name=name) for name in ("outer", "inner", "other"))
        GroupNesting.objects.create(tenant=acme, parent=outer, child=inner)
        GroupMembership.objects.create(tenant=acme, group=inner, user=bob)
        GroupMembership.objects.create(tenant=acme, group=other, user=alice)
    chosen = {"policy_groups-TOTAL_FORMS": "1", "policy_groups-0-group": str(outer.pk)}
    methods = ["passkey", "recovery_code"]
    response = console.post(ADD, policy(audience="groups", methods=methods, **chosen), follow=True)
    assert "1 person under this policy has no passkey yet" in response.content.decode()


def test_an_organisation_has_20_questions_of_its_own_at_most(console: Client, acme: Tenant) -> None:
    address = "/admin/policy/questiontext/add/"
    for number in range(20):
        assert console.post(address, {"text": f"Question {number}?"}).status_code == 302
    assert console.post(address, {"text": "One too many?"}).context["errors"]
    assert QuestionText._base_manager.count() == 20


def test_the_same_question_twice_is_refused(console: Client) -> None:
    address = "/admin/policy/questiontext/add/"
    console.post(address, {"text": "Your first street?"})
    assert console.post(address, {"text": "Your first street?"}).context["errors"]
