"""Some of the questions a person answered, as many as the policy says, drawn at random and drawn anew after a miss."""

from datetime import datetime

from accounts.methods import Method
from accounts.models import Authenticator
from policy import hashing
from reset import decoys, questions
from reset.methods.base import Asked, AuthenticationMethod, Prepared, Start, Verdict


class SecurityQuestions(AuthenticationMethod):
    method = Method.QUESTIONS
    template = "reset/questions.html"
    needs_authenticator = True

    def prepare(self, start: Start) -> Prepared:
        held = list(questions.held_by(start.authenticator.pk if start.authenticator else None))
        everything = questions.available(start.tenant)
        if not start.is_real:
            request = start.request
            number = start.questions_registered
            held = decoys.question_order(request.tenant_id, request.typed_name, everything, number)
        return Prepared(questions=tuple(questions.draw(held, start.questions_asked)))

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        held = questions.held_by(authenticator.pk if authenticator else None)
        right = hashing.run(lambda: questions.all_right(challenge.questions, held, answers))
        return Verdict(right and authenticator is not None)
