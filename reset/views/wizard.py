"""The wizard's pages. Each asks `flow` where the person should be; none decides anything."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import tenants
from accounts.executors import NoExecutor
from accounts.methods import Method
from accounts.models import Tenant
from policy import passwords
from policy.passwords import Rule
from reset import captcha, flow
from reset.beginning import Beginning
from reset.challenges import SEND_AGAIN_AFTER
from reset.flow import Answered, Step
from reset.forms import AnswersForm, CodeForm, DestinationForm, IdentifyForm, PasswordForm
from reset.methods import METHODS
from reset.methods.codes import sender_shown
from reset.models import Challenge, ResetRequest, State
from reset.questions import texts
from reset.requests import NotOffered, TooOften
from reset.views import access
from reset.views.access import at_steps
from reset.views.ends import sentences
from reset.views.pages import page

FORM_METHODS = ["GET", "HEAD", "POST"]


@never_cache
@require_http_methods(FORM_METHODS)
def identify(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Who are you? The first page."""
    reset = access.resumed(request)
    if reset is not None and flow.current_step(reset) not in (Step.IDENTIFY, Step.END):
        return access.to_step(reset, slug)
    tenant = access.hinted_tenant(request, slug)
    if request.method != "POST":
        initial = {"user": request.GET.get("username", ""), "trouble": _trouble(request)}
        return _identify_page(request, tenant, IdentifyForm(initial=initial), slug)
    form = IdentifyForm(request.POST)
    if not form.is_valid() or not _is_human(request, form):
        return _identify_page(request, tenant, form, slug)
    return _begin(request, tenant, form, slug)


def _trouble(request: HttpRequest) -> str:
    wish = request.GET.get("trouble", "")
    return wish if wish in ResetRequest.Trouble.values else ResetRequest.Trouble.FORGOT


def _is_human(request: HttpRequest, form: IdentifyForm) -> bool:
    given = form.cleaned_data
    if not settings.CAPTCHA_REQUIRED:
        return True
    visit = request.META.get("CSRF_COOKIE", "")
    right = captcha.consume(visit, given["captcha_key"], given["captcha_binding"], given["captcha"], timezone.now())
    if not right:
        form.add_error("captcha", _("Those were not the letters. Here is a new picture."))
    return right


def _begin(request: HttpRequest, tenant: Tenant | None, form: IdentifyForm, slug: str | None) -> HttpResponse:
    start = Beginning(
        typed=form.cleaned_data["user"],
        trouble=form.cleaned_data["trouble"],
        visitor=request.visitor,  # type: ignore[attr-defined]
        language=translation.get_language() or "en",
        browser=access.known_browser(request),
        tenant=tenant if slug else None,
    )
    try:
        reset, secret = flow.begin(start)
    except flow.UnknownOrganisation:
        form.add_error("user", _("No organisation here uses this name. Look at the part after the @ again."))
        return _identify_page(request, tenant, form, slug)
    except TooOften as wait:
        return too_often(request, tenant, wait)
    response = access.to_step(reset, slug)
    access.remember(response, reset, secret)
    return response


def _identify_page(request: HttpRequest, tenant: Tenant | None, form: IdentifyForm, slug: str | None) -> HttpResponse:
    get_token(request)
    fresh = captcha.issue(request.META["CSRF_COOKIE"]) if settings.CAPTCHA_REQUIRED else None
    return page(
        request,
        "reset/identify.html",
        tenant,
        form=form,
        picture=fresh,
        lost="lost" in request.GET,
        slug=slug,
        sign_in=access.address("signin", slug),
    )


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@at_steps(Step.CHOOSE, Step.DESTINATION, Step.ANSWER)
def verify(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """Prove who you are: choose a way, type the number where it is asked, answer."""
    if request.method != "POST":
        return _verify_page(request, reset, slug)
    try:
        return ACTIONS.get(request.POST.get("action", ""), _unclear)(request, reset, slug)
    except NotOffered:
        return access.to_step(reset, slug)
    except TooOften as wait:
        return _verify_page(request, reset, slug, notice=_wait_text(wait))
    except passwords.Busy:
        return _verify_page(request, reset, slug, error=_busy_text(), status=503)
    except NoExecutor:
        return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code, slug=slug)


