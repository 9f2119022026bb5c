"""One's own account: who one is, and the password."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.executors import NoExecutor
from accounts.models import User
from policy import hashing, passwords
from policy.passwords import Rule
from reset import password_change
from reset.account_forms import ChangePasswordForm
from reset.password_proof import Failure
from reset.views import directory
from reset.views.failures import CANNOT_TELL, sentence
from reset.views.members import is_method_due
from reset.views.pages import page
from reset.views.requesting import safe_next, visitor_of
from reset.views.signin import CONSOLE, CONSOLE_VERIFIED, is_console_open, next_address


@never_cache
@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if is_method_due(request) and not user.must_change_password:
        return HttpResponseRedirect(reverse("security-setup"))
    if user.is_external:
        return page(request, "account/account.html", user.tenant, console=_console_of(user))
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    if user.directory_id is not None:
        return _in_directory(request, user, form)
    is_changed, rules = change_password(request, user, form)
    if is_changed:
        messages.success(request, _("Your password was changed. Every other session was signed out."))
        return HttpResponseRedirect(next_address(request, user))
    return page(request, "account/account.html", user.tenant, form=form, rules=rules, console=_console_of(user))


def _in_directory(request: HttpRequest, user: User, form: ChangePasswordForm) -> HttpResponse:
    """The same form; the directory compares the current password, and the page waits for it."""
    job, rules = directory.submit(request, user, form)
    if job is not None:
        kept = {"change": str(job.pk), "user": user.pk, "epoch": user.credentials_epoch, "slug": ""}
        return directory.hand_over(request, user, {**kept, "next": safe_next(request.GET.get("next", ""))})
    return page(request, "account/account.html", user.tenant, form=form, rules=rules, console=_console_of(user))


def change_password(request: HttpRequest, user: User, form: ChangePasswordForm) -> tuple[bool, list[Rule]]:
    """Whether the form's new password is set now, with this session kept; and the rules as the page lists them."""
    if not form.is_valid():
        return False, passwords.rules(user.tenant)
    rules = passwords.check(form.cleaned_data["new_password"], user=user, tenant=user.tenant)
    broken = [rule for rule in rules if not rule.met]
    if broken:
        form.refuse(broken)
        return False, rules
    return _change(request, user, form), rules


def _console_of(user: User) -> str:
    return CONSOLE if user.is_staff and not user.must_change_password else ""


def _change(request: HttpRequest, user: User, form: ChangePasswordForm) -> bool:
    """Change the password and keep this session, with what it had proved; tie a failure to its field."""
    console_was_open = is_console_open(request, user)
    typed = form.cleaned_data
    try:
        change = password_change.change(user, typed["current_password"], typed["new_password"], visitor_of(request))
    except hashing.Busy:
        form.add_error(None, sentence(Failure.BUSY, None, ""))
        return False
    except NoExecutor:
        form.add_error(None, CANNOT_TELL)
        return False
    except password_change.AccountChanged:
        form.add_error(None, _("Your account was changed elsewhere meanwhile. Please sign in again."))
        return False
    if change.failure is not None:
        field = "current_password" if change.failure == Failure.WRONG else None
        form.add_error(field, sentence(change.failure, change.locked_until, _("That isn't your current password.")))
        return False
    update_session_auth_hash(request, user)
    if console_was_open and settings.CONSOLE_NEEDS_APP_CODE:
        request.session[CONSOLE_VERIFIED] = user.credentials_epoch
    return True
