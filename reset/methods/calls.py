"""Calls to a phone: the page shows two digits, whoever takes the call presses them and then the hash key."""

from datetime import datetime, timedelta

from django.urls import reverse

from accounts import secrets
from accounts.methods import Method
from accounts.models import Authenticator
from notifications import messages
from reset.methods.base import Asked, AuthenticationMethod, Prepared, Start, Verdict

DIGITS = 2


class Call(AuthenticationMethod):
    """An automated call. Whatever is pressed comes back from the provider (`reset/views/calls.py`)."""

    template = "reset/waiting.html"
    confirmed_elsewhere = True
    again_after = timedelta(seconds=10)

    def prepare(self, start: Start) -> Prepared:
        keys = 0 if start.tenant.calls_by_hash_alone else DIGITS
        real = start.authenticator if start.is_real else None
        draft = messages.call(
            tenant_id=start.tenant.pk,
            language=start.request.language,
            recipient=real.secret_value if real else "nobody",
            answer_path=reverse("call-answer", args=[start.challenge_id]),
            keys=keys,
            correlation_id=start.request.pk,
            user_id=start.request.user_id,
            withheld=real is None,
        )
        return Prepared(shown=secrets.one_time_passcode(keys) if keys else "", drafts=(draft,))

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        return Verdict(challenge.confirmed_at is not None)


class MobileCall(Call):
    """The whole number on file is typed first; only a masked one is shown."""

    method = Method.CALL
    asks_destination = True


class OfficeCall(Call):
    method = Method.OFFICE_CALL
