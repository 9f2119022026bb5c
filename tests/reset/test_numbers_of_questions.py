"""As many questions are registered and asked as the policy says: in a reset, for strangers and before a change too."""

from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType, Method
from accounts.models import SecurityAnswer, User
from policy.models import ResetPolicy
from reset import decoys, questions, registering_at_once, registration
from reset.models import OwnChallenge, State
from reset.own_challenges import Checked
from reset.own_forms import QuestionsForm
from reset.requests import NotOffered
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import ANSWERS, PASSWORD, STATUS, VERIFY, Browser
from tests.reset.registering import HERE, answer, begin_proof, held

NAMES = list(ANSWERS)
MORE = {**ANSWERS, "first_film": "Metropolis"}


@pytest.fixture
def strict(open_policy: ResetPolicy) -> ResetPolicy:
    """Four questions are registered, and all four asked."""
    return journeys.policy_with(open_policy, methods=["email", "questions"], questions_registered=4, questions_asked=4)


def first(number: int) -> dict[str, str]:
    return {name: MORE[name] for name in list(MORE)[:number]}


def right(asked: list[str]) -> dict[str, str]:
    return {f"answer_{number}": MORE[question] for number, question in enumerate(asked)}


# --- registering --------------------------------------------------------------------------------------------------


def save(user: User, answers: dict[str, str]) -> None:
    with scopes_disabled():
        registering_at_once.save_questions(user, answers, HERE, timezone.now())


def test_as_many_are_registered_as_the_policy_says(alice: User, strict: ResetPolicy) -> None:
    save(alice, first(4))
    with scopes_disabled():
        assert SecurityAnswer.objects.count() == 4


@pytest.mark.parametrize(
    "answers",
    [
        {},
        first(3),
        first(5),
        {**first(3), "first_film": "blue DOG!"},
        {**first(3), "first_film": "..."},
    ],
    ids=["none", "fewer", "more", "twice", "empty"],
)
def test_other_numbers_and_the_same_answer_twice_are_refused(
    answers: dict[str, str], alice: User, strict: ResetPolicy
) -> None:
    with pytest.raises(NotOffered):
        save(alice, answers)


def test_the_form_has_as_many_fields(alice: User, strict: ResetPolicy) -> None:
    form = QuestionsForm([(name, name) for name in MORE], 4)
    assert len(form.pairs()) == 4
    assert "question_4" not in form.fields


@pytest.mark.parametrize(
    ("typed", "good"),
    [("ab", False), ("abc", True), ("a b!", False), ("ａｂｃ", True), ("x" * 40, True), ("x" * 41, False)],
)
def test_an_answer_has_3_to_40_characters(typed: str, good: bool) -> None:
    body = {f"question_{number}": name for number, name in enumerate(NAMES[:3])}
    body |= {f"answer_{number}": value for number, value in enumerate((typed, "Hill School", "Bern"))}
    form = QuestionsForm([(name, name) for name in NAMES], 3, body)
    assert ("answer_0" not in form.errors) is good
    if good:
        assert form.is_valid()


# --- in a reset ---------------------------------------------------------------------------------------------------


def test_as_many_are_asked_as_the_policy_says_and_all_have_to_be_right(alice: User, strict: ResetPolicy) -> None:
    journeys.give_questions(alice)
    client = Browser()
    request = journeys.begin_answering(client, method="questions")
    assert request.challenge is not None
    assert len(set(request.challenge.questions)) == 4
    page = client.post(VERIFY, {"action": "answer", **right(request.challenge.questions), "answer_3": "wrong"})
    assert page.status_code == 200
    again = journeys.reload(request).challenge
    assert again is not None
    assert len(set(again.questions)) == 4
    assert client.post(VERIFY, {"action": "answer", **right(again.questions)}).url == PASSWORD


def test_whoever_answered_fewer_is_not_offered_them(alice: User, strict: ResetPolicy) -> None:
    journeys.give_questions(alice, first(3))
    client = Browser()
    journeys.begin(client)
    assert {offer.method for offer in client.get(VERIFY).context["offers"]} == {"email"}


def test_a_policy_that_asks_more_meanwhile_ends_the_reset(alice: User, strict: ResetPolicy) -> None:
    journeys.give_questions(alice)
    client = Browser()
    request = journeys.begin_answering(client, method="questions")
    assert request.challenge is not None
    journeys.policy_with(strict, questions_registered=5, questions_asked=5)
    assert client.post(VERIFY, {"action": "answer", **right(request.challenge.questions)}).url == STATUS
    assert journeys.reload(request).state == State.FAILED


def test_a_policy_that_asks_less_meanwhile_changes_nothing_of_it(alice: User, strict: ResetPolicy) -> None:
    journeys.give_questions(alice)
    client = Browser()
    journeys.begin(client)
    journeys.policy_with(strict, questions_asked=3)
    wizard.choose(client, "questions")
    challenge = journeys.newest().challenge
    assert challenge is not None
    assert len(challenge.questions) == 4


def test_a_reset_without_questions_goes_on_whatever_is_asked(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    journeys.policy_with(open_policy, questions_asked=5)
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 4, 5])
def test_e1_strangers_are_asked_as_many_out_of_as_many(
    number: int, alice: User, strict: ResetPolicy, monkeypatch: Any
) -> None:
    journeys.policy_with(strict, questions_registered=number, questions_asked=3)
    journeys.give_questions(alice, first(number))
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "ANSWERED_OTHERWISE_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(allowed))
    for name in ("alice@acme.example", "nobody@acme.example"):
        asked: set[str] = set()
        for _ in range(15):
            challenge = journeys.begin_answering(Browser(), name, "questions").challenge
            assert challenge is not None
            assert len(challenge.questions) == 3
            asked |= set(challenge.questions)
        assert len(asked) == number, name


def test_e2_four_questions_cost_everybody_the_same_statements(
    alice: User, strict: ResetPolicy, monkeypatch: Any
) -> None:
    journeys.give_questions(alice)
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(allowed))
    walks = []
    for name in ("alice@acme.example", "nobody@acme.example"):
        client = Browser()
        with journeys.statements() as seen:
            journeys.begin_answering(client, name, "questions")
            client.post(VERIFY, {"action": "answer", "answer_0": "x"})
        walks.append(seen)
    assert walks[0] == walks[1]


# --- before a change ----------------------------------------------------------------------------------------------


def test_before_a_change_as_many_are_asked_and_asked_anew(alice: User, strict: ResetPolicy) -> None:
    row = journeys.give_questions(alice)
    with scopes_disabled():
        challenge = begin_proof(alice, row)
        assert len(challenge.questions) == 4
        assert answer(challenge, "x", "y", "z", "") == Checked.WRONG
        again = OwnChallenge.objects.get(pk=challenge.pk)
        assert len(set(again.questions)) == 4
        assert answer(again, *right(again.questions).values()) == Checked.RIGHT


def test_what_does_not_suffice_for_a_reset_proves_nothing_before_a_change(alice: User, strict: ResetPolicy) -> None:
    row = journeys.give_questions(alice, first(3))
    with scopes_disabled():
        with pytest.raises(NotOffered):
            begin_proof(alice, row)
        standing = registration.standing_of(alice)
        assert not standing.proves(held(alice, AuthenticatorType.QUESTIONS)[0])
    assert Method.QUESTIONS in standing.registration.proposed
    assert len(questions.draw(NAMES, 4)) == 4
