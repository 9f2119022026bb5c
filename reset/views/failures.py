"""The sentences for a password that was not accepted; the same ones whoever it was tried for."""

from datetime import datetime
from math import ceil

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reset.password_proof import Failure

# A password is not changed without telling its owner.
CANNOT_TELL = gettext_lazy(
    "We can't send messages at the moment, so nothing was changed. Please try again in a few minutes."
)


def sentence(failure: Failure, locked_until: datetime | None, wrong: str) -> str:
    """What to say. `wrong` is the page's own sentence for a wrong password."""
    if failure == Failure.LOCKED:
        return _locked(locked_until)
    if failure == Failure.BUSY:
        return _("Many people are signing in right now. Nothing was lost; please try again in a moment.")
    if failure == Failure.ADDRESS:
        return _("Too many tries from your network. Wait ten minutes and try again.")
    if failure == Failure.DIRECTORY:
        return _("Your organisation's directory can't be reached at the moment. Please try again in a few minutes.")
    return wrong


def _locked(until: datetime | None) -> str:
    seconds = (until - timezone.now()).total_seconds() if until else 60.0
    minutes = max(1, ceil(seconds / 60))
    return ngettext(
        "Too many tries. Wait a minute and try again, or get back in by resetting your password.",
        "Too many tries. Wait %(minutes)d minutes and try again, or get back in by resetting your password.",
        minutes,
    ) % {"minutes": minutes}
