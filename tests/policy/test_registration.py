"""What should this person register: what counts, what is missing, what comes next, and for how long it may wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accounts.facts import UserFacts
from accounts.methods import METHODS_OF, AuthenticatorType, Kind, Method
from accounts.roles import Role
from policy.decisions import ADMINISTRATOR_METHODS, PolicyFacts
from policy.registration import SECURITY_ORDER, Registration, decide_registration, is_due_again, may_skip
from policy.signin import SIGN_IN_METHODS, SignInRuleFacts, decide_sign_in
from tests.policy.test_decisions import (
    APP,
    EVERYBODY,
    MAIL,
    OFFICE,
    PHONE,
    QUESTIONS,
    TENANT,
    held,
    person,
    policy,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TWO = policy(methods_required=2)
NOBODY = policy(audience="nobody")
CODES = held(AuthenticatorType.RECOVERY_CODES, 6)
PASSKEY = held(AuthenticatorType.PASSKEY, 7)
PASS = held(AuthenticatorType.ACCESS_PASS, 8)
ADMINISTRATOR = frozenset({Role.HELPDESK_ADMINISTRATOR})
CLOSED = replace(TENANT, administrators_may_reset=False)
STANDINGS: list[tuple[UserFacts, PolicyFacts, set[Kind], int, bool]] = [
    (person(), EVERYBODY, set(), 1, False),
    (person(MAIL), EVERYBODY, {Kind.MAIL}, 0, True),
    (person(MAIL), TWO, {Kind.MAIL}, 1, False),
    (person(MAIL, PHONE), TWO, {Kind.MAIL, Kind.PHONE}, 0, True),
    (person(MAIL, PHONE, APP, QUESTIONS, CODES, PASSKEY, PASS), TWO, set(Kind) - {Kind.PASS}, 0, True),
    (person(PASS), EVERYBODY, set(), 1, False),
    (person(MAIL, held(AuthenticatorType.EMAIL, 9)), TWO, {Kind.MAIL}, 1, False),
    (person(OFFICE), EVERYBODY, {Kind.PHONE}, 0, True),
    (person(OFFICE, PHONE), TWO, {Kind.PHONE}, 1, False),
    (person(OFFICE), policy(methods=(Method.SMS, Method.CALL)), set(), 1, False),
    (person(held(AuthenticatorType.EMAIL, 1, counts=False)), EVERYBODY, set(), 1, False),
    (person(APP), policy(methods=(Method.EMAIL,)), set(), 1, False),
    (person(APP, MAIL), policy(methods=(Method.EMAIL,)), {Kind.MAIL}, 0, True),
    (person(MAIL), NOBODY, {Kind.MAIL}, 0, True),
    (person(), NOBODY, set(), 1, False),
]


def decide(user: UserFacts, *policies: PolicyFacts) -> Registration:
    return decide_registration(user, policies, TENANT)


def order(decision: Registration) -> list[Method]:
    return list(decision.proposed)


@pytest.mark.parametrize(("user", "governing", "kinds", "missing", "is_registered"), STANDINGS)
def test_what_is_held_and_what_is_missing(
    user: UserFacts, governing: PolicyFacts, kinds: set[Kind], missing: int, is_registered: bool
) -> None:
    decision = decide(user, governing)
    assert (set(decision.held), decision.missing, decision.is_registered) == (kinds, missing, is_registered)


def test_whoever_a_policy_covers_may_register_what_it_allows() -> None:
    governing = policy(methods=(Method.EMAIL, Method.APP_CODE))
    assert decide(person(), governing).allowed == (Method.EMAIL, Method.APP_CODE)
    assert decide(person(), governing).policy == governing


@pytest.mark.parametrize(
    "policies",
    [(), (NOBODY,), (policy(audience="groups", group_ids=frozenset({7})),)],
    ids=["none", "nobody", "others"],
)
def test_whom_no_policy_covers_may_register_nothing(policies: tuple[PolicyFacts, ...]) -> None:
    decision = decide(person(MAIL), *policies)
    assert (decision.allowed, decision.proposed, decision.policy) == ((), (), None)


def test_the_first_policy_that_covers_a_person_says_what_is_required() -> None:
    staff = policy(id=2, audience="groups", group_ids=frozenset({7}), methods_required=2)
    in_staff = person(MAIL, group_ids=frozenset({7}))
    assert (decide(in_staff, staff, EVERYBODY).required, decide(in_staff, EVERYBODY, staff).required) == (2, 1)
    assert decide(person(MAIL), staff, EVERYBODY).policy == EVERYBODY


def test_registered_and_enabled_are_two_things() -> None:
    """Somebody without a policy may be registered, and somebody with one may hold nothing."""
    registered, enabled = decide(person(MAIL), NOBODY), decide(person(), EVERYBODY)
    assert (registered.is_registered, registered.is_enabled, registered.is_capable) == (True, False, False)
    assert (enabled.is_registered, enabled.is_enabled, enabled.is_capable) == (False, True, False)


def test_capable_is_who_is_registered_and_enabled() -> None:
    assert decide(person(MAIL), EVERYBODY).is_capable
    assert not decide(person(MAIL), TWO).is_capable


@pytest.mark.parametrize(
    "user",
    [
        person(MAIL, is_enabled=False),
        person(MAIL, is_protected=True),
        person(MAIL, is_external=True),
        person(MAIL, is_paused=True),
    ],
    ids=["disabled", "protected", "external", "paused"],
)
def test_an_account_that_can_not_reset_is_not_enabled_but_registered(user: UserFacts) -> None:
    decision = decide(user, EVERYBODY)
    assert (decision.is_enabled, decision.is_registered, decision.is_capable) == (False, True, False)


def test_an_administrator_needs_two_kinds_whatever_the_policy_says() -> None:
    decision = decide(person(MAIL, roles=ADMINISTRATOR), EVERYBODY)
    assert (decision.required, decision.missing, decision.allowed) == (2, 1, ADMINISTRATOR_METHODS)


def test_an_administrator_without_a_policy_is_enabled_all_the_same() -> None:
    decision = decide(person(MAIL, PHONE, roles=ADMINISTRATOR))
    assert (decision.is_capable, decision.policy) == (True, None)


def test_questions_never_count_for_an_administrator() -> None:
    decision = decide(person(MAIL, QUESTIONS, roles=ADMINISTRATOR), EVERYBODY)
    assert decision.held == {Kind.MAIL}
    assert Method.QUESTIONS not in decision.proposed


def test_administrators_who_may_not_reset_register_nothing() -> None:
    decision = decide_registration(person(MAIL, PHONE, roles=ADMINISTRATOR), [EVERYBODY], CLOSED)
    assert (decision.allowed, decision.is_enabled, decision.is_registered) == ((), False, True)


def test_what_holds_for_administrators_holds_for_nobody_else() -> None:
    assert decide_registration(person(MAIL), [EVERYBODY], CLOSED).is_capable


def test_every_method_has_its_place_in_the_order() -> None:
    assert set(SECURITY_ORDER) == set(Method) - {Method.ACCESS_PASS}
    assert SECURITY_ORDER[0] == Method.PASSKEY
    assert SECURITY_ORDER[-1] == Method.QUESTIONS


@pytest.mark.parametrize(
    ("user", "methods"),
    [
        (person(), list(SECURITY_ORDER)),
        (
            person(APP),
            [
                Method.PASSKEY,
                *(Method.SMS, Method.CALL, Method.OFFICE_CALL),
                *(Method.EMAIL, Method.RECOVERY_CODE, Method.QUESTIONS),
            ],
        ),
        (
            person(MAIL, PHONE),
            [Method.PASSKEY, Method.APP_NOTIFICATION, Method.APP_CODE, Method.RECOVERY_CODE, Method.QUESTIONS],
        ),
        (
            person(OFFICE),
            [
                *(Method.PASSKEY, Method.APP_NOTIFICATION, Method.APP_CODE),
                *(Method.EMAIL, Method.RECOVERY_CODE, Method.QUESTIONS),
            ],
        ),
        (person(MAIL, PHONE, APP, QUESTIONS, CODES, PASSKEY), []),
    ],
    ids=["nothing", "app", "mail-and-phone", "office", "everything"],
)
def test_what_is_proposed_is_of_another_kind_and_the_most_secure_comes_first(
    user: UserFacts, methods: list[Method]
) -> None:
    assert order(decide(user, EVERYBODY)) == methods


def test_only_what_is_allowed_is_proposed_whatever_order_the_policy_has_it_in() -> None:
    assert order(decide(person(), policy(methods=(Method.EMAIL, Method.APP_CODE)))) == [Method.APP_CODE, Method.EMAIL]


def test_a_method_that_does_not_count_yet_is_proposed_again() -> None:
    assert Method.EMAIL in order(decide(person(held(AuthenticatorType.EMAIL, 1, counts=False)), EVERYBODY))


def test_without_the_last_method_of_a_kind_more_is_missing() -> None:
    decision = decide(person(MAIL, PHONE), TWO)
    after = decision.without(Kind.PHONE)
    assert (set(after.held), after.missing, after.is_registered) == ({Kind.MAIL}, 1, False)
    assert decision.is_registered


def test_without_a_kind_that_is_not_held_nothing_changes() -> None:
    decision = decide(person(MAIL), EVERYBODY)
    assert decision.without(Kind.APP) == decision


def test_what_was_lost_is_proposed_again() -> None:
    decision = decide(person(APP, MAIL), EVERYBODY)
    assert Method.APP_CODE not in decision.proposed
    assert Method.APP_CODE in decision.without(Kind.APP).proposed


@pytest.mark.parametrize(
    ("confirmed_at", "days", "is_due"),
    [
        (None, 180, True),
        (None, 0, False),
        (NOW - timedelta(days=4000), 0, False),
        (NOW - timedelta(days=180), 180, True),
        (NOW - timedelta(days=180) + timedelta(seconds=1), 180, False),
        (NOW, 1, False),
    ],
)
def test_methods_are_due_again_when_their_days_are_over(confirmed_at: datetime | None, days: int, is_due: bool) -> None:
    assert is_due_again(confirmed_at, days, NOW) is is_due


@pytest.mark.parametrize(
    ("governing", "asked_since", "may"),
    [
        (policy(), None, True),
        (policy(), NOW, True),
        (policy(), NOW - timedelta(days=14) + timedelta(seconds=1), True),
        (policy(), NOW - timedelta(days=14), False),
        (policy(registration_skip_days=0), NOW - timedelta(days=4000), True),
        (policy(registration_skippable=False), None, False),
        (policy(registration_skippable=False, registration_skip_days=0), NOW, False),
        (None, NOW - timedelta(days=4000), True),
    ],
    ids=["never-asked", "just-asked", "last-moment", "over", "no-limit", "never", "never-nor-limit", "no-policy"],
)
def test_registering_may_be_put_off_while_its_days_last(
    governing: PolicyFacts | None, asked_since: datetime | None, may: bool
) -> None:
    assert may_skip(governing, asked_since, NOW) is may


RULE = SignInRuleFacts("everybody")


def both(user: UserFacts, governing: PolicyFacts | None = EVERYBODY) -> Registration:
    return decide_registration(user, [governing] if governing else [], TENANT, RULE)


@pytest.mark.parametrize(
    ("user", "governing", "count", "first"),
    [
        (person(), TWO, 2, Method.PASSKEY),
        (person(APP), TWO, 1, Method.PASSKEY),
        (person(MAIL), TWO, 1, Method.PASSKEY),
        (person(MAIL, QUESTIONS), TWO, 1, Method.PASSKEY),
        (person(APP, MAIL), TWO, 0, Method.PASSKEY),
        (person(), policy(methods=(Method.EMAIL, Method.APP_CODE)), 1, Method.APP_CODE),
        (person(), policy(methods=(Method.EMAIL,)), 2, Method.PASSKEY),
        (person(MAIL), policy(methods=(Method.EMAIL,)), 1, Method.PASSKEY),
        (person(APP), policy(methods=(Method.EMAIL,)), 1, Method.EMAIL),
        (person(), policy(methods=(Method.EMAIL,), methods_required=2), 2, Method.PASSKEY),
        (person(), policy(registration_required=False), 1, Method.PASSKEY),
        (person(), None, 1, Method.PASSKEY),
        (person(MAIL, is_paused=True), EVERYBODY, 1, Method.PASSKEY),
    ],
)
def test_the_fewest_methods_satisfy_reset_and_sign_in_together(
    user: UserFacts, governing: PolicyFacts | None, count: int, first: Method
) -> None:
    decision = both(user, governing)
    assert (decision.to_register, decision.proposed[0]) == (count, first)


def test_following_the_proposals_takes_as_many_steps_as_were_announced() -> None:
    rows = {method: held(kind, 20) for kind, methods in METHODS_OF.items() for method in methods}
    for methods in (tuple(Method), (Method.EMAIL, Method.APP_CODE), (Method.EMAIL,), (Method.SMS, Method.QUESTIONS)):
        for required in (1, 2):
            user, steps = person(), 0
            decision = both(user, policy(methods=methods, methods_required=required))
            announced = decision.to_register
            while decision.to_register:
                user = person(*user.authenticators, rows[decision.proposed[0]])
                decision, steps = both(user, policy(methods=methods, methods_required=required)), steps + 1
            assert steps == announced
            assert not decision.sign_in_missing


def test_what_lacks_at_sign_in_comes_first_and_only_that_is_proposed() -> None:
    assert set(order(both(person(MAIL), TWO))) == set(SIGN_IN_METHODS)


def test_the_sign_in_rule_leaves_registered_and_capable_as_they_are() -> None:
    for user in (person(), person(MAIL), person(APP, MAIL)):
        for governing in (EVERYBODY, TWO, NOBODY):
            with_rule, without = both(user, governing), decide(user, governing)
            assert (with_rule.is_registered, with_rule.is_capable) == (without.is_registered, without.is_capable)


def test_without_the_last_method_for_sign_in_one_is_missing_there() -> None:
    assert both(person(APP, MAIL)).without(Kind.APP).sign_in_missing
    assert not both(person(APP, CODES)).without(Kind.APP).sign_in_missing


@pytest.mark.parametrize(
    ("user", "rule", "covered", "methods"),
    [
        (person(APP), SignInRuleFacts("nobody"), False, []),
        (person(APP), SignInRuleFacts("groups", frozenset({7})), False, []),
        (person(APP, group_ids=frozenset({7})), SignInRuleFacts("groups", frozenset({7})), True, [Method.APP_CODE]),
        (person(APP, group_ids=frozenset({7})), SignInRuleFacts("groups"), False, []),
        (person(MAIL, QUESTIONS), RULE, True, []),
        (person(MAIL, OFFICE), RULE, True, [Method.OFFICE_CALL]),
        (
            person(MAIL, CODES, PHONE, PASSKEY), RULE, True,
            [Method.PASSKEY, Method.SMS, Method.CALL, Method.RECOVERY_CODE],
        ),
        (person(held(AuthenticatorType.APP, 3, counts=False)), RULE, True, []),
        (person(PASSKEY, APP), SignInRuleFacts("everybody", methods=(Method.APP_CODE,)), True, [Method.APP_CODE]),
    ],
)  # fmt: skip
def test_who_gives_a_second_proof_and_with_what(
    user: UserFacts, rule: SignInRuleFacts, covered: bool, methods: list[Method]
) -> None:
    decision = decide_sign_in(user, rule)
    assert (decision.is_covered, [offer.method for offer in decision.offers]) == (covered, methods)
    assert decision.asks_to_register is (covered and not methods)
