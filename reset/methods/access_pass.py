"""A temporary access pass that staff gave to a caller: good once, and not for those who gave it."""

from collections.abc import Sequence
from datetime import datetime

from accounts.methods import Method
from accounts.models import AccessPass, Authenticator
from accounts.visitor import Visitor
from reset import access_passes
from reset.methods.base import WRONG, Asked, AuthenticationMethod, Verdict


class AccessPasses(AuthenticationMethod):
    method = Method.ACCESS_PASS
    template = "reset/access_pass.html"
    needs_authenticator = True

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        found = access_passes.find(authenticator, answers[0] if len(answers) == 1 else "", now)
        return Verdict(True, found.pk) if found else WRONG

    def takes_from(self, verdict: Verdict, visitors: Sequence[Visitor]) -> bool:
        held = AccessPass.objects.filter(pk=verdict.uses_up or 0).first()
        return held is not None and access_passes.may_use(held, visitors)

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        return verdict.uses_up is not None and access_passes.use_up(verdict.uses_up)
