"""What somebody sees of a job on its way into their directory, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from writeback.connectors.base import Reason
from writeback.connectors.orders import Operation, Step, StepResult
from writeback.models import Connector, WritebackJob

SLOW_AFTER = timedelta(seconds=8)
Status = WritebackJob.Status


@dataclass(frozen=True)
class Stage:
    """One line: how it stands (done, now, todo, failed) and what it is."""

    state: str
    text: str


def stages(job: WritebackJob) -> list[Stage]:
    """Accepted, picked up, and each step in the directory as far as it is known."""
    return [Stage("done", _("Accepted")), _picked_up(job), *_steps(job)]


def _picked_up(job: WritebackJob) -> Stage:
    if job.claimed_at is None:
        return Stage("now", _("Waiting to be picked up"))
    if job.agent is not None:
        return Stage("done", _("Picked up by %(agent)s") % {"agent": job.agent.name})
    return Stage("done", _("Picked up"))


def _steps(job: WritebackJob) -> list[Stage]:
    running = job.status == Status.CLAIMED
    wanted = [Step.PASSWORD] if job.operation in (Operation.RESET, Operation.CHANGE) else []
    if job.unlock or job.operation == Operation.UNLOCK:
        wanted.append(Step.UNLOCK)
    if job.must_change:
        wanted.append(Step.MUST_CHANGE)
    shown: list[Stage] = []
    for step in wanted:
        result = job.steps.get(step)
        state = "now" if running and result is None and all(one.state != "now" for one in shown) else "todo"
        shown.append(_step(step, result, state))
    return shown


def _step(step: Step, result: str | None, state: str) -> Stage:
    texts = {
        Step.PASSWORD: (_("Set the password"), _("Password set"), _("The password was not set")),
        Step.UNLOCK: (_("Unlock the account"), _("Account unlocked"), _("The account could not be unlocked")),
        Step.MUST_CHANGE: (
            _("Ask for a new password at the next sign-in"),
            _("A new password is asked for at the next sign-in"),
            _("The directory will not ask for a new password at the next sign-in"),
        ),
    }
    open_text, done, failed = texts[step]
    if result is None:
        return Stage(state, open_text)
    if result == StepResult.NOT_NEEDED and step == Step.UNLOCK:
        return Stage("done", _("The account was not locked"))
    if result in (StepResult.DONE, StepResult.NOT_NEEDED):
        return Stage("done", done)
    return Stage("failed", failed)


def notice(job: WritebackJob, now: datetime) -> str:
    """What to say to somebody who waits longer than usual; nothing while it is as usual."""
    if now - job.created_at < SLOW_AFTER:
        return ""
    if job.connector.patience == Connector.Patience.HOLD:
        return _(
            "Your organisation's directory can't be reached at the moment. Your new password is kept, sealed, and set as "
            "soon as the directory is back. You can close this page; if it doesn't work out, nothing is changed."
        )
    return _("This takes longer than usual. It is over in a minute at the latest, one way or the other.")


def rejection(reason: str) -> str:
    """Why the directory wants another password."""
    reasons = {
        Reason.TOO_SHORT: _("Your organisation's directory wants a longer password."),
        Reason.IN_HISTORY: _("You have used this password before. Your organisation's directory wants a new one."),
        Reason.COMPLEXITY: _(
            "Your organisation's directory wants more kinds of characters (capital and small letters, digits, signs), and "
            "nothing of your name."
        ),
    }
    general = _(
        "Your organisation's directory doesn't take this password. It may be too short or too simple, or you have used it "
        "before."
    )
    return reasons.get(Reason(reason), general) if reason in set(Reason) else general


def failure(reason: str) -> str:
    """Why nothing was written, for the person it concerns."""
    reasons: dict[str, str] = {
        Reason.TOO_YOUNG: _(
            "The password was changed only a short while ago, and your organisation's directory wants it kept for longer. "
            "Please try again tomorrow, or ask your administrator."
        ),
        Reason.CANNOT_CHANGE: _("Your organisation's directory lets only an administrator set this password."),
        Reason.DISABLED: _("The account is switched off in your organisation's directory."),
        Reason.ACCOUNT_EXPIRED: _("The account has run out in your organisation's directory."),
        Reason.LOCKED: _("The account is locked in your organisation's directory."),
        Reason.PROTECTED: _("The account is protected; an administrator has to help."),
        Reason.NO_RIGHTS: _("We are not allowed to set this password. An administrator has to help."),
        Reason.NOT_FOUND: _("Your organisation's directory doesn't know the account any more."),
        Reason.TOO_FEW_TRIES: _("Too many wrong passwords were tried: another one could lock the account."),
        Reason.CHANGED_ELSEWHERE: _("Somebody set another password for this account while you were here."),
        Status.SUPERSEDED: _("A newer request for this account took the place of this one."),
    }
    unreachable = _("Your organisation's directory could not be reached in time.")
    return reasons.get(reason, unreachable)
