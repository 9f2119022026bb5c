"""Security info: what one proves oneself with. Each change comes after a fresh proof."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from accounts.executors import NoExecutor
from accounts.methods import LASTING_METHODS, AuthenticatorType, Method
from accounts.models import Authenticator
from accounts.visitor import Visitor
from policy import hashing
from policy.decisions import questions_registered_of
from policy.signin import SIGN_IN_METHODS
from reset import own_challenges, passkeys, phone_registration, questions, registering_at_once, registration
from reset.forms import code_form
from reset.methods import METHODS
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.own_forms import AddressForm, LabelForm, NumberForm, OfficeNumberForm, QuestionsForm
from reset.registration import HeldAlready, OwnDomain, TooMany
from reset.requests import NotOffered, TooOften
from reset.sending import NotSent
from reset.views import app_keys, phone_pages
from reset.views.failures import CANNOT_TELL
from reset.views.members import (
    SETUP,
    freshly_proved,
    is_method_due,
    member_page,
    member_page_in_setup,
    person_of,
    settle_method,
    tenant_of,
)
from reset.views.pages import page
from reset.views.requesting import visitor_of
from reset.views.security_texts import ADD, check_sentence, sent_again, ways_to_add
from reset.views.steps import WAITING, busy_text, is_waited_for, not_sent_text, seconds_to_wait, wait_text

SMS_OR_CALL = {Method.SMS: Method.CALL, Method.CALL: Method.SMS}
TOO_MANY = gettext_lazy("You have as many of these as you may have. Remove or replace one.")
OWN_DOMAIN = gettext_lazy(
    "This address is in one of your organisation's own domains: it can't be read without the password."
)
TEMPLATES: dict[str, str] = {
    Method.APP_CODE: "security/app.html",
    Method.PASSKEY: "security/passkey.html",
    Method.APP_NOTIFICATION: "security/phone_app.html",
}
CONFIRM: dict[str, Callable[[OwnChallenge, str, Visitor, datetime], Checked]] = {
    Method.PASSKEY: registration.confirm_passkey,
    Method.APP_NOTIFICATION: phone_registration.confirm,
}
BEGUN = "begun"
"""In the session: what it has begun to register, after a fresh proof. No other session may see it or go on with it."""


@member_page
def overview(request: HttpRequest) -> HttpResponse:
    """Everything held, and what may be added."""
    user = person_of(request)
    standing = registration.standing_of(user)
    add = ways_to_add(standing.registration.allowed)
    return page(request, "security/overview.html", user.tenant, standing=standing, add=add)


@member_page_in_setup
@freshly_proved
def add(request: HttpRequest, method: str) -> HttpResponse:
    """The address, the number, or the name of the app; `replaces` names what goes once the new one is confirmed."""
    if method not in registration.TYPE_OF:
        raise Http404
    if is_method_due(request) and method not in SIGN_IN_METHODS:
        return HttpResponseRedirect(reverse("security-setup"))
    if method == Method.QUESTIONS:
        return _questions(request)
    if method == Method.RECOVERY_CODE:
        return _recovery_codes(request)
    form = _form_for(request, Method(method))
    if form.is_valid():
        challenge = _begin(request, Method(method), form)
        if challenge is not None:
            request.session[BEGUN] = [*request.session.get(BEGUN, [])[-4:], str(challenge.pk)]
            return HttpResponseRedirect(reverse("security-confirm", args=[challenge.pk]))
    title, _hint = ADD[Method(method)]
    other = SMS_OR_CALL.get(Method(method))
    standing = registration.standing_of(person_of(request))
    return page(
        request,
        "security/add.html",
        person_of(request).tenant,
        form=form,
        method=method,
        title=title,
        other=other if other in standing.registration.allowed else "",
        query=request.GET.urlencode(),
        back=_back(request),
    )


def _form_for(request: HttpRequest, method: Method) -> LabelForm:
    data = request.POST if request.method == "POST" else None
    if method == Method.EMAIL:
        return AddressForm(data)
    if method in (Method.SMS, Method.CALL):
        return NumberForm(data, region=_region(request))
    if method == Method.OFFICE_CALL:
        return OfficeNumberForm(data, region=_region(request))
    return LabelForm(data)


def _region(request: HttpRequest) -> str:
    """The country in the browser's first language, such as `CH` of `de-CH`; empty where it names none."""
    first = request.META.get("HTTP_ACCEPT_LANGUAGE", "").partition(",")[0].partition(";")[0]
    _language, _dash, country = first.strip().partition("-")
    return country.upper() if len(country) == 2 and country.isascii() and country.isalpha() else ""


