"""May this person reset, and how: every refusal, every order of policies, administrators both ways round."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.facts import AuthenticatorFacts, UserFacts
from accounts.methods import METHODS_OF, AuthenticatorType, Kind, Method
from accounts.roles import Role
from policy.decisions import (
    ADMINISTRATOR_METHODS,
    Authority,
    Offer,
    PolicyFacts,
    Refusal,
    TenantFacts,
    decide_reset,
    governing_policy,
    is_enough,
    open_offers,
    usable_offers,
)

EVERYTHING = tuple(Method)
TENANT = TenantFacts(1, True)
HERE = Authority()


def held(kind: AuthenticatorType, number: int = 1, counts: bool = True) -> AuthenticatorFacts:
    answers = 5 if kind == AuthenticatorType.QUESTIONS else 0
    return AuthenticatorFacts(
        number, kind, METHODS_OF[kind], "mask", f"{kind}-{number}", counts, not counts, counts, answers=answers
    )


MAIL = held(AuthenticatorType.EMAIL, 1)
PHONE = held(AuthenticatorType.MOBILE_PHONE, 2)
APP = held(AuthenticatorType.APP, 3)
QUESTIONS = held(AuthenticatorType.QUESTIONS, 4)
OFFICE = held(AuthenticatorType.OFFICE_PHONE, 5)


def person(*authenticators: AuthenticatorFacts, **fields: Any) -> UserFacts:
    plain: dict[str, Any] = {"is_enabled": True, "is_protected": False, "is_external": False, "is_paused": False}
    rest: dict[str, Any] = {"in_directory": False, "roles": frozenset(), "group_ids": frozenset()}
    return UserFacts(**{"user_id": 1, **plain, **rest, "authenticators": authenticators, **fields})


def policy(**fields: Any) -> PolicyFacts:
    plain: dict[str, Any] = {
        "id": 1,
        "name": "P",
        "audience": "everybody",
        "group_ids": frozenset(),
        "methods_required": 1,
    }
    rest: dict[str, Any] = {"unlock_without_reset": True, "notify_users": True, "notify_administrators": True}
    return PolicyFacts(**{**plain, **rest, "methods": EVERYTHING, **fields})


EVERYBODY = policy()
REFUSED: list[tuple[UserFacts | None, list[PolicyFacts], Authority, bool, tuple[Refusal, ...]]] = [
    (None, [EVERYBODY], HERE, False, (Refusal.UNKNOWN,)),
    (person(MAIL, is_enabled=False), [EVERYBODY], HERE, False, (Refusal.DISABLED,)),
    (person(MAIL, is_protected=True), [EVERYBODY], HERE, False, (Refusal.PROTECTED,)),
    (person(MAIL, is_external=True), [EVERYBODY], HERE, False, (Refusal.EXTERNAL,)),
    (person(MAIL), [EVERYBODY], Authority(external_name="North"), False, (Refusal.EXTERNAL,)),
    (person(MAIL, is_paused=True), [EVERYBODY], HERE, False, (Refusal.PAUSED,)),
    (
        person(MAIL, in_directory=True),
        [EVERYBODY],
        Authority(is_writable=False, is_connected=False),
        False,
        (Refusal.DIRECTORY_NOT_CONNECTED,),
    ),
    (
        person(MAIL),
        [EVERYBODY],
        Authority(is_directory=True, is_writable=False),
        False,
        (Refusal.DIRECTORY_UNREACHABLE,),
    ),
    (person(MAIL, cannot_change=True), [EVERYBODY], HERE, False, (Refusal.CANNOT_CHANGE_PASSWORD,)),
    (person(MAIL), [], HERE, False, (Refusal.NO_POLICY,)),
    (person(MAIL), [policy(audience="nobody")], HERE, False, (Refusal.NO_POLICY,)),
    (person(MAIL), [policy(audience="groups", group_ids=frozenset({7}))], HERE, False, (Refusal.OUT_OF_SCOPE,)),
    (person(), [EVERYBODY], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (person(OFFICE), [policy(methods=(Method.SMS, Method.CALL))], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (person(PHONE, OFFICE), [policy(methods_required=2)], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (person(APP), [policy(methods=(Method.EMAIL,))], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (person(MAIL), [policy(methods_required=2)], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (
        person(MAIL, held(AuthenticatorType.EMAIL, 9)),
        [policy(methods_required=2)],
        HERE,
        False,
        (Refusal.TOO_FEW_METHODS,),
    ),
    (person(held(AuthenticatorType.EMAIL, 1, counts=False)), [EVERYBODY], HERE, False, (Refusal.TOO_FEW_METHODS,)),
    (person(MAIL), [policy(unlock_without_reset=False)], HERE, True, (Refusal.UNLOCK_NOT_ALLOWED,)),
    (
        person(is_enabled=False, is_protected=True),
        [EVERYBODY],
        HERE,
        False,
        (Refusal.DISABLED, Refusal.PROTECTED, Refusal.TOO_FEW_METHODS),
    ),
]


@pytest.mark.parametrize(
    ("user", "policies", "authority", "unlock", "refusals"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_who_is_refused_and_why(
    user: UserFacts | None,
    policies: list[PolicyFacts],
    authority: Authority,
    unlock: bool,
    refusals: tuple[Refusal, ...],
) -> None:
    decision = decide_reset(user, policies, TENANT, authority, unlock)
    assert (decision.refusals, decision.is_allowed) == (refusals, False)


ALLOWED: list[tuple[UserFacts, PolicyFacts, list[Method]]] = [
    (person(MAIL), EVERYBODY, [Method.EMAIL]),
    (person(PHONE, MAIL), policy(methods_required=2), [Method.EMAIL, Method.SMS, Method.CALL]),
    (person(OFFICE), EVERYBODY, [Method.OFFICE_CALL]),
    (person(PHONE), policy(methods=(Method.CALL,)), [Method.CALL]),
    (person(QUESTIONS), EVERYBODY, [Method.QUESTIONS]),
    (person(APP, QUESTIONS), policy(methods_required=2), [Method.APP_CODE, Method.QUESTIONS]),
    (person(MAIL, group_ids=frozenset({7})), policy(audience="groups", group_ids=frozenset({7, 8})), [Method.EMAIL]),
    (person(MAIL, PHONE), policy(methods=(Method.SMS,)), [Method.SMS]),
]


@pytest.mark.parametrize(("user", "governing", "methods"), ALLOWED, ids=lambda value: str(value)[:30])
def test_who_may_reset_and_with_what(user: UserFacts, governing: PolicyFacts, methods: list[Method]) -> None:
    for unlock in (False, True):
        decision = decide_reset(user, [governing], TENANT, HERE, unlock)
        assert decision.is_allowed
        assert [offer.method for offer in decision.offers] == methods
        assert (decision.gates_required, decision.policy) == (governing.methods_required, governing)


def test_a_directory_that_can_be_written_is_no_obstacle() -> None:
    assert decide_reset(person(MAIL, in_directory=True), [EVERYBODY], TENANT, Authority(is_directory=True)).is_allowed


def test_the_first_policy_by_priority_governs_and_only_that() -> None:
    staff = policy(id=2, audience="groups", group_ids=frozenset({7}), methods_required=2)
    nobody = policy(id=3, audience="nobody")
    in_staff = person(MAIL, group_ids=frozenset({7}))
    assert governing_policy(in_staff, [nobody, staff, EVERYBODY]) == staff
    assert governing_policy(in_staff, [nobody, EVERYBODY, staff]) == EVERYBODY
    assert governing_policy(person(MAIL), [staff, EVERYBODY]) == EVERYBODY
    assert governing_policy(person(MAIL), [staff, nobody]) is None
    refused = decide_reset(in_staff, [staff, EVERYBODY], TENANT, HERE)
    assert refused.refusals == (Refusal.TOO_FEW_METHODS,), "no more relaxed policy steps in for the one that governs"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    "policies", [[], [EVERYBODY], [policy(audience="nobody")]], ids=["none", "everybody", "nobody"]
)
def test_administrators_stand_outside_the_audiences(role: Role, policies: list[PolicyFacts]) -> None:
    administrator = person(MAIL, PHONE, QUESTIONS, roles=frozenset({role}))
    decision = decide_reset(administrator, policies, TENANT, HERE)
    assert (decision.is_allowed, decision.as_administrator, decision.gates_required) == (True, True, 2)
    assert {offer.method for offer in decision.offers} == {Method.EMAIL, Method.SMS, Method.CALL}
    refused = decide_reset(administrator, policies, replace(TENANT, administrators_may_reset=False), HERE)
    assert refused.refusals == (Refusal.ADMINISTRATORS_MAY_NOT,)


def test_the_switch_for_administrators_is_no_matter_to_others() -> None:
    assert decide_reset(person(MAIL), [EVERYBODY], replace(TENANT, administrators_may_reset=False), HERE).is_allowed


@pytest.mark.parametrize(
    ("authenticators", "allowed"),
    [((MAIL, PHONE), True), ((MAIL, APP), True), ((PHONE, APP), True), ((MAIL, QUESTIONS), False), ((MAIL,), False)],
    ids=str,
)
def test_administrators_need_two_kinds_of_their_own_set(
    authenticators: tuple[AuthenticatorFacts, ...], allowed: bool
) -> None:
    methods_of_policy = policy(methods=(Method.QUESTIONS,), methods_required=1)
    decision = decide_reset(
        person(*authenticators, roles=frozenset({Role.REPORTS_READER})), [methods_of_policy], TENANT, HERE
    )
    assert decision.is_allowed is allowed
    assert Method.QUESTIONS not in ADMINISTRATOR_METHODS


def test_administrators_are_refused_for_the_same_states_of_the_account() -> None:
    roles = frozenset({Role.GLOBAL_ADMINISTRATOR})
    for fields, refusal in (
        ({"is_enabled": False}, Refusal.DISABLED),
        ({"is_protected": True}, Refusal.PROTECTED),
        ({"is_paused": True}, Refusal.PAUSED),
    ):
        assert decide_reset(person(MAIL, PHONE, roles=roles, **fields), [EVERYBODY], TENANT, HERE).refusals == (
            refusal,
        )


PASS = held(AuthenticatorType.ACCESS_PASS, 8)
APPROVED = replace(PASS, stands_alone=True)


@pytest.mark.parametrize(
    ("authenticators", "required", "allowed"),
    [
        ((PASS,), 1, False),
        ((PASS,), 2, False),
        ((PASS, MAIL), 1, True),
        ((PASS, MAIL), 2, True),
        ((APPROVED,), 1, True),
        ((APPROVED,), 2, True),
        ((replace(APPROVED, counts=False),), 1, False),
    ],
    ids=str,
)
def test_a_pass_needs_something_beside_it_unless_a_second_person_approved_it(
    authenticators: tuple[AuthenticatorFacts, ...], required: int, allowed: bool
) -> None:
    decision = decide_reset(person(*authenticators), [policy(methods_required=required)], TENANT, HERE)
    assert decision.is_allowed is allowed


@pytest.mark.parametrize("required", [1, 2])
def test_a_pass_alone_is_never_enough_however_few_are_required(required: int) -> None:
    plain, approved = usable_offers((PASS, MAIL), EVERYTHING), usable_offers((APPROVED, MAIL), EVERYTHING)
    assert not is_enough({Kind.PASS}, required, plain)
    assert is_enough({Kind.PASS, Kind.MAIL}, required, plain)
    assert is_enough({Kind.PASS}, required, approved)
    assert is_enough({Kind.MAIL}, required, approved) is (required == 1)
    assert not is_enough({Kind.PASS}, required, usable_offers((MAIL,), EVERYTHING))


def test_a_pass_is_none_for_administrators_and_where_the_policy_does_not_allow_it() -> None:
    administrator = person(MAIL, APPROVED, roles=frozenset({Role.REPORTS_READER}))
    assert decide_reset(administrator, [EVERYBODY], TENANT, HERE).refusals == (Refusal.TOO_FEW_METHODS,)
    decision = decide_reset(person(MAIL, APPROVED), [policy(methods=(Method.EMAIL,))], TENANT, HERE)
    assert [offer.method for offer in decision.offers] == [Method.EMAIL]


def test_the_second_gate_is_of_another_kind_and_another_destination() -> None:
    offers = usable_offers((MAIL, held(AuthenticatorType.EMAIL, 9), PHONE, APP), EVERYTHING)
    left = open_offers(offers, [(Kind.MAIL, MAIL.destination)])
    assert [offer.method for offer in left] == [Method.SMS, Method.CALL, Method.APP_CODE]
    same = Offer(Method.APP_CODE, 7, "", MAIL.destination)
    assert open_offers([same], [(Kind.MAIL, MAIL.destination)]) == ()
    assert open_offers(offers, []) == offers


def test_what_the_person_uses_first_comes_before_the_policys_order() -> None:
    app = replace(APP, is_first=True)
    assert usable_offers((MAIL, PHONE, app), EVERYTHING)[0].method == Method.APP_CODE
    passkeys = held(AuthenticatorType.PASSKEY, 7), replace(held(AuthenticatorType.PASSKEY, 8), is_first=True)
    offers = usable_offers((MAIL, *passkeys), EVERYTHING)
    assert [offer.method for offer in offers] == [Method.PASSKEY, Method.EMAIL]
    not_counting = replace(held(AuthenticatorType.APP, 9, counts=False), is_first=True)
    assert [offer.method for offer in usable_offers((MAIL, not_counting), EVERYTHING)] == [Method.EMAIL]
