"""Pages of sign-in: user name and password, the app code that opens the console, and the way out."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import tenants
from accounts.methods import Method
from accounts.middleware import remember_language
from accounts.models import User
from reset import signin
from reset.account_forms import AppCodeForm, SignInForm
from reset.asking import Waiting
from reset.password_proof import Failure
from reset.signin import CodeResult, Outcome
from reset.views import access
from reset.views.failures import sentence
from reset.views.members import METHOD_DUE, is_method_due, remember_proof, remember_sign_in
from reset.views.pages import page
from reset.views.requesting import safe_next, visitor_of, with_next
from reset.views.setup import interrupts

CONSOLE = "/admin/"
CONSOLE_VERIFIED = "console_verified"
PASSWORD_WAS_RIGHT = "password_was_right"  # noqa: S105 - a key of the session
"""In a session of nobody yet: `signin.Mark`, while the second proof is due."""
WAITS_FOR = "waits_for"
"""In a session of nobody: what a directory was asked, and where to go afterwards."""
TOLD = "told"
OPEN_CONSOLE = (Method.APP_CODE, Method.PASSKEY)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """User name and password. `slug` is the tenant in the address; at the common address the name's domain decides."""
    hinted = access.hinted_tenant(request, slug)
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(next_address(request, request.user))
    initial = {"username": request.GET.get("username", "")}
    form = SignInForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        typed, here = form.cleaned_data, hinted if slug else None
        outcome = signin.attempt(typed["username"], typed["password"], tenant=here, visitor=visitor_of(request))
        if outcome.waiting is not None:
            return _wait(request, outcome.waiting, slug or "")
        if outcome.home_url:
            return page(request, "signin/elsewhere.html", hinted or tenants.find_only(), home_url=outcome.home_url)
        if outcome.user is not None:
            return go_on(request, outcome, slug or "")
        form.add_error(None, why_not(outcome))
    reset_address = access.address("reset-identify", slug)
    shown: dict[str, Any] = {"form": form, "reset_address": reset_address, "error": _told_before(request)}
    return page(request, "signin/signin.html", hinted or tenants.find_only(), **shown)


def go_on(request: HttpRequest, outcome: Outcome, slug: str) -> HttpResponse:
    """The password was right: to the second proof where one is due, else in."""
    assert outcome.user is not None
    if outcome.then.asks_for_proof:
        return _ask_for_proof(request, outcome.user, slug)
    return enter(request, outcome.user, lacks_method=outcome.then.asks_to_register)


def why_not(outcome: Outcome) -> str:
    """What to say when nobody was let in."""
    wrong = _("That user name or password isn't right. Please check both and try again.")
    return sentence(outcome.failure or Failure.WRONG, outcome.locked_until, wrong)


def _told_before(request: HttpRequest) -> str:
    """What the page that waited for a directory came back with."""
    return str(request.session.pop(TOLD, ""))


def _wait(request: HttpRequest, waiting: Waiting, slug: str) -> HttpResponse:
    """On to the page that waits for the directory's answer, in a session of nobody."""
    request.session.flush()
    wished = safe_next(request.GET.get("next", ""))
    kept = {"signin": waiting.as_json(), "tenant": waiting.tenant_id, "slug": slug, "next": wished}
    request.session[WAITS_FOR] = kept
    return HttpResponseRedirect(reverse("signin-wait"))


def _ask_for_proof(request: HttpRequest, user: User, slug: str) -> HttpResponse:
    """On to the second proof. Until it is given nobody is signed in, and whoever was is not any more."""
    request.session.flush()
    mark = signin.Mark(user.pk, user.credentials_epoch, timezone.now(), slug)
    request.session[PASSWORD_WAS_RIGHT] = mark.as_json()
    address, wished = reverse("signin-verify"), safe_next(request.GET.get("next", ""))
    return HttpResponseRedirect(with_next(address, wished))


def enter(request: HttpRequest, user: User, lacks_method: bool = False, proved_with: str | None = None) -> HttpResponse:
    """Start the session under a new key, whatever key the browser came with. `proved_with`: the second proof's method."""
    request.session.flush()
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    remember_sign_in(request)
    if proved_with is not None:
        remember_proof(request)
    if proved_with in OPEN_CONSOLE and user.is_staff:
        request.session[CONSOLE_VERIFIED] = user.credentials_epoch
    onward = next_address(request, user)
    if lacks_method:
        request.session[METHOD_DUE] = True
    with tenants.opened_or_all(user.tenant):
        response = HttpResponseRedirect(reverse("security-setup") if interrupts(request, user, onward) else onward)
    if user.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        remember_language(response, user.language)
    return response


def next_address(request: HttpRequest, user: User) -> str:
    """Where a signed-in person goes: a due password change or method first, the app code before the console, else as wished."""
    wished = safe_next(request.GET.get("next", ""))
    account = reverse("account")
    if user.must_change_password:
        return f"{account}?{urlencode({'next': wished})}" if wished else account
    if is_method_due(request):
        return reverse("security-setup")
    if not wished.startswith(CONSOLE):
        return wished or account
    if not user.is_staff:
        return account
    if settings.CONSOLE_NEEDS_APP_CODE and not is_console_open(request, user):
        return f"{reverse('signin-code')}?{urlencode({'next': wished})}"
    return wished


def is_console_open(request: HttpRequest, user: User) -> bool:
    """Whether this session has shown an app code since the account's last change."""
    return request.session.get(CONSOLE_VERIFIED) == user.credentials_epoch


@never_cache
@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def app_code(request: HttpRequest) -> HttpResponse:
    """The code of the authenticator app, which opens the console for this session."""
    user = cast(User, request.user)
    if not user.is_staff or user.must_change_password or is_console_open(request, user):
        return HttpResponseRedirect(next_address(request, user))
    if not signin.apps_of(user):
        return page(request, "signin/no_app.html", user.tenant)
    form = AppCodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        result = signin.enter_console(user, form.cleaned_data["code"], visitor_of(request))
        if result == CodeResult.RIGHT:
            request.session.cycle_key()
            request.session[CONSOLE_VERIFIED] = user.credentials_epoch
            return HttpResponseRedirect(safe_next(request.GET.get("next", "")) or CONSOLE)
        form.add_error("code", code_sentence(result))
    return page(request, "signin/code.html", user.tenant, form=form)


def code_sentence(result: CodeResult) -> str:
    if result == CodeResult.THROTTLED:
        return _("Too many tries. Wait ten minutes and try again.")
    return _("That code isn't right, or was used before. Wait until your app shows the next one.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Only a POST signs out; a GET asks, or says that it is done."""
    if request.method != "POST":
        tenant = request.user.tenant if request.user.is_authenticated else tenants.find_only()
        return page(request, "signin/signout.html", tenant)
    if request.user.is_authenticated:
        signin.record_sign_out(request.user, visitor_of(request))
    logout(request)
    return HttpResponseRedirect(reverse("signout"))
