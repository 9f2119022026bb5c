"""The whole decision in lines: what stands how, and what would change it."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.facts import AuthenticatorFacts, UserFacts
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, RoleAssignment, Tenant, User
from accounts.tenants import all_opened
from policy import throttle
from policy.decisions import Authority, PolicyFacts, Refusal, TenantFacts
from policy.explain import REASONS, Situation, explain
from policy.models import ResetPolicy, SignInRule
from policy.throttle import Use
from reset import buckets
from tests.conftest import make_authenticator, make_user


def run(name: str) -> str:
    out = io.StringIO()
    call_command("explain_user", name, stdout=out)
    return out.getvalue()


def test_somebody_who_can_reset_is_told_with_what(alice: User, open_policy: ResetPolicy) -> None:
    said = run("alice@acme.example")
    assert "Policy “Everybody”: governs: 1 proof" in said
    assert "E-mail address a•••••@•••••: counts: E-mail code" in said
    assert "Mobile phone •••••• 47: counts" in said
    assert "Reset: possible, with 1 proof out of: e-mail, phone" in said


def test_e4_no_number_or_address_is_shown(alice: User, open_policy: ResetPolicy) -> None:
    said = run("alice@acme.example")
    assert "15112345647" not in said
    assert "home.example" not in said


def test_without_a_policy_the_cure_is_to_write_one(alice: User) -> None:
    assert "Reset: not possible: no policy lets anybody reset → Choose an audience in a reset policy." in run(
        "alice@acme.example"
    )


def test_imported_proofs_say_why_they_do_not_count(acme: Tenant, open_policy: ResetPolicy) -> None:
    user = make_user(acme, "dave@acme.example")
    make_authenticator(user, AuthenticatorType.EMAIL, "dave@home.example", source="import", confirmed_at=None)
    assert "the person never confirmed it → Let imported methods count" in run("dave@acme.example")
    acme.imported_methods_count = True
    acme.save()
    assert "counts: E-mail code" in run("dave@acme.example")
    with all_opened():
        Authenticator.objects.update(replaces_another=True, changed_at=timezone.now() - timedelta(hours=71))
    assert "less than 72 hours ago → Wait" in run("dave@acme.example")


def test_a_blocked_disabled_and_paused_account_names_every_obstacle(alice: User, open_policy: ResetPolicy) -> None:
    account = buckets.account_key(alice.tenant_id or 0, alice.principal_name, alice)
    throttle.count(Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account), 5))
    with all_opened():
        User.objects.filter(pk=alice.pk).update(self_service_paused=True, is_enabled=False)
    said = run("alice@acme.example")
    for reason in ("the account is disabled → Enable", "then unblock", "too many failed proofs in 24 hours → Wait"):
        assert reason in said
    assert said.count("Reset: not possible") == 3


def test_an_administrator_needs_two_kinds_whatever_the_policies_say(
    acme: Tenant, alice: User, open_policy: ResetPolicy
) -> None:
    with all_opened():
        RoleAssignment.objects.create(tenant=acme, user=alice, role="reports_reader")
    said = run("alice@acme.example")
    assert "Reports reader: needs two kinds" in said
    assert "Policy “Everybody”: covers the person, but does not govern" in said
    assert "Reset: possible, with 2 proofs of different kinds" in said


def situation(user: UserFacts | None, authority: Authority | None = None, **policy: object) -> Situation:
    facts: dict[str, object] = {
        "id": 1, "name": "P", "audience": "everybody", "group_ids": frozenset(), "methods": (Method.EMAIL,),
        "methods_required": 1, "unlock_without_reset": True, "notify_users": True, "notify_administrators": True,
    }  # fmt: skip
    return Situation(user, (PolicyFacts(**(facts | policy)),), TenantFacts(1, False), authority or Authority(), False)  # type: ignore[arg-type]


def person(**fields: object) -> UserFacts:
    mail = AuthenticatorFacts(
        1,
        AuthenticatorType.EMAIL,
        (Method.EMAIL,),
        "a•••••@•••••",
        "digest",
        confirmed=True,
        imported=False,
        counts=True,
    )
    facts: dict[str, object] = {
        "user_id": 1, "is_enabled": True, "is_protected": False, "is_external": False, "is_paused": False,
        "in_directory": False, "roles": frozenset(), "group_ids": frozenset({7}), "authenticators": (mail,),
    }  # fmt: skip
    return UserFacts(**(facts | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (situation(None), Refusal.UNKNOWN),
        (situation(person(is_protected=True)), Refusal.PROTECTED),
        (situation(person(is_external=True)), Refusal.EXTERNAL),
        (situation(person(), Authority(external_name="Home")), Refusal.EXTERNAL),
        (
            situation(person(in_directory=True), Authority(is_writable=False, is_connected=False)),
            Refusal.DIRECTORY_NOT_CONNECTED,
        ),
        (situation(person(in_directory=True), Authority(is_writable=False)), Refusal.DIRECTORY_UNREACHABLE),
        (situation(person(in_directory=True, cannot_change=True)), Refusal.CANNOT_CHANGE_PASSWORD),
        (situation(person(roles=frozenset({"reports_reader"}))), Refusal.ADMINISTRATORS_MAY_NOT),
        (situation(person(), audience="nobody"), Refusal.NO_POLICY),
        (situation(person(), audience="groups", group_ids=frozenset({8})), Refusal.OUT_OF_SCOPE),
        (situation(person(), methods=(Method.SMS,)), Refusal.TOO_FEW_METHODS),
        (situation(person(authenticators=())), Refusal.TOO_FEW_METHODS),
        (situation(person(), unlock_without_reset=False), Refusal.UNLOCK_NOT_ALLOWED),
    ],
)
def test_every_refusal_comes_with_its_cure(asked: Situation, refusal: Refusal) -> None:
    lines = [(str(line.verdict), str(line.cure)) for line in explain(asked)]
    reason, cure = (str(text) for text in REASONS[refusal])
    assert (f"not possible: {reason}", cure) in lines


def test_every_refusal_has_words() -> None:
    assert set(REASONS) == set(Refusal)
    assert all(str(reason) and str(cure) for reason, cure in REASONS.values())


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"counts": False}, "does not count: it was used, or its time is over"),
        ({}, "counts beside another proof"),
        ({"stands_alone": True}, "counts: Temporary access pass"),
    ],
)
def test_a_temporary_access_pass_says_what_it_is_good_for(fields: dict[str, Any], verdict: str) -> None:
    plain = AuthenticatorFacts(
        2,
        AuthenticatorType.ACCESS_PASS,
        (Method.ACCESS_PASS,),
        "",
        "digest",
        confirmed=False,
        imported=True,
        counts=True,
    )
    lines = explain(situation(person(authenticators=(replace(plain, **fields),)), methods=tuple(Method)))
    assert verdict in [str(line.verdict) for line in lines]


def test_the_second_proof_at_sign_in_is_told_where_the_rule_asks_for_one(
    acme: Tenant, alice: User, bob: User, open_policy: ResetPolicy, settings: Any
) -> None:
    assert "Second proof" not in run("alice@acme.example")
    with all_opened():
        SignInRule.objects.create(tenant=acme, audience="everybody")
        Authenticator.objects.filter(user=bob).exclude(type="email").delete()
    possible = "Second proof at sign-in: asked for, and possible with: Text message to a mobile phone, Call to a mobile"
    assert possible in run("alice@acme.example")
    assert "the person has none and registers one" in run("bob@acme.example")
    settings.SMS_URL = settings.VOICE_URL = ""
    assert "nothing registered for it works here just now → Look at the settings" in run("alice@acme.example")
