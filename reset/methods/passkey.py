"""A passkey or security key: the device signs this challenge, for this site, after a fingerprint, face or PIN."""

from datetime import datetime

from django.db.models.functions import Now

from accounts.methods import Method
from accounts.models import Authenticator
from reset import passkeys
from reset.methods.base import WRONG, Asked, AuthenticationMethod, Verdict


class Passkeys(AuthenticationMethod):
    method = Method.PASSKEY
    template = "reset/passkey.html"
    needs_authenticator = True

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        user_id = authenticator.user_id if authenticator else None
        found = passkeys.read_answer(str(challenge.pk), user_id, answers[0] if len(answers) == 1 else "")
        return Verdict(True, found[1], found[0]) if found else WRONG

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        """A counter that went on elsewhere meanwhile means a copy of the key, or a rival: neither passes."""
        if verdict.by is None or verdict.uses_up is None:
            return False
        same = Authenticator.objects.filter(pk=verdict.by.pk, last_step=verdict.by.last_step)
        moved: int = same.update(last_step=verdict.uses_up, last_used_at=Now())
        return moved == 1
