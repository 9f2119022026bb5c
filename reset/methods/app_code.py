"""The code an authenticator app shows (TOTP, RFC 6238); each one works once, wherever it is used first."""

from datetime import datetime

from accounts import totp
from accounts.methods import Method
from accounts.models import Authenticator
from reset.methods.base import WRONG, Asked, AuthenticationMethod, Verdict


class AppCode(AuthenticationMethod):
    method = Method.APP_CODE
    template = "reset/app_code.html"
    needs_authenticator = True

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        answer = answers[0] if len(answers) == 1 else ""
        if authenticator is None:
            return WRONG
        step = totp.find_step(authenticator.secret_value, answer, now)
        return Verdict(step is not None and step > authenticator.last_step, step)

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        return (
            authenticator is not None and verdict.uses_up is not None and totp.consume(authenticator, verdict.uses_up)
        )
