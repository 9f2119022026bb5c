"""A passkey or security key: the device signs this challenge, for this site, after a fingerprint, face or PIN."""

from datetime import datetime

from django.db.models.functions import Now

from accounts.methods import Method
from accounts.models import Authenticator
from reset import passkeys
from reset.methods.base import Asked, AuthenticationMethod, Prepared, Start, Verdict


class Passkeys(AuthenticationMethod):
    method = Method.PASSKEY
    template = "reset/passkey.html"
    needs_authenticator = True

    def prepare(self, start: Start) -> Prepared:
        return Prepared()

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        count = passkeys.sign_count_of(str(challenge.pk), authenticator, answers[0] if len(answers) == 1 else "")
        return Verdict(count is not None, count)

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        """A counter that went on elsewhere meanwhile means a copy of the key, or a rival: neither passes."""
        if authenticator is None or verdict.uses_up is None:
            return False
        same = Authenticator.objects.filter(pk=authenticator.pk, last_step=authenticator.last_step)
        moved: int = same.update(last_step=verdict.uses_up, last_used_at=Now())
        return moved == 1