def _begin(request: HttpRequest, method: Method, form: LabelForm) -> OwnChallenge | None:
    """Start, or say in the form why not."""
    field = next((name for name in ("address", "number") if name in form.fields), None)
    replaces = request.GET.get("replaces", "")
    try:
        if method == Method.PASSKEY:
            label = form.cleaned_data["label"]
            return registration.begin_passkey(person_of(request), label, visitor_of(request), timezone.now())
        if method == Method.APP_NOTIFICATION:
            label, language = form.cleaned_data["label"], get_language() or "en"
            return phone_registration.begin(person_of(request), label, language, visitor_of(request), timezone.now())
        return registration.begin(
            person_of(request),
            method,
            form.value,
            form.cleaned_data["label"],
            int(replaces) if replaces.isdecimal() and len(replaces) < 18 else None,
            get_language() or "en",
            visitor_of(request),
            timezone.now(),
        )
    except OwnDomain:
        form.add_error(field, OWN_DOMAIN)
    except HeldAlready:
        form.add_error(field, _("You have that already."))
    except TooMany:
        form.add_error(None, TOO_MANY)
    except NotOffered:
        form.add_error(None, _("Your organisation doesn't allow this any more, or what it should replace is gone."))
    except TooOften as wait:
        form.add_error(None, wait_text(wait))
    except NotSent as stopped:
        form.add_error(field, not_sent_text(stopped))
    except NoExecutor:
        form.add_error(None, CANNOT_TELL)
    return None


