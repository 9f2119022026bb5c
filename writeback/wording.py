"""What directories and jobs say, in sentences for administrators. Codes come from the executors, words from here."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from writeback.connectors.base import Reason
from writeback.connectors.orders import Operation, Step, StepResult
from writeback.models import WritebackJob

Status = WritebackJob.Status

OPERATIONS: dict[str, Any] = {
    Operation.RESET: pgettext_lazy("writeback job", "Reset"),
    Operation.CHANGE: pgettext_lazy("writeback job", "Change"),
    Operation.UNLOCK: pgettext_lazy("writeback job", "Unlock"),
    Operation.VERIFY: pgettext_lazy("writeback job", "Check of a password"),
}
STEPS: dict[str, Any] = {
    Step.PASSWORD: _("Password set"),
    Step.UNLOCK: _("Unlocked"),
    Step.MUST_CHANGE: _("New password asked for at the next sign-in"),
}
RESULTS: dict[str, Any] = {
    StepResult.DONE: _("done"),
    StepResult.NOT_NEEDED: _("not needed"),
    StepResult.NOT_POSSIBLE: _("not possible here"),
    StepResult.FAILED: _("failed"),
    StepResult.UNKNOWN: _("not known"),
}
REASONS: dict[str, Any] = {
    Reason.TOO_SHORT: _("The new password is too short."),
    Reason.IN_HISTORY: _("The new password was used before."),
    Reason.COMPLEXITY: _("The new password is too simple for the directory."),
    Reason.POLICY: _("The directory's password policy says no, and not why."),
    Reason.TOO_YOUNG: _("The password was changed too recently."),
    Reason.WRONG_PASSWORD: _("The password is not right."),
    Reason.MUST_CHANGE: _("The password is right and has to be changed."),
    Reason.PASSWORD_EXPIRED: _("The password is right and has expired."),
    Reason.LOCKED: _("The account is locked in the directory."),
    Reason.TOO_FEW_TRIES: _("One more wrong password might lock the account, so nothing was tried."),
    Reason.DISABLED: _("The account is disabled in the directory."),
    Reason.ACCOUNT_EXPIRED: _("The account has expired in the directory."),
    Reason.PROTECTED: _("The account is protected: nothing is written to it."),
    Reason.CANNOT_CHANGE: _("The directory does not let this person change the password."),
    Reason.NOT_FOUND: _("The directory has no such account."),
    Reason.NO_RIGHTS: _("The service account lacks the right to do this."),
    Reason.NOT_SUPPORTED: _("This can't be done here."),
    Reason.NOT_TRUSTED: _("The directory's certificate is not trusted."),
    Reason.UNREACHABLE: _("The directory can't be reached."),
    Reason.CHANGED_ELSEWHERE: _("Somebody set another password meanwhile."),
    Reason.UNKNOWN: _("The directory gave an answer that we don't know."),
}
WARNINGS: dict[str, Any] = {
    "history_not_on_reset": _(
        "A reset may set an earlier password again, and soon after the last change: this directory applies password "
        "history and minimum age to changes only, not to resets."
    ),
    "account_is_privileged": _(
        "The service account may do far more than it needs. Give it the rights to reset passwords and to unlock, no others."
    ),
    "policy_not_enforced": _(
        "The directory's password policy does not hold for what the service account sets: only the rules here do."
    ),
    "policy_unreadable": _(
        "The service account may not read the password policy, so lengths and tries left are guessed. Let it read the policy."
    ),
    "no_password_policy": _("The directory has no password policy, and so no lock after wrong passwords."),
}
CANNOT: dict[str, Any] = {
    "unlocks": _("This directory can't unlock an account."),
    "requires_change": _("This directory can't ask for a new password at the next sign-in."),
    "tells_tries_left": _("This directory does not tell how many wrong passwords are left before it locks an account."),
    "names_broken_rule": _("This directory does not say which rule a rejected password broke."),
}
TONES: dict[str, str] = {
    Status.APPLIED: "good",
    Status.REJECTED: "warn",
    Status.SUPERSEDED: "quiet",
    Status.FAILED: "bad",
    Status.EXPIRED: "bad",
    Status.UNCONFIRMED: "bad",
}


def reason_of(job: WritebackJob) -> str:
    """Why it ended as it did; empty where nothing needs a reason. An unknown word is shown as it is."""
    return str(REASONS.get(job.reason, job.reason))


def steps_of(job: WritebackJob) -> list[str]:
    """Each step with what came of it."""
    return [f"{STEPS.get(step, step)}: {RESULTS.get(result, result)}" for step, result in job.steps.items()]


def tone_of(job: WritebackJob) -> str:
    """How good that is: good, warn, bad, quiet; busy while it goes on."""
    return TONES.get(job.status, "busy")
