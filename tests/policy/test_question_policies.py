"""How many questions are registered and asked, and when answers alone may be enough: only by somebody's express word."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.audit import Activity
from accounts.models import Tenant, User
from accounts.roles import Role
from policy.decisions import Refusal, decide_reset, usable_offers
from policy.models import QuestionText, ResetPolicy
from policy.models.policies import questions_stand_alone
from policy.registration import decide_registration
from tests.administrators import make_administrator, signed_in
from tests.policy.test_admin_policies import ADD, policy
from tests.policy.test_decisions import EVERYTHING, HERE, MAIL, QUESTIONS, TENANT, person
from tests.policy.test_decisions import policy as facts_of
from tests.reset.signing_in import events

CONFIRM = "confirm_questions_alone"
ALONE = {"methods": ["email", "questions"]}


@pytest.fixture
def boss(acme: Tenant) -> User:
    return make_administrator(acme, "boss@acme.example")


@pytest.fixture
def console(boss: User) -> Client:
    return signed_in(boss)


def saved() -> ResetPolicy:
    row: ResetPolicy = ResetPolicy._base_manager.get()
    return row


def errors(client: Client, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.post(ADD, policy(**fields)).context["adminform"].form.errors
    return found


# --- numbers ------------------------------------------------------------------------------------------------------


def test_five_are_registered_and_three_asked_unless_somebody_says_otherwise() -> None:
    assert (ResetPolicy().questions_registered, ResetPolicy().questions_asked) == (5, 3)


@pytest.mark.parametrize(
    ("registered", "asked", "field"),
    [
        ("2", "3", "questions_registered"),
        ("6", "3", "questions_registered"),
        ("5", "2", "questions_asked"),
        ("5", "6", "questions_asked"),
        ("3", "4", "questions_asked"),
        ("", "3", "questions_registered"),
    ],
)
def test_numbers_out_of_range_are_refused_at_their_field(
    console: Client, registered: str, asked: str, field: str
) -> None:
    assert field in errors(console, questions_registered=registered, questions_asked=asked)
    assert not ResetPolicy._base_manager.exists()


@pytest.mark.parametrize(("registered", "asked"), [(3, 3), (5, 5), (4, 3)])
def test_no_more_are_asked_than_are_registered(console: Client, registered: int, asked: int) -> None:
    numbers = {"questions_registered": str(registered), "questions_asked": str(asked)}
    assert console.post(ADD, policy(**numbers)).status_code == 302
    assert (saved().questions_registered, saved().questions_asked) == (registered, asked)


@pytest.mark.parametrize(("answers", "asked", "counts"), [(3, 3, True), (3, 4, False), (5, 5, True), (2, 3, False)])
def test_questions_count_where_as_many_are_answered_as_the_policy_asks(answers: int, asked: int, counts: bool) -> None:
    held = replace_answers(answers)
    governing = facts_of(questions_asked=asked)
    decision = decide_reset(person(held), [governing], TENANT, HERE)
    assert decision.is_allowed is counts
    assert decision.refusals == (() if counts else (Refusal.TOO_FEW_METHODS,))
    assert decide_registration(person(held), [governing], TENANT).is_registered is counts


def replace_answers(answers: int) -> Any:
    return type(QUESTIONS)(**{**vars(QUESTIONS), "answers": answers})


def test_without_a_policy_three_answers_count() -> None:
    assert usable_offers((replace_answers(3),), EVERYTHING)
    assert not usable_offers((replace_answers(2),), EVERYTHING)
    assert decide_registration(person(replace_answers(3)), [], TENANT).is_registered


# --- alone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("methods", "required", "alone"),
    [(["questions"], 1, True), (["questions", "email"], 1, True), (["questions", "email"], 2, False), ([], 1, False)],
)
def test_when_answers_alone_could_complete_a_reset(methods: list[str], required: int, alone: bool) -> None:
    assert questions_stand_alone(methods, required) is alone
    if methods:
        row = ResetPolicy(name="x", methods=methods, methods_required=required)
        if alone:
            with pytest.raises(ValidationError, match="confirm below"):
                row.clean()
        else:
            row.clean()


def test_o12_answers_alone_are_refused_until_somebody_confirms_it(console: Client) -> None:
    found = errors(console, **ALONE)
    assert "confirm below that you want this" in str(found[CONFIRM])
    assert not ResetPolicy._base_manager.exists()


def test_o12_who_confirmed_it_and_when_is_kept_and_audited(console: Client, boss: User) -> None:
    assert console.post(ADD, policy(**ALONE, **{CONFIRM: "on"})).status_code == 302
    row = saved()
    assert (row.questions_alone_by_id, row.questions_alone_at is not None) == (boss.pk, True)
    (event,) = events(Activity.POLICY_CHANGED)
    assert event.details["changes"][CONFIRM] == [False, True]
    assert event.actor_id == boss.pk
    shown = console.get(f"/admin/policy/resetpolicy/{row.pk}/change/").content.decode()
    assert "boss@acme.example" in shown.partition("field-questions_alone_told")[2]


def test_o12_a_later_change_keeps_the_first_confirmation(console: Client, acme: Tenant, boss: User) -> None:
    console.post(ADD, policy(**ALONE, **{CONFIRM: "on"}))
    before, address = saved(), f"/admin/policy/resetpolicy/{saved().pk}/change/"
    other = signed_in(make_administrator(acme, "other@acme.example", Role.GLOBAL_ADMINISTRATOR))
    assert other.post(address, policy(**ALONE, name="Renamed", **{CONFIRM: "on"})).status_code == 302
    after = saved()
    assert (after.name, after.questions_alone_by_id) == ("Renamed", boss.pk)
    assert after.questions_alone_at == before.questions_alone_at
    assert CONFIRM in other.post(address, policy(**ALONE)).context["adminform"].form.errors


def test_o12_it_is_forgotten_where_answers_are_not_alone_any_more(console: Client) -> None:
    console.post(ADD, policy(**ALONE, **{CONFIRM: "on"}))
    address = f"/admin/policy/resetpolicy/{saved().pk}/change/"
    assert console.post(address, policy(**ALONE, methods_required="2", entra_compatible="")).status_code == 302
    assert (saved().questions_alone_at, saved().questions_alone_by_id) == (None, None)
    assert CONFIRM in console.post(address, policy(**ALONE)).context["adminform"].form.errors


def test_o12_administrators_get_no_questions_whatever_is_confirmed() -> None:
    administrator = person(MAIL, QUESTIONS, roles=frozenset({Role.REPORTS_READER}))
    assert decide_reset(administrator, [facts_of(methods_required=1)], TENANT, HERE).refusals == (
        Refusal.TOO_FEW_METHODS,
    )


# --- an organisation's own questions ------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "good"), [(2, False), (3, True), (200, True), (201, False)])
def test_an_own_question_has_3_to_200_characters(console: Client, length: int, good: bool) -> None:
    console.post("/admin/policy/questiontext/add/", {"text": "q" * length})
    assert QuestionText._base_manager.exists() is good


def test_the_same_question_in_other_letters_is_refused(console: Client) -> None:
    console.post("/admin/policy/questiontext/add/", {"text": "Your first street?"})
    answer = console.post("/admin/policy/questiontext/add/", {"text": "YOUR first ｓtreet?"})
    assert "You have this question already." in answer.content.decode()
    assert QuestionText._base_manager.count() == 1
