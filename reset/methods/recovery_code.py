"""A code from the sheet that a person printed: each one works once, in whatever order."""

from datetime import datetime

from accounts.methods import Method
from accounts.models import Authenticator
from reset import recovery_codes
from reset.methods.base import Asked, AuthenticationMethod, Verdict


class RecoveryCodes(AuthenticationMethod):
    method = Method.RECOVERY_CODE
    template = "reset/recovery_code.html"
    needs_authenticator = True

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        found = recovery_codes.find(authenticator, answers[0] if len(answers) == 1 else "")
        return Verdict(found is not None and authenticator is not None, found)

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        return verdict.uses_up is not None and recovery_codes.use_up(verdict.uses_up)
