"""Sentences of security info: what a method is called there, and what is wrong with an answer."""

from collections.abc import Callable, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.executors import NoExecutor
from accounts.methods import Method
from reset import registration
from reset.own_challenges import Checked
from reset.requests import NotOffered, TooOften
from reset.sending import NotSent
from reset.views.failures import CANNOT_TELL
from reset.views.steps import not_sent_text, wait_text

ADD: dict[Method, tuple[str | Promise, str | Promise]] = {
    Method.PASSKEY: (gettext_lazy("Passkey or security key"), gettext_lazy("With fingerprint, face or PIN")),
    Method.APP_NOTIFICATION: (gettext_lazy("Approve on my phone"), gettext_lazy("It asks, you type a number")),
    Method.APP_CODE: (gettext_lazy("Authenticator app"), gettext_lazy("Shows a new code every 30 seconds")),
    Method.SMS: (gettext_lazy("Mobile phone"), gettext_lazy("Gets a code by text message")),
    Method.CALL: (gettext_lazy("Mobile phone"), gettext_lazy("Is called, and confirms by pressing keys")),
    Method.OFFICE_CALL: (gettext_lazy("Office phone"), gettext_lazy("Is called, and confirms by pressing keys")),
    Method.EMAIL: (gettext_lazy("E-mail address"), gettext_lazy("Gets a code by e-mail")),
    Method.RECOVERY_CODE: (gettext_lazy("Recovery codes"), gettext_lazy("Ten codes to print, each works once")),
    Method.QUESTIONS: (gettext_lazy("Security questions"), gettext_lazy("Questions that you answer now")),
}


def ways_to_add(methods: Sequence[Method]) -> list[Method]:
    """One way for each thing that can be registered: a mobile phone by the first of text and call that is allowed."""
    first = {registration.TYPE_OF[method]: method for method in reversed(methods)}
    return [method for method in methods if first[registration.TYPE_OF[method]] == method]


def check_sentence(checked: Checked, method: Method, skew: int = 0) -> str:
    """Why an answer didn't count. `skew`: minutes that the phone seems to be ahead, or behind (below zero)."""
    if checked == Checked.WAITING:
        return ""
    if checked == Checked.TOO_LATE:
        return _("The time for that was over. Please go back and start again.")
    if skew:
        return skew_sentence(skew)
    if method == Method.QUESTIONS:
        return _("Not all of that is right. Here are other questions.")
    if method == Method.PASSKEY:
        return _("That didn't work. Please try again, with a passkey that was made here.")
    if method == Method.APP_NOTIFICATION:
        return _("That isn't the number that the phone shows.")
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
    except NotSent as stopped:
        return not_sent_text(stopped)
    except NoExecutor:
        return str(CANNOT_TELL)
    return _("It is on its way once more. What was sent before doesn't work any more.")
