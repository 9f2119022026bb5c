"""One-time passcodes that are sent: by e-mail and by text message."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts import secrets
from accounts.methods import Method
from accounts.models import Authenticator
from notifications import messages
from reset.methods.base import WRONG, Asked, AuthenticationMethod, Prepared, Start, Verdict

CODE_DIGITS = 6
CODE_LIFETIME = timedelta(minutes=5)
PURPOSE = "passcode"


class SentCode(AuthenticationMethod):
    """A random code of six digits, kept as a keyed digest bound to its request."""

    template = "reset/code.html"

    def prepare(self, start: Start) -> Prepared:
        code = secrets.one_time_passcode(CODE_DIGITS)
        bound = f"{start.request.pk}|{self.method}|"
        # Nobody's challenge keeps a digest that no six digits lead to.
        kept = code if start.is_real else secrets.random_token()
        write = messages.passcode_by_mail if self.method == Method.EMAIL else messages.passcode_by_sms
        draft = write(
            tenant_id=start.tenant.pk,
            language=start.request.language,
            recipient=start.authenticator.secret_value if start.authenticator and start.is_real else "nobody@invalid",
            code=code,
            lifetime=CODE_LIFETIME,
            correlation_id=start.request.pk,
            user_id=start.request.user_id,
            withheld=not start.is_real,
        )
        return Prepared(digest=secrets.digest(PURPOSE, bound + kept), drafts=(draft,))

    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        answer = answers[0] if len(answers) == 1 else ""
        if not (len(answer) == CODE_DIGITS and answer.isascii() and answer.isdigit()):
            return WRONG
        bound = f"{challenge.request_id}|{self.method}|"
        return Verdict(secrets.digest_matches(challenge.digest, PURPOSE, bound + answer))


class EmailCode(SentCode):
    method = Method.EMAIL


class SmsCode(SentCode):
    """The whole number on file is typed first; only a masked one is shown."""

    method = Method.SMS
    asks_destination = True


def sender_shown() -> str:
    """Which sender people should look for."""
    return str(settings.EMAIL_FROM)