def _unclear(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """A form without a known button. Where an answer is due it is one: wrong, and counted."""
    return _answer(request, reset, slug) if flow.current_step(reset) == Step.ANSWER else access.to_step(reset, slug)


def _choose(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    method, _separator, authenticator = request.POST.get("offer", "").partition(":")
    if not authenticator.isdecimal() or len(authenticator) > 18:
        return _verify_page(request, reset, slug, error=_("Choose one of these ways."))
    flow.choose(reset, method, int(authenticator), request.visitor)  # type: ignore[attr-defined]
    return access.to_step(reset, slug)


def _type_destination(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    form = DestinationForm(request.POST)
    if not form.is_valid():
        return _verify_page(request, reset, slug, form=form)
    flow.type_destination(reset, form.cleaned_data["number"], request.visitor)  # type: ignore[attr-defined]
    return access.to_step(reset, slug)


def _answer(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    answered, secret = flow.answer(reset, _answers(request, reset), request.visitor)  # type: ignore[attr-defined]
    if answered in (Answered.WRONG, Answered.TOO_LATE):
        return _verify_page(request, reset, slug, error=_why_not(reset, answered))
    response = access.to_step(reset, slug)
    if secret:
        access.remember(response, reset, secret)
    if reset.state == State.COMPLETED:
        access.recognise_browser(request, response, reset)
    return response


def _answers(request: HttpRequest, reset: ResetRequest) -> list[str]:
    """What was typed. A field sent twice is a wrong answer, never one of the two."""
    if reset.challenge is not None and reset.challenge.method == Method.QUESTIONS:
        fields = [f"answer_{number}" for number in range(len(reset.challenge.questions))]
        return [_only(request.POST.getlist(field)) for field in fields]
    return [_only(request.POST.getlist("code")).strip()]


def _only(values: list[str]) -> str:
    return values[0] if len(values) == 1 else ""


def _why_not(reset: ResetRequest, answered: Answered) -> str:
    if answered == Answered.TOO_LATE:
        return _("That code has run out. Send a new one.")
    if reset.challenge is not None and reset.challenge.method == Method.QUESTIONS:
        return _("Not all of that is right. Here are other questions.")
    return _("That is not the right code.")


def _send_again(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    flow.send_again(reset, request.visitor)  # type: ignore[attr-defined]
    return access.to_step(reset, slug)


def _another(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    flow.choose_another(reset)
    return access.to_step(reset, slug)


ACTIONS = {
    "choose": _choose,
    "destination": _type_destination,
    "answer": _answer,
    "again": _send_again,
    "another": _another,
}


def _verify_page(
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
        return access.to_step(reset, slug)
    offers = flow.offers_of(reset)
    context: dict[str, Any] = {
        "slug": slug,
        "error": error,
        "notice": notice,
        "gate": len(reset.passed) + 1,
        "has_others": len(offers) > 1,
        "tries_left": getattr(reset, "tries_left", None),
    }
    if step == Step.CHOOSE:
        return _page(request, "reset/choose.html", reset, status, offers=offers, **context)
    if step == Step.DESTINATION:
        return _page(request, "reset/destination.html", reset, status, form=form or DestinationForm(), **context)
    challenge = reset.challenge
    assert challenge is not None
    template = METHODS[Method(challenge.method)].template
    return _page(request, template, reset, status, **_answer_context(reset, challenge, error), **context)


def _answer_context(reset: ResetRequest, challenge: Challenge, error: str) -> dict[str, Any]:
    if challenge.method == Method.QUESTIONS:
        return {"form": AnswersForm(texts(challenge.questions, reset.tenant))}
    form = CodeForm()
    if error:
        form.fields["code"].widget.attrs.update(
            {"aria-invalid": "true", "aria-describedby": "id_code_error", "autofocus": ""}
        )
    wait = (challenge.sent_at + SEND_AGAIN_AFTER - timezone.now()).total_seconds() if challenge.sent_at else 0
    return {
        "form": form,
        "challenge": challenge,
        "sender": sender_shown(),
        "wait": max(0, int(wait) + 1 if wait > 0 else 0),
    }


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@at_steps(Step.PASSWORD)
def password(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """Choose a new password."""
    if request.method != "POST":
        return _password_page(request, reset, slug, PasswordForm(), passwords.rules(reset.tenant))
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _password_page(request, reset, slug, form, passwords.rules(reset.tenant))
    typed = form.cleaned_data["password"]
    try:
        broken, secret = flow.submit_password(reset, typed, request.visitor)  # type: ignore[attr-defined]
    except passwords.Busy:
        form.add_error(None, _busy_text())
        return _password_page(request, reset, slug, form, passwords.rules(reset.tenant), 503)
    except NoExecutor:
        return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code, slug=slug)
    if broken:
        form.add_error("password", _("Choose another one: see the list below."))
        return _password_page(request, reset, slug, form, passwords.check(typed, user=reset.user, tenant=reset.tenant))
    response = access.to_step(reset, slug)
    if secret:
        access.remember(response, reset, secret)
    if reset.state == State.COMPLETED:
        access.recognise_browser(request, response, reset)
    return response


def _password_page(
    request: HttpRequest,
    reset: ResetRequest,
    slug: str | None,
    form: PasswordForm,
    rules: list[Rule],
    status: int = 200,
) -> HttpResponse:
    return _page(request, "reset/password.html", reset, status, form=form, rules=rules, slug=slug)


@never_cache
@require_http_methods(["GET", "HEAD"])
@at_steps(Step.END)
def status(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """How it ended; readable for ten minutes, by this browser only."""
    return _page(
        request, "reset/end.html", reset, end=sentences(reset), slug=slug, sign_in=access.address("signin", slug)
    )


@never_cache
@require_http_methods(["POST"])
def cancel(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Leave; a new start is one press away."""
    reset = access.resumed(request)
    if reset is not None:
        with tenants.opened(reset.tenant):
            flow.cancel(reset, request.visitor)  # type: ignore[attr-defined]
    response = HttpResponseRedirect(access.address("reset-identify", slug))
    response.delete_cookie(access.COOKIE, samesite="Lax")
    return response


def _page(request: HttpRequest, template: str, reset: ResetRequest, status: int = 200, **context: Any) -> HttpResponse:
    return page(
        request,
        template,
        reset.tenant,
        status,
        reset.support_code,
        reset=reset,
        step=flow.current_step(reset),
        **context,
    )


def too_often(request: HttpRequest, tenant: Tenant | None, wait: TooOften) -> HttpResponse:
    return page(request, "reset/too_often.html", tenant, 429, until=wait.ends_at, wait=_wait_text(wait))


def _busy_text() -> str:
    return _("Many people are at it just now. Nothing is lost: try again in a moment.")


def _wait_text(wait: TooOften) -> str:
    seconds = max(1, int((wait.ends_at - timezone.now()).total_seconds()) + 1)
    if seconds < 90:
        return _("Please wait %(seconds)d seconds, then try again.") % {"seconds": seconds}
    if seconds < 2 * 3600:
        return _("That was a little often. Please try again in %(minutes)d minutes.") % {"minutes": -(-seconds // 60)}
    return _("That was too often. Please try again in %(hours)d hours.") % {"hours": -(-seconds // 3600)}
