"""O12: security questions: half right, written otherwise, drawn anew, and never for administrators."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.models import User
from policy.models import ResetPolicy
from reset import questions
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, VERIFY, Browser
from tests.reset.signing_in import make_administrator


def ask_questions(policy: ResetPolicy, user: User) -> None:
    journeys.policy_with(policy, methods=["questions", "email"])
    journeys.give_questions(user)


def post_answers(client: Browser, **instead: str) -> Any:
    challenge = journeys.newest().challenge
    assert challenge is not None
    right = {f"answer_{number}": journeys.ANSWERS[question] for number, question in enumerate(challenge.questions)}
    return client.post(VERIFY, {"action": "answer", **right, **instead})


def test_o12_three_right_answers_pass_however_they_are_written(alice: User, open_policy: ResetPolicy) -> None:
    ask_questions(open_policy, alice)
    client = Browser()
    request = journeys.begin_answering(client, method="questions")
    assert request.challenge is not None
    assert len(set(request.challenge.questions)) == 3
    written = {
        f"answer_{number}": f"  {journeys.ANSWERS[question].upper()}! "
        for number, question in enumerate(request.challenge.questions)
    }
    assert client.post(VERIFY, {"action": "answer", **written}).url == PASSWORD


@pytest.mark.parametrize("field", ["answer_0", "answer_1", "answer_2"])
def test_o12_one_wrong_answer_fails_and_draws_again(field: str, alice: User, open_policy: ResetPolicy) -> None:
    ask_questions(open_policy, alice)
    client = Browser()
    request = journeys.begin_answering(client, method="questions")
    page = post_answers(client, **{field: "wrong"})
    assert "Here are other questions" in page.content.decode()
    after = journeys.reload(request)
    assert after.challenge_id != request.challenge_id
    assert (after.passed, journeys.failures(request)) == ([], 1)


def test_o12_every_answer_costs_a_hash_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {question: questions.hash_answer(answer) for question, answer in journeys.ANSWERS.items()}
    asked = list(held)[:3]
    right = [journeys.ANSWERS[question] for question in asked]
    questions.all_right(asked, {}, right)
    hashes: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, *given: Any, **named: Any) -> Any:
        hashes.append("hash")
        return encode(self, *given, **named)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for answers, known, verdict in (
        (right, held, True),
        (["x", *right[1:]], held, False),
        (["", "", ""], held, False),
        ([], held, False),
        (right, {}, False),
    ):
        hashes.clear()
        assert questions.all_right(asked, known, answers) is verdict
        assert len(hashes) == 3


def test_o12_administrators_never_get_questions(alice: User, open_policy: ResetPolicy) -> None:
    ask_questions(open_policy, alice)
    make_administrator(alice)
    client = Browser()
    journeys.begin(client)
    assert {offer.method for offer in client.get(VERIFY).context["offers"]} == {"email", "sms", "call"}


def test_o12_answers_are_hashed_and_drawn_from_five(alice: User, open_policy: ResetPolicy) -> None:
    ask_questions(open_policy, alice)
    drawn = set()
    for _ in range(20):
        drawn |= set(questions.draw(list(journeys.ANSWERS), 3))
    assert drawn == set(journeys.ANSWERS)
    assert "Blue Dog" not in questions.hash_answer("Blue Dog")
