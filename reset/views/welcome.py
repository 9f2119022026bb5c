"""Pages behind an invitation: first password, authenticator app, done."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import tenants
from accounts.executors import NoExecutor
from accounts.models import Invitation
from policy import hashing, passwords
from reset import invitations
from reset.account_forms import AppCodeForm, NewPasswordForm
from reset.invitations import Over, Step
from reset.password_change import AccountChanged
from reset.password_proof import Failure
from reset.signin import CodeResult
from reset.views import app_keys
from reset.views.failures import CANNOT_TELL, sentence
from reset.views.pages import page
from reset.views.requesting import visitor_of
from reset.views.signin import code_sentence

INVITATION = "welcome_invitation"
EPOCH = "welcome_epoch"
SLUG = "welcome_tenant"
GONE = 410


@never_cache
@require_safe
@sensitive_variables("token")
def start(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address at once. Nothing changes but this browser's session."""
    invitation = invitations.find(token)
    if invitation is None:
        return _over(request)
    request.session.cycle_key()
    request.session[INVITATION] = invitation.pk
    request.session.pop(EPOCH, None)
    return HttpResponseRedirect(reverse("welcome"))


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def choose_password(request: HttpRequest) -> HttpResponse:
    invitation = _invitation_of(request)
    if invitation is None:
        return _over(request)
    if _step(request, invitation) != Step.PASSWORD:
        return HttpResponseRedirect(reverse("welcome-app"))
    user = invitation.user
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    rules = passwords.rules(user.tenant)
    if form.is_valid():
        rules = passwords.check(form.cleaned_data["new_password"], user=user, tenant=user.tenant)
        broken = [rule for rule in rules if not rule.met]
        if broken:
            form.refuse(broken)
        elif _set(request, invitation, form):
            return HttpResponseRedirect(reverse("welcome-app"))
    return page(request, "welcome/password.html", user.tenant, form=form, rules=rules, person=user)


def _set(request: HttpRequest, invitation: Invitation, form: NewPasswordForm) -> bool:
    try:
        epoch = invitations.choose_password(invitation, form.cleaned_data["new_password"], visitor_of(request))
    except hashing.Busy:
        form.add_error(None, sentence(Failure.BUSY, None, ""))
        return False
    except NoExecutor:
        form.add_error(None, CANNOT_TELL)
        return False
    except (Over, AccountChanged):
        form.add_error(None, _("This link was used elsewhere meanwhile. Please open it again."))
        return False
    request.session.cycle_key()
    request.session[EPOCH] = epoch
    return True


@never_cache
@sensitive_post_parameters()
@sensitive_variables("key")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_app(request: HttpRequest) -> HttpResponse:
    invitation = _invitation_of(request)
    if invitation is None:
        return _over(request)
    if _step(request, invitation) != Step.APP:
        return HttpResponseRedirect(reverse("welcome"))
    form = AppCodeForm(request.POST if request.method == "POST" else None)
    try:
        if form.is_valid():
            result = invitations.confirm_app(invitation, form.cleaned_data["code"], visitor_of(request))
            if result == CodeResult.RIGHT:
                return _finish(request, invitation)
            form.add_error("code", code_sentence(result))
        key = invitations.pending_key(invitation)
    except Over:
        return _over(request)
    return page(
        request,
        "welcome/app.html",
        invitation.user.tenant,
        form=form,
        optional=invitations.is_app_optional(),
        **app_keys.facts_of(key, invitation.user),
    )


@never_cache
@require_POST
def skip_app(request: HttpRequest) -> HttpResponse:
    """Go on without an app, where the console doesn't ask for one."""
    invitation = _invitation_of(request)
    if invitation is None:
        return _over(request)
    if not invitations.is_app_optional() or _step(request, invitation) != Step.APP:
        return HttpResponseRedirect(reverse("welcome"))
    try:
        invitations.finish_without_app(invitation, visitor_of(request))
    except Over:
        return _over(request)
    return _finish(request, invitation)


def _finish(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    request.session.flush()
    request.session[SLUG] = invitation.user.tenant.slug if invitation.user.tenant else ""
    return HttpResponseRedirect(reverse("welcome-done"))


@never_cache
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    slug = request.session.get(SLUG)
    prefix = f"/t/{slug}" if slug else ""
    return page(request, "welcome/done.html", tenants.find_only(), signin_address=f"{prefix}/signin/?next=/admin/")


def _invitation_of(request: HttpRequest) -> Invitation | None:
    identifier = request.session.get(INVITATION)
    return invitations.find_again(identifier) if isinstance(identifier, int) else None


def _step(request: HttpRequest, invitation: Invitation) -> Step:
    return invitations.step_of(invitation, request.session.get(EPOCH, ""))


def _over(request: HttpRequest) -> HttpResponse:
    """Unknown, used, withdrawn or too old: one page for all, so that guessing tells nothing."""
    return page(request, "welcome/over.html", tenants.find_only(), status=GONE)
