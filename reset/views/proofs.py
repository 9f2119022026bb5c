"""*Please prove once more that it's you*: choose a way, answer, and go on where the change was to be made."""

from typing import Any
from uuid import UUID

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.executors import NoExecutor
from accounts.methods import Method
from accounts.models import User
from policy import hashing
from policy.decisions import Offer
from reset import own_challenges, passkeys, proving
from reset.account_forms import PasswordOnlyForm
from reset.forms import AnswersForm, code_form
from reset.methods import METHODS
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.questions import texts
from reset.requests import NotOffered, TooOften
from reset.sending import NotSent
from reset.views.failures import CANNOT_TELL, sentence
from reset.views.members import member_page_in_setup, person_of, remember_proof, remember_sign_in, tenant_of
from reset.views.pages import page
from reset.views.requesting import safe_next, visitor_of, with_next
from reset.views.security_texts import check_sentence, sent_again
from reset.views.steps import WAITING, busy_text, is_waited_for, not_sent_text, seconds_to_wait, wait_text


@member_page_in_setup
def prove(request: HttpRequest) -> HttpResponse:
    """The ways this person holds, or the password where there is none."""
    user = person_of(request)
    offers = offers_of(user, Purpose.PROVE)
    if not offers:
        return _by_password(request)
    challenge, error = chosen(request, user, Purpose.PROVE) if request.method == "POST" else (None, "")
    if challenge is not None:
        return HttpResponseRedirect(_with_next(request, reverse("prove-answer", args=[challenge.pk])))
    return page(request, "security/prove.html", user.tenant, offers=offers, error=error, back=_next(request))


def offers_of(user: User, purpose: str) -> list[Offer]:
    """The ways to choose from, each with the mask of what it would use."""
    ways = proving.ways(user, tenant_of(user).imported_methods_count, timezone.now(), purpose)
    return [Offer(method, row.pk, row.mask, "") for method, row in ways]


def chosen(request: HttpRequest, user: User, purpose: str) -> tuple[OwnChallenge | None, str]:
    """Begin the proof that was chosen; or none, and why not."""
    method, _colon, identifier = request.POST.get("offer", "").partition(":")
    if not identifier.isdecimal() or len(identifier) > 18:
        return None, _("Choose one of these.")
    counts, language = tenant_of(user).imported_methods_count, get_language() or "en"
    try:
        challenge = proving.begin(
            user, method, int(identifier), counts, language, visitor_of(request), timezone.now(), purpose
        )
    except NotOffered:
        return None, _("Choose one of these.")
    except TooOften as wait:
        return None, wait_text(wait)
    except NotSent as stopped:
        return None, not_sent_text(stopped)
    except NoExecutor:
        return None, str(CANNOT_TELL)
    return challenge, ""


def _by_password(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    if user.directory_id is not None:  # only a sign-in has the directory compare a password
        logout(request)
        return HttpResponseRedirect(_with_next(request, reverse("signin")))
    form = PasswordOnlyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        proof = proving.by_password(user, form.cleaned_data["password"], visitor_of(request), timezone.now())
        if proof.failure is None:
            request.session.cycle_key()
            remember_sign_in(request)
            return HttpResponseRedirect(_next(request))
        wrong = _("That isn't your current password.")
        form.add_error("password", sentence(proof.failure, proof.counted.locked_until, wrong))
    return page(request, "security/password.html", user.tenant, form=form, back=_next(request))


@member_page_in_setup
def answer(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """The code that was sent, the app's code, or the questions."""
    user = person_of(request)
    challenge = own_challenges.find(user, str(challenge_id), Purpose.PROVE, timezone.now())
    if challenge is None:
        return HttpResponseRedirect(_with_next(request, reverse("prove")))
    unanswered = ask(request, challenge, _next(request))
    if unanswered is not None:
        return unanswered
    remember_proof(request)
    return HttpResponseRedirect(_next(request))


def ask(request: HttpRequest, challenge: OwnChallenge, back: str) -> HttpResponse | None:
    """The page that asks for the answer, with what was wrong with the last one; None once it was right."""
    if WAITING in request.GET:
        return JsonResponse({"waits": is_waited_for(challenge)})
    error, notice = "", ""
    if request.method == "POST" and request.POST.get("action") == "again":
        notice = sent_again(lambda: proving.send_again(challenge, visitor_of(request), timezone.now()))
    elif request.method == "POST":
        wrong = _check(request, challenge)
        if wrong is None:
            return None
        error = wrong
    return _answer_page(request, challenge, error, notice, back)


def _check(request: HttpRequest, challenge: OwnChallenge) -> str | None:
    """What is wrong with an answer (empty: it isn't there yet); None when it was right."""
    if challenge.method == Method.QUESTIONS:
        answers = AnswersForm(challenge.questions, request.POST)
        typed = answers.answers if answers.is_valid() else []
    else:
        typed = ["".join(request.POST.get("code", "").split())]
    now = timezone.now()
    try:
        checked = proving.answer(challenge, typed, visitor_of(request), now)
    except TooOften as wait:
        return wait_text(wait)
    except hashing.Busy:
        return busy_text()
    except NotOffered:
        return _("That isn't possible any more. Please choose again.")
    if checked == Checked.RIGHT:
        return None
    # Only an attempt that was counted may learn something.
    skew = proving.clock_skew(challenge, typed[0] if len(typed) == 1 else "", now) if checked == Checked.WRONG else 0
    return check_sentence(checked, Method(challenge.method), skew)


def _answer_page(request: HttpRequest, challenge: OwnChallenge, error: str, notice: str, back: str) -> HttpResponse:
    user = challenge.user
    context: dict[str, Any] = {"challenge": challenge, "error": error, "notice": notice, "back": back}
    if challenge.method == Method.QUESTIONS:
        questions = texts(challenge.questions, tenant_of(user))
        return page(request, "security/questions_asked.html", user.tenant, form=AnswersForm(questions), **context)
    if challenge.method == Method.PASSKEY:
        options = passkeys.request_options(str(challenge.pk))
        return page(request, "security/passkey.html", user.tenant, options=options, **context)
    row = proving.authenticator_of(challenge)
    return page(
        request,
        _template(Method(challenge.method)),
        user.tenant,
        form=code_form(challenge.method, error),
        destination=row.mask if row else "",
        wait=seconds_to_wait(challenge),
        waits=is_waited_for(challenge),
        **context,
    )


def _template(method: Method) -> str:
    if method == Method.APP_NOTIFICATION:
        return "security/prompt.html"
    return "security/waiting.html" if METHODS[method].confirmed_elsewhere else "security/code.html"


def _next(request: HttpRequest) -> str:
    return safe_next(request.GET.get("next", "")) or reverse("security-info")


def _with_next(request: HttpRequest, address: str) -> str:
    return with_next(address, _next(request))