@member_page_in_setup
@sensitive_variables("key")
def confirm(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """The code that came, or that the new app shows."""
    user = person_of(request)
    challenge = own_challenges.find(user, str(challenge_id), Purpose.REGISTER, timezone.now())
    if challenge is None or str(challenge_id) not in request.session.get(BEGUN, []):
        messages.warning(request, _("The time for that was over, or it is done already. Nothing else was changed."))
        return HttpResponseRedirect(_back(request))
    if WAITING in request.GET:
        return JsonResponse({"waits": is_waited_for(challenge)})
    error, notice = "", ""
    if request.method == "POST" and request.POST.get("action") == "again":
        notice = sent_again(lambda: registration.send_again(challenge, visitor_of(request), timezone.now()))
    elif request.method == "POST":
        wrong = _check(request, challenge)
        if wrong is None:
            settle_method(request, challenge.method)
            messages.success(request, _("That works. It is registered."))
            return HttpResponseRedirect(_back(request))
        error = wrong
    context: dict[str, Any] = {
        "challenge": challenge,
        "form": code_form(challenge.method, error),
        "wait": seconds_to_wait(challenge),
        "waits": is_waited_for(challenge),
        "error": error,
        "notice": notice,
        "back": _back(request),
    }
    return page(request, _template(Method(challenge.method)), user.tenant, **context, **_told(challenge))


def _template(method: Method) -> str:
    usual = "security/waiting.html" if METHODS[method].confirmed_elsewhere else "security/code.html"
    return TEMPLATES.get(method, usual)


def _told(challenge: OwnChallenge) -> dict[str, Any]:
    """What is to be confirmed, as its page needs it."""
    user = challenge.user
    if challenge.method == Method.PASSKEY:
        held = registration.standing_of(user).of_type(AuthenticatorType.PASSKEY)
        return {"options": passkeys.creation_options(str(challenge.pk), user, held)}
    if challenge.method == Method.APP_NOTIFICATION:
        return phone_pages.facts_of(challenge)
    value = registration.value_of(challenge)
    if challenge.method == Method.APP_CODE:
        return app_keys.facts_of(value, user)
    return {"destination": registration.shown(AuthenticatorType(challenge.type), value)}


def _check(request: HttpRequest, challenge: OwnChallenge) -> str | None:
    """What is wrong with a code (empty: it isn't there yet); None when it was right and the method is registered."""
    code, now = "".join(request.POST.get("code", "").split()), timezone.now()
    confirm_it = CONFIRM.get(challenge.method, registration.confirm)
    try:
        checked = confirm_it(challenge, code, visitor_of(request), now)
    except TooOften as wait:
        return wait_text(wait)
    except OwnDomain:
        return str(OWN_DOMAIN)
    except TooMany:
        return str(TOO_MANY)
    except NoExecutor:
        return str(CANNOT_TELL)
    if checked == Checked.RIGHT:
        return None
    skew = registration.clock_skew(challenge, code, now) if checked == Checked.WRONG else 0
    return check_sentence(checked, Method(challenge.method), skew)


def _questions(request: HttpRequest) -> HttpResponse:
    user = person_of(request)
    available = questions.available(tenant_of(user))
    choices = list(zip(available, questions.texts(available, tenant_of(user)), strict=True))
    number = questions_registered_of(registration.standing_of(user).registration.policy)
    form = QuestionsForm(choices, number, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            registering_at_once.save_questions(user, form.answers, visitor_of(request), timezone.now())
            messages.success(request, _("Your questions are registered."))
            return HttpResponseRedirect(_back(request))
        except NotOffered:
            form.add_error(None, _("Your organisation doesn't allow this any more, or what it should replace is gone."))
        except hashing.Busy:
            form.add_error(None, busy_text())
        except NoExecutor:
            form.add_error(None, CANNOT_TELL)
    return page(request, "security/questions.html", user.tenant, form=form, number=number, back=_back(request))


@sensitive_variables("codes")
def _recovery_codes(request: HttpRequest) -> HttpResponse:
    """Explain, and on the button make the codes and show them, this once."""
    user, codes, error = person_of(request), [], ""
    if request.method == "POST":
        try:
            codes = registering_at_once.make_recovery_codes(user, visitor_of(request), timezone.now())
            settle_method(request, Method.RECOVERY_CODE)
        except NotOffered:
            error = _("Your organisation doesn't allow this any more, or what it should replace is gone.")
        except NoExecutor:
            error = str(CANNOT_TELL)
    has_some = any(row.type == AuthenticatorType.RECOVERY_CODES for row in registration.standing_of(user).held)
    context: dict[str, Any] = {"codes": codes, "error": error, "has_some": has_some, "back": _back(request)}
    return page(request, "security/recovery_codes.html", user.tenant, **context)


@member_page
def one(request: HttpRequest, authenticator_id: int) -> HttpResponse:
    """One method: its name, what may take its place, and removing it."""
    user = person_of(request)
    standing = registration.standing_of(user)
    row = next((held for held in standing.held if held.pk == authenticator_id), None)
    if row is None:
        messages.warning(request, _("That method is not among yours any more."))
        return HttpResponseRedirect(reverse("security-info"))
    if request.method == "POST":
        return _change(request, row)
    ways = [method for method in registration.WITH_A_VALUE if registration.TYPE_OF[method] == row.type]
    method = next((method for method in ways if method in standing.registration.allowed), None)
    after = standing.after_removing(row) if standing.proves(row) else standing.registration
    return page(
        request,
        "security/one.html",
        user.tenant,
        row=row,
        form=LabelForm(initial={"label": row.name}),
        replace=f"{reverse('security-add', args=[method])}?{urlencode({'replaces': row.pk})}" if method else "",
        falls_short=standing.registration.is_registered and not after.is_registered,
        missing=after.missing,
        falls_short_at_sign_in=after.sign_in_missing and not standing.registration.sign_in_missing,
        may_be_first=standing.proves(row) and not row.is_first and bool(set(row.methods()) & set(LASTING_METHODS)),
        opens_console=row.type == AuthenticatorType.APP and user.is_staff,
    )


@freshly_proved
def _change(request: HttpRequest, row: Authenticator) -> HttpResponse:
    user, form = person_of(request), LabelForm(request.POST)
    if request.POST.get("action") == "remove":
        try:
            if registration.remove(user, row.pk, visitor_of(request), timezone.now()):
                messages.success(request, _("It is removed. We sent a note to every address on file."))
        except NoExecutor:
            messages.warning(request, str(CANNOT_TELL))
    elif request.POST.get("action") == "first":
        if registration.use_first(user, row.pk, visitor_of(request)):
            messages.success(request, _("From now on it is offered first."))
    elif form.is_valid() and registration.rename(user, row.pk, form.cleaned_data["label"], visitor_of(request)):
        messages.success(request, _("The name is saved."))
    else:
        messages.warning(request, _("That name is too long. Nothing was changed."))
    return HttpResponseRedirect(reverse("security-info"))


def _back(request: HttpRequest) -> str:
    return reverse("security-setup") if SETUP in request.session else reverse("security-info")
