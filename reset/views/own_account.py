"""Pages beside *Your account*: recent activity, *this wasn't me*, signing out everywhere, language, one's own data."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.executors import NoExecutor
from accounts.middleware import remember_language
from reset import activity, alarms, own_account, password_change
from reset.account_forms import ChangePasswordForm
from reset.views.account import change_password
from reset.views.failures import CANNOT_TELL
from reset.views.members import freshly_proved, member_page, person_of, tenant_of
from reset.views.pages import page
from reset.views.requesting import visitor_of


@member_page
def recent(request: HttpRequest) -> HttpResponse:
    """What happened to the account in 30 days."""
    user = person_of(request)
    return page(request, "account/activity.html", user.tenant, entries=activity.recent(user, timezone.now()))


@member_page
def not_me(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask first; then everything stops, this session too.

    Whoever did it may know the password: a new one is set by the same form, so that nobody can be faster with the old.
    """
    user = person_of(request)
    entry = activity.find(user, str(event_id), timezone.now())
    if entry is None:
        return HttpResponseRedirect(reverse("account-activity"))
    form = ChangePasswordForm(request.POST or None) if password_change.is_possible(user) else None
    is_changed, rules = change_password(request, user, form) if form is not None else (request.method == "POST", [])
    if not is_changed:
        return page(request, "account/not_me.html", user.tenant, entry=entry, form=form, rules=rules)
    try:
        alarms.raise_by_owner(user, entry.id, visitor_of(request))
    except NoExecutor:
        messages.warning(request, str(CANNOT_TELL))
        return HttpResponseRedirect(reverse("account-activity"))
    logout(request)
    return page(request, "account/stopped.html", user.tenant)


@member_page
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Only a POST does it."""
    if request.method == "POST":
        own_account.sign_out_everywhere(person_of(request), visitor_of(request), timezone.now())
        logout(request)
        return HttpResponseRedirect(reverse("signout"))
    return HttpResponseRedirect(reverse("account"))


@member_page
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of pages and messages."""
    chosen = request.POST.get("language", "")
    response = HttpResponseRedirect(reverse("account"))
    if request.method == "POST" and chosen in dict(settings.LANGUAGES):
        own_account.choose_language(person_of(request), chosen)
        remember_language(response, chosen)
        with translation.override(chosen):
            messages.success(request, _("From now on we write to you in this language."))
    return response


@member_page
@freshly_proved
def data(request: HttpRequest) -> HttpResponse:
    """Everything kept about this person, as a file."""
    user = person_of(request)
    response = JsonResponse(
        own_account.data_of(user, timezone.now()), json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{tenant_of(user).slug}-account.json"'
    response.headers["Cache-Control"] = "no-store"
    return response
