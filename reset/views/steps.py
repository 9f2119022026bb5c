"""The page of each step, and how a form leads on to the next one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.methods import Method
from accounts.models import Tenant
from policy import passwords
from policy.passwords import Rule
from reset import challenges, flow, passkeys, stages
from reset.flow import Step
from reset.forms import AnswersForm, DestinationForm, PasswordForm, code_form
from reset.methods import METHODS
from reset.methods.codes import sender_shown
from reset.models import Challenge, OwnChallenge, ResetRequest, State
from reset.questions import texts
from reset.requests import TooOften
from reset.sending import COUNTRY_NOT_ALLOWED, UNREACHABLE, NotSent
from reset.views import access
from reset.views.ends import sentences
from reset.views.pages import page
from writeback import jobs

DIRECT = "direct"
"""The field that rekey.js adds to a form: answer with the next page itself; the script corrects the shown address."""


WAITING = "waiting"
"""Asks a page of somebody known whether there is still nothing to do, while a call or a phone is waited for."""


def proceed(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """On to the step where this person now is: its page at once where scripts run, else a redirect to it.

    Without scripts a reload of a form's answer would ask whether to send the form again, so those get the redirect.
    """
    return step_page(request, reset, slug) if DIRECT in request.POST else access.to_step(reset, slug)


def step_page(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """The page of the current step, as it is when nothing went wrong."""
    step = flow.current_step(reset)
    if step == Step.PASSWORD:
        return password_page(request, reset, slug, PasswordForm(), passwords.rules(reset.tenant))
    if step == Step.WRITING:
        return writing_page(request, reset, slug)
    if step == Step.END:
        return end_page(request, reset, slug)
    return verify_page(request, reset, slug)


def verify_page(
    request: HttpRequest,
    reset: ResetRequest,
    slug: str | None,
    error: str = "",
    notice: str = "",
    form: Any = None,
    status: int = 200,
) -> HttpResponse:
    """The page of the current step, with what went wrong."""
    step = flow.current_step(reset)
    if step not in (Step.CHOOSE, Step.DESTINATION, Step.ANSWER):
        return proceed(request, reset, slug)
    offers = flow.offers_of(reset)
    context: dict[str, Any] = {
        "error": error,
        "notice": notice,
        "gate": len(reset.passed) + 1,
        "has_others": len(offers) > 1,
        "tries_left": getattr(reset, "tries_left", None),
    }
    if step == Step.CHOOSE:
        return _page(request, "reset/choose.html", reset, slug, status, offers=offers, **context)
    if step == Step.DESTINATION:
        return _page(request, "reset/destination.html", reset, slug, status, form=form or DestinationForm(), **context)
    challenge = reset.challenge
    assert challenge is not None
    template = METHODS[Method(challenge.method)].template
    return _page(request, template, reset, slug, status, **_answer_context(reset, challenge, error), **context)


def _answer_context(reset: ResetRequest, challenge: Challenge, error: str) -> dict[str, Any]:
    if challenge.method == Method.QUESTIONS:
        return {"form": AnswersForm(texts(challenge.questions, reset.tenant))}
    if challenge.method == Method.PASSKEY:
        return {"options": passkeys.request_options(str(challenge.pk)), "challenge": challenge}
    return {
        "form": code_form(challenge.method, error),
        "challenge": challenge,
        "sender": sender_shown(),
        "wait": seconds_to_wait(challenge),
        "waits": is_waited_for(challenge),
    }


def seconds_to_wait(challenge: Challenge | OwnChallenge) -> int:
    """Until what was sent may be sent again; 0 when it may be now."""
    again_at = challenges.again_at(challenge)
    left = (again_at - timezone.now()).total_seconds() if again_at else 0
    return int(left) + 1 if left > 0 else 0


def is_waited_for(challenge: Challenge | OwnChallenge) -> bool:
    """Whether the page of this challenge has nothing to do yet: it is to be confirmed elsewhere, and there is time."""
    waits = METHODS[Method(challenge.method)].confirmed_elsewhere and challenge.confirmed_at is None
    return waits and challenge.expires_at > timezone.now()


def password_page(
    request: HttpRequest,
    reset: ResetRequest,
    slug: str | None,
    form: PasswordForm,
    rules: list[Rule],
    status: int = 200,
) -> HttpResponse:
    rejected = stages.rejection(reset.reason) if reset.rejections else ""
    return _page(request, "reset/password.html", reset, slug, status, form=form, rules=rules, rejected=rejected)


def writing_page(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """How far the password, or the unlock, has come on its way to the directory."""
    return _page(request, "reset/writing.html", reset, slug, **progress_of(reset))


def progress_of(reset: ResetRequest) -> dict[str, Any]:
    """What the page of a job on its way shows; the same again and again while it goes on."""
    job = jobs.waiting_for(reset.pk)
    if job is None:
        return {"stages": [], "notice": ""}
    return {"stages": stages.stages(job), "notice": stages.notice(job, timezone.now())}


def end_page(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """How it ended."""
    sign_in = access.address("signin", slug)
    job = jobs.waiting_for(reset.pk) if reset.job_id else None
    done = stages.stages(job) if job and reset.state == State.COMPLETED else []
    return _page(request, "reset/end.html", reset, slug, end=sentences(reset, job), sign_in=sign_in, stages=done)


def _page(
    request: HttpRequest, template: str, reset: ResetRequest, slug: str | None, status: int = 200, **context: Any
) -> HttpResponse:
    return page(
        request,
        template,
        reset.tenant,
        status,
        reset.support_code,
        reset=reset,
        slug=slug,
        step=flow.current_step(reset),
        step_address=access.step_address(reset, slug),
        **context,
    )


def too_often(request: HttpRequest, tenant: Tenant | None, wait: TooOften) -> HttpResponse:
    return page(request, "reset/too_often.html", tenant, 429, until=wait.ends_at, wait=wait_text(wait))


def not_sent_text(stopped: NotSent) -> str:
    """Why no text and no call goes out; another way is open."""
    if stopped.reason == COUNTRY_NOT_ALLOWED:
        return _("Your organisation doesn't text or call numbers of this country. Please go another way.")
    if stopped.reason == UNREACHABLE:
        return _("That doesn't go out just now: its provider can't be reached. Please go another way.")
    return _(
        "No more texts and calls go out today: the limit is reached. Please go another way, or try again tomorrow."
    )


def busy_text() -> str:
    return _("Many people are at it just now. Nothing is lost: try again in a moment.")


def wait_text(wait: TooOften) -> str:
    seconds = max(1, int((wait.ends_at - timezone.now()).total_seconds()) + 1)
    if seconds < 90:
        return _("Please wait %(seconds)d seconds, then try again.") % {"seconds": seconds}
    if seconds < 2 * 3600:
        return _("That was a little often. Please try again in %(minutes)d minutes.") % {"minutes": -(-seconds // 60)}
    return _("That was too often. Please try again in %(hours)d hours.") % {"hours": -(-seconds // 3600)}
