"""What the last page says, for every way a request can end."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Domain
from policy.decisions import ENTRA_CODES, Refusal
from reset import prompts, stages, unlocking, writing
from reset.models import ResetRequest, State
from reset.snapshot import Snapshot
from writeback.models import WritebackJob


@dataclass(frozen=True)
class End:
    """The last page: a tone (good, bad, wait), a title, sentences, and what to press."""

    tone: str
    title: str
    sentences: tuple[str, ...] = ()
    code: str = ""
    link: str = ""
    link_text: str = ""
    can_start_again: bool = False
    can_sign_in: bool = False


def sentences(reset: ResetRequest, job: WritebackJob | None = None) -> End:
    """The end of this request, in words. `job` wrote into a directory, where one did."""
    if reset.state == State.COMPLETED:
        return _completed(reset, job)
    if reset.state == State.UNCONFIRMED:
        return _unconfirmed(reset)
    if reset.state == State.BLOCKED and reset.reason == prompts.NOT_ME:
        said = _("On the phone somebody said that it wasn't them who asked. Nothing was changed.")
        return End("bad", _("This was stopped on the phone"), (said,), can_start_again=True)
    if reset.state == State.BLOCKED:
        return End(
            "bad",
            _("Too many tries"),
            (
                _("To protect the account, self-service is closed for it until a day after the first try."),
                _("Signing in with the password still works. Your administrator can open self-service sooner."),
            ),
        )
    if reset.state == State.EXPIRED:
        return End(
            "wait",
            _("The time is over"),
            (_("A reset has to be finished within 15 minutes. Nothing was changed."),),
            can_start_again=True,
        )
    if reset.state == State.CANCELLED:
        return End("wait", _("You stopped here"), (_("Nothing was changed."),), can_start_again=True)
    return _stopped(reset)


def _unconfirmed(reset: ResetRequest) -> End:
    """Neither success nor failure is known, and neither is claimed."""
    if reset.is_unlock:
        said = [_("We don't know whether the account was unlocked. Try to sign in; if that fails, start again.")]
    else:
        said = [
            _("The connection broke while the directory was at it, so we don't know whether it took the new password."),
            _("Try to sign in with the new password first, then with the old one. If neither works, start again."),
        ]
    return End("wait", _("We don't know yet"), tuple(said), can_start_again=True, can_sign_in=True)


def _completed(reset: ResetRequest, job: WritebackJob | None) -> End:
    if reset.is_unlock:
        title, said = _("Your account is unlocked"), [_("Your password is the same as before.")]
    else:
        title = _("Your password was changed")
        said = [_("Every session that was signed in with the old password has ended.")]
        said += _where_it_holds(reset, job)
    if Snapshot.from_json(reset.snapshot).notify_users:
        said.append(_("We sent a note to every address on file."))
    return End("good", title, tuple(said), can_sign_in=True)


def _where_it_holds(reset: ResetRequest, job: WritebackJob | None) -> list[str]:
    """What people have to know who use the password elsewhere too."""
    if job is None:
        return []
    said = []
    minutes = Domain.copies_follow_within(reset.tenant, reset.user)
    if minutes:
        said.append(
            ngettext(
                "Other places that use this password may take up to %(minutes)d minute to learn of it.",
                "Other places that use this password may take up to %(minutes)d minutes to learn of it.",
                minutes,
            )
            % {"minutes": minutes}
        )
    if job.connector.says_where_it_holds:
        said.append(
            _(
                "A computer that is away from the office takes the new password only after it has reached your "
                "organisation's network once. Until then, use the old one there."
            )
        )
    return said


def _stopped(reset: ResetRequest) -> End:
    if reset.job_id:
        return _not_written(reset)
    domain = _domain_of_authority(reset)
    if reset.reason == Refusal.EXTERNAL and domain is not None:
        said = (_("%(organisation)s keeps the password for this name. Reset it there.") % {"organisation": domain[0]},)
        return End("wait", _("Your password is kept elsewhere"), said, link=domain[1], link_text=domain[0])
    if reset.reason == unlocking.TOO_OFTEN:
        said = (_("This account was unlocked three times within a day. Choose a new password instead."),)
        return End("bad", _("Your account was not unlocked"), said, can_start_again=True)
    if reset.reason == "account_changed":
        said = (_("Something about this account changed while you were here. Nothing was set. Please start again."),)
        return End("bad", _("We had to stop here"), said, can_start_again=True)
    try:
        refusal = Refusal(reset.reason)
    except ValueError:
        return End(
            "bad", _("We had to stop here"), (_("Nothing was changed. Please start again."),), can_start_again=True
        )
    title, sentence = _refused(refusal)
    return End("bad", title, (sentence,), code=ENTRA_CODES.get(refusal, ""))


def _not_written(reset: ResetRequest) -> End:
    """The directory was asked, and nothing was changed there."""
    if reset.reason == writing.TOO_MANY_REJECTIONS:
        said = _("Your organisation's directory took none of these passwords. Please ask your administrator.")
    else:
        said = stages.failure(reset.reason)
    title = _("Your account was not unlocked") if reset.is_unlock else _("Your password was not changed")
    return End("bad", title, (said, _("Nothing was changed.")), can_start_again=True)


def _domain_of_authority(reset: ResetRequest) -> tuple[str, str] | None:
    home = reset.snapshot.get("home")
    return (home["name"], home["url"]) if home else None


def _refused(refusal: Refusal) -> tuple[str, str]:
    """Why, in disclosure *helpful* and for what holds for a whole domain."""
    cannot = _("You can't reset this password here")
    reasons: dict[Refusal, tuple[str, str]] = {
        Refusal.UNKNOWN: (_("We don't know this name"), _("Look at the spelling again, or ask your administrator.")),
        Refusal.DISABLED: (cannot, _("The account is switched off.")),
        Refusal.PROTECTED: (cannot, _("The account is protected; an administrator has to help.")),
        Refusal.EXTERNAL: (cannot, _("Another organisation keeps the password for this name.")),
        Refusal.PAUSED: (
            cannot,
            _("Self-service is paused for this account, because somebody reported a reset that wasn't theirs."),
        ),
        Refusal.ADMINISTRATORS_MAY_NOT: (cannot, _("Administrators can't reset their password by self-service here.")),
        Refusal.NO_POLICY: (cannot, _("Your organisation hasn't turned this on.")),
        Refusal.OUT_OF_SCOPE: (cannot, _("Your organisation hasn't turned this on for your account.")),
        Refusal.TOO_FEW_METHODS: (cannot, _("Too few ways to prove who you are are registered for this account.")),
        Refusal.UNLOCK_NOT_ALLOWED: (cannot, _("Your organisation doesn't allow unlocking without a new password.")),
        Refusal.DIRECTORY_NOT_CONNECTED: (
            _("Not available yet"),
            _("Your organisation keeps these passwords in its own directory, which isn't connected here yet."),
        ),
        Refusal.DIRECTORY_UNREACHABLE: (
            _("Not just now"),
            _(
                "Your organisation's directory, which keeps these passwords, can't be reached at the moment. "
                "Please try again in a few minutes. Nothing was asked of you in vain."
            ),
        ),
        Refusal.CANNOT_CHANGE_PASSWORD: (
            cannot,
            _("Your organisation's directory lets only an administrator set this password."),
        ),
        Refusal.BLOCKED: (
            _("Too many tries"),
            _("Self-service is closed for this account until a day after the first try."),
        ),
    }
    return reasons[refusal]
