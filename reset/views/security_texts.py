"""Sentences of security info: what a method is called there, and what is wrong with an answer."""

from collections.abc import Callable

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.executors import NoExecutor
from accounts.methods import AuthenticatorType, Kind, Method
from reset.challenges import SEND_AGAIN_AFTER
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from reset.requests import NotOffered, TooOften
from reset.views.failures import CANNOT_TELL
from reset.views.steps import wait_text

ADD: dict[Method, tuple[str | Promise, str | Promise]] = {
    Method.PASSKEY: (gettext_lazy("Passkey or security key"), gettext_lazy("With fingerprint, face or PIN")),
    Method.APP_CODE: (gettext_lazy("Authenticator app"), gettext_lazy("Shows a new code every 30 seconds")),
    Method.SMS: (gettext_lazy("Mobile phone"), gettext_lazy("Gets a code by text message")),
    Method.EMAIL: (gettext_lazy("E-mail address"), gettext_lazy("Gets a code by e-mail")),
    Method.RECOVERY_CODE: (gettext_lazy("Recovery codes"), gettext_lazy("Ten codes to print, each works once")),
    Method.QUESTIONS: (gettext_lazy("Security questions"), gettext_lazy("Questions that you answer now")),
}
METHOD_OF: dict[AuthenticatorType, Method] = {
    AuthenticatorType.APP: Method.APP_CODE,
    AuthenticatorType.MOBILE_PHONE: Method.SMS,
    AuthenticatorType.EMAIL: Method.EMAIL,
    AuthenticatorType.QUESTIONS: Method.QUESTIONS,
    AuthenticatorType.RECOVERY_CODES: Method.RECOVERY_CODE,
    AuthenticatorType.PASSKEY: Method.PASSKEY,
}
ICONS: dict[Kind, str] = {
    Kind.MAIL: "mail",
    Kind.PHONE: "phone",
    Kind.APP: "app",
    Kind.QUESTIONS: "questions",
    Kind.RECOVERY: "sheet",
    Kind.PASSKEY: "key",
    Kind.PASS: "ticket",
}


def check_sentence(checked: Checked, method: Method, skew: int = 0) -> str:
    """Why an answer didn't count. `skew`: minutes that the phone seems to be ahead, or behind (below zero)."""
    if checked == Checked.TOO_LATE:
        return _("The time for that was over. Please go back and start again.")
    if skew:
        return skew_sentence(skew)
    if method == Method.QUESTIONS:
        return _("Not all of that is right. Here are other questions.")
    if method == Method.PASSKEY:
        return _("That didn't work. Please try again, with a passkey that was made here.")
    if method == Method.RECOVERY_CODE:
        return _("That is no code of your newest sheet, or it was used before.")
    if method == Method.APP_CODE:
        return _(
            "That code isn't right, or was used before. Wait for the next one; if none is accepted, look whether the "
            "clock of the phone is right."
        )
    return _("That isn't the code we sent last. Please look again.")


def skew_sentence(skew: int) -> str:
    """What a person can do about a phone whose clock is wrong."""
    told = {"minutes": abs(skew)}
    if skew < 0:
        return (
            ngettext(
                "The clock of your phone seems to be %(minutes)d minute slow. Set it to automatic, then type the next code.",
                "The clock of your phone seems to be %(minutes)d minutes slow. Set it to automatic, then type the next code.",
                abs(skew),
            )
            % told
        )
    return (
        ngettext(
            "The clock of your phone seems to be %(minutes)d minute fast. Set it to automatic, then wait as long before "
            "you type a new code.",
            "The clock of your phone seems to be %(minutes)d minutes fast. Set it to automatic, then wait as long before "
            "you type a new code.",
            skew,
        )
        % told
    )


def sent_again(send: Callable[[], None]) -> str:
    """Send a new code, and say what became of it."""
    try:
        send()
    except NotOffered:
        return _("That isn't possible any more. Please choose again.")
    except TooOften as wait:
        return wait_text(wait)
    except NoExecutor:
        return str(CANNOT_TELL)
    return _("A new code is on its way. The one before doesn't work any more.")


def seconds_to_wait(challenge: OwnChallenge) -> int:
    """Until a code may be sent again; 0 when it may be now."""
    if challenge.sent_at is None:
        return 0
    left = (challenge.sent_at + SEND_AGAIN_AFTER - timezone.now()).total_seconds()
    return max(0, int(left) + 1 if left > 0 else 0)
