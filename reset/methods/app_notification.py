"""A notification to the phone: the page shows two digits, the phone takes them typed in and signs its answer.

All of a person's phones are woken, and any of them may answer (`reset/prompts.py`); the number never goes to a phone.
"""

from datetime import datetime, timedelta

from django.db.models.functions import Now

from accounts import phone_apps, secrets
from accounts.methods import Method
from accounts.models import Authenticator
from notifications import messages
from notifications.channels import push
from reset.methods.base import Asked, AuthenticationMethod, Prepared, Start, Verdict

NUMBER_DIGITS = 2
PROMPT_LIFETIME = timedelta(minutes=5)


class AppNotification(AuthenticationMethod):
    method = Method.APP_NOTIFICATION
    template = "reset/prompt.html"
    needs_authenticator = True
    confirmed_elsewhere = True

    def prepare(self, start: Start) -> Prepared:
        """One message for all phones that can be woken. Where there is none nobody gets it, as for a stranger."""
        phones = phone_apps.of_person(start.authenticator.user_id if start.authenticator else None)
        held = [(phone.pk, address) for phone in phones if (address := phone_apps.subscription_of(phone))]
        # In the owner's language: whoever asks may speak another one.
        language = phones[0].user.language if held else ""
        draft = messages.prompt(
            tenant_id=start.tenant.pk,
            language=language or start.request.language,
            recipient=push.address_of(held or [(0, push.NOBODY)]),
            lifetime=PROMPT_LIFETIME,
            correlation_id=start.request.pk,
            user_id=start.request.user_id,
            withheld=not held,
        )
        return Prepared(shown=secrets.one_time_passcode(NUMBER_DIGITS), drafts=(draft,))

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        """What the phone said is noted on the challenge; here it only matters that the phone is still the person's."""
        return Verdict(challenge.confirmed_at is not None and authenticator is not None)

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        if authenticator is None:
            return False
        used: int = Authenticator.objects.filter(pk=authenticator.pk).update(last_used_at=Now())
        return used == 1
