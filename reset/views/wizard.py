"""The wizard's pages. Each asks `flow` where the person should be; none decides anything."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import tenants
from accounts.executors import NoExecutor
from accounts.methods import Method
from accounts.models import Tenant
from policy import hashing, passwords
from reset import captcha, flow
from reset.beginning import Beginning
from reset.flow import Answered, Step
from reset.forms import DestinationForm, IdentifyForm, PasswordForm
from reset.methods import METHODS
from reset.models import ResetRequest, State
from reset.requests import NotOffered, TooOften
from reset.sending import NotSent
from reset.views import access, steps
from reset.views.access import at_steps
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
        return steps.too_often(request, tenant, wait)
    with tenants.opened(reset.tenant):
        response = steps.proceed(request, reset, slug)
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
        return steps.verify_page(request, reset, slug)
    try:
        return ACTIONS.get(request.POST.get("action", ""), _unclear)(request, reset, slug)
    except NotOffered:
        return access.to_step(reset, slug)
    except TooOften as wait:
        return steps.verify_page(request, reset, slug, notice=steps.wait_text(wait))
    except NotSent as stopped:
        return steps.verify_page(request, reset, slug, notice=steps.not_sent_text(stopped))
    except hashing.Busy:
        return steps.verify_page(request, reset, slug, error=steps.busy_text(), status=503)
    except NoExecutor:
        return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code, slug=slug)


@never_cache
@require_safe
def waiting(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """What a page that waits asks again and again: for a call or a phone, or for a directory, with how far it has come.

    One statement (for a directory two), a stranger's too; a stranger's page waits until the time is over.
    """
    reset = access.resumed(request)
    if reset and flow.current_step(reset) == Step.WRITING:
        with tenants.opened(reset.tenant):
            shown = render_to_string("parts/stages.html", steps.progress_of(reset))
        return JsonResponse({"waits": True, "stages": shown})
    challenge = reset.challenge if reset and flow.current_step(reset) == Step.ANSWER else None
    return JsonResponse({"waits": challenge is not None and steps.is_waited_for(challenge)})


def _unclear(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """A form without a known button. Where an answer is due it is one: wrong, and counted."""
    return _answer(request, reset, slug) if flow.current_step(reset) == Step.ANSWER else access.to_step(reset, slug)


def _choose(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    method, _separator, authenticator = request.POST.get("offer", "").partition(":")
    if not authenticator.isdecimal() or len(authenticator) > 18:
        return steps.verify_page(request, reset, slug, error=_("Choose one of these ways."))
    flow.choose(reset, method, int(authenticator), request.visitor)  # type: ignore[attr-defined]
    return steps.proceed(request, reset, slug)


def _type_destination(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    form = DestinationForm(request.POST)
    if not form.is_valid():
        return steps.verify_page(request, reset, slug, form=form)
    flow.type_destination(reset, form.cleaned_data["number"], request.visitor)  # type: ignore[attr-defined]
    return steps.proceed(request, reset, slug)


def _answer(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    answered, secret = flow.answer(reset, _answers(request, reset), access.visitor_in_browser(request))
    if answered in (Answered.WRONG, Answered.TOO_LATE, Answered.WAITING):
        return steps.verify_page(request, reset, slug, error=_why_not(reset, answered))
    response = steps.proceed(request, reset, slug)
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
    if answered == Answered.WAITING:
        return ""
    if answered == Answered.TOO_LATE:
        return (
            _("The time for that is over. Try again.") if _waits(reset) else _("That code has run out. Send a new one.")
        )
    if reset.challenge is not None and reset.challenge.method == Method.QUESTIONS:
        return _("Not all of that is right. Here are other questions.")
    return _("That is not the right code.")


def _waits(reset: ResetRequest) -> bool:
    return reset.challenge is not None and METHODS[Method(reset.challenge.method)].confirmed_elsewhere


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


@never_cache
@sensitive_post_parameters()
@require_http_methods(FORM_METHODS)
@at_steps(Step.PASSWORD)
def password(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """Choose a new password."""
    if request.method != "POST":
        return steps.password_page(request, reset, slug, PasswordForm(), passwords.rules(reset.tenant))
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return steps.password_page(request, reset, slug, form, passwords.rules(reset.tenant))
    typed = form.cleaned_data["password"]
    try:
        broken, secret = flow.submit_password(reset, typed, request.visitor)  # type: ignore[attr-defined]
    except hashing.Busy:
        form.add_error(None, steps.busy_text())
        return steps.password_page(request, reset, slug, form, passwords.rules(reset.tenant), 503)
    except NoExecutor:
        return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code, slug=slug)
    if broken:
        form.add_error("password", _("Choose another one: see the list below."))
        return steps.password_page(
            request, reset, slug, form, passwords.check(typed, user=reset.user, tenant=reset.tenant)
        )
    response = steps.proceed(request, reset, slug)
    if secret:
        access.remember(response, reset, secret)
    if reset.state == State.COMPLETED:
        access.recognise_browser(request, response, reset)
    return response


@never_cache
@require_http_methods(["GET", "HEAD"])
@at_steps(Step.WRITING, Step.END)
def status(request: HttpRequest, reset: ResetRequest, slug: str | None) -> HttpResponse:
    """How far it has come, or how it ended; the end is readable for ten minutes, by this browser only."""
    response = steps.step_page(request, reset, slug)
    if reset.state == State.COMPLETED:
        access.recognise_browser(request, response, reset)
    return response


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
