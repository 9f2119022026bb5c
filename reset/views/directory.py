"""Waiting for a directory: a sign-in that it checks, a change that it makes; and the new password it wants first."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import tenants
from accounts.executors import NoExecutor
from accounts.models import Tenant, User
from policy import passwords
from policy.passwords import Rule
from reset import asking, directory_change, signin, stages
from reset.account_forms import ChangePasswordForm
from reset.asking import Waiting
from reset.directory_change import NotPossible
from reset.password_change import Change
from reset.signin import Mark
from reset.views import access
from reset.views.failures import CANNOT_TELL, sentence
from reset.views.members import METHOD_DUE, PROVED_AT, PROVED_EPOCH, SIGNED_IN_AT, tenant_of
from reset.views.pages import page
from reset.views.requesting import safe_next, visitor_of, with_next
from reset.views.signin import CONSOLE_VERIFIED, TOLD, WAITS_FOR, enter, go_on, is_console_open, why_not
from writeback.models import WritebackJob

PASSWORD_DUE = "password_due"  # noqa: S105 - a key of the session
"""In a session of nobody: `signin.Mark` of whom the directory lets in only after a new password."""
KEPT = (SIGNED_IN_AT, PROVED_AT, PROVED_EPOCH, METHOD_DUE, CONSOLE_VERIFIED)
Settled = HttpResponse | None


@never_cache
@require_safe
def wait(request: HttpRequest) -> HttpResponse:
    """The page that waits; once the answer is there it goes on."""
    kept = request.session.get(WAITS_FOR)
    if not kept:
        return HttpResponseRedirect(reverse("signin"))
    settled = (_settle_sign_in if "signin" in kept else _settle_change)(request, kept)
    if settled is not None:
        return settled
    context = _progress(kept)
    tenant = Tenant.objects.filter(pk=kept["tenant"]).select_related("branding").defer("branding__logo").first()
    return page(request, "signin/wait.html", tenant, is_change="change" in kept, **context)


@never_cache
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """What the waiting page asks again and again. Changes nothing."""
    kept = request.session.get(WAITS_FOR)
    if not kept or _is_over(kept):
        return JsonResponse({"waits": False})
    return JsonResponse({"waits": True, "stages": render_to_string("parts/stages.html", _progress(kept))})


def _is_over(kept: dict[str, Any]) -> bool:
    if "signin" in kept:
        return asking.answer_to(Waiting(**kept["signin"]), timezone.now()) is not None
    job = directory_change.find(kept["change"], kept["user"])
    return job is None or job.finished_at is not None


def _progress(kept: dict[str, Any]) -> dict[str, Any]:
    """A sign-in shows no stages: how far it is would tell whether there is somebody."""
    job = directory_change.find(kept["change"], kept["user"]) if "change" in kept else None
    shown = stages.stages(job) if job else [stages.Stage("now", _("Asking your organisation's directory"))]
    return {"stages": shown, "notice": stages.notice(job, timezone.now()) if job else ""}


def _settle_sign_in(request: HttpRequest, kept: dict[str, Any]) -> Settled:
    outcome = signin.settle(Waiting(**kept["signin"]), visitor_of(request))
    if outcome is None:
        return None
    slug = kept["slug"]
    request.session.flush()
    if outcome.user is None:
        request.session[TOLD] = why_not(outcome)
        return HttpResponseRedirect(with_next(access.address("signin", slug), kept["next"]))
    if outcome.password_is_due:
        mark = Mark(outcome.user.pk, outcome.user.credentials_epoch, timezone.now(), slug)
        request.session[PASSWORD_DUE] = mark.as_json()
        return HttpResponseRedirect(with_next(reverse("signin-new-password"), kept["next"]))
    _wish(request, kept["next"])
    return go_on(request, outcome, slug)


def _wish(request: HttpRequest, onward: str) -> None:
    """Where to go afterwards travels in the address; here it was kept."""
    query = QueryDict(mutable=True)
    if onward:
        query["next"] = onward
    request.GET = query  # type: ignore[assignment]


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """The directory has let nobody in yet: it wants a new password first. The current one is typed again."""
    mark = Mark.from_json(request.session.get(PASSWORD_DUE))
    user = mark.find_user(timezone.now()) if mark else None
    if mark is None or user is None:
        return HttpResponseRedirect(access.address("signin", mark.slug if mark else None))
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    with tenants.opened(tenant_of(user)):
        job, rules = submit(request, user, form)
    if job is not None:
        kept = {"change": str(job.pk), "user": user.pk, "epoch": user.credentials_epoch, "slug": mark.slug}
        return hand_over(request, user, {**kept, "due": True, "next": safe_next(request.GET.get("next", ""))})
    return page(request, "signin/new_password.html", user.tenant, form=form, rules=rules, user=user)


def submit(request: HttpRequest, user: User, form: ChangePasswordForm) -> tuple[WritebackJob | None, list[Rule]]:
    """Hand a change over. Returns the job, or none with what is wrong in the form; and the rules as the page lists them."""
    if not form.is_valid():
        return None, passwords.rules(user.tenant)
    typed = form.cleaned_data
    rules = passwords.check(typed["new_password"], user=user, tenant=user.tenant)
    broken = [rule for rule in rules if not rule.met]
    if broken:
        form.refuse(broken)
        return None, rules
    try:
        begun = directory_change.begin(
            user, typed["current_password"], typed["new_password"], visitor_of(request), timezone.now()
        )
    except NotPossible as error:
        form.add_error(None, _cannot(error.reason))
        return None, rules
    except NoExecutor:
        form.add_error(None, CANNOT_TELL)
        return None, rules
    if isinstance(begun, Change):
        assert begun.failure is not None
        form.add_error(None, sentence(begun.failure, begun.locked_until, ""))
        return None, rules
    return begun, rules


def _cannot(reason: str) -> str:
    if reason == "directory_not_connected":
        return _("Your organisation doesn't let passwords of its directory be changed here.")
    return stages.failure(reason)


def hand_over(request: HttpRequest, user: User, kept: dict[str, Any]) -> HttpResponse:
    """Wait in a session of nobody: the old one ends with the old password, and a new one begins when it is done."""
    console = request.user.is_authenticated and is_console_open(request, request.user)
    proved = {key: request.session[key] for key in KEPT if key in request.session}
    request.session.flush()
    request.session[WAITS_FOR] = {**kept, "tenant": user.tenant_id, "console": console, "proved": proved}
    return HttpResponseRedirect(reverse("signin-wait"))


def _settle_change(request: HttpRequest, kept: dict[str, Any]) -> Settled:
    job = directory_change.find(kept["change"], kept["user"])
    if job is not None and job.finished_at is None:
        return None
    request.session.flush()
    with tenants.all_opened():
        user = User.objects.select_related("tenant").filter(pk=kept["user"], is_enabled=True).first()
    if user is None or job is None:
        return HttpResponseRedirect(access.address("signin", kept["slug"]))
    if job.status != WritebackJob.Status.APPLIED:
        return _not_changed(request, user, job, kept)
    if user.credentials_epoch != directory_change.epoch_after(job.pk):
        return HttpResponseRedirect(access.address("signin", kept["slug"]))
    return _changed(request, user, kept)


def _changed(request: HttpRequest, user: User, kept: dict[str, Any]) -> HttpResponse:
    messages.success(request, _("Your password was changed. Every other session was signed out."))
    _wish(request, kept["next"])
    if kept.get("due"):
        return go_on(request, signin.let_in(user, visitor_of(request), timezone.now()), kept["slug"])
    response = enter(request, user, lacks_method=kept["proved"].get(METHOD_DUE, False))
    if kept["console"]:
        request.session[CONSOLE_VERIFIED] = user.credentials_epoch
    return response


def _not_changed(request: HttpRequest, user: User, job: WritebackJob, kept: dict[str, Any]) -> HttpResponse:
    """Back to where the change was asked for, in the session there was, with the reason."""
    messages.error(request, why_not_changed(job))
    if kept.get("due"):
        mark = Mark(user.pk, kept["epoch"], timezone.now(), kept["slug"])
        request.session[PASSWORD_DUE] = mark.as_json()
        return HttpResponseRedirect(with_next(reverse("signin-new-password"), kept["next"]))
    if user.credentials_epoch != kept["epoch"]:
        return HttpResponseRedirect(access.address("signin", kept["slug"]))
    # What the old session had proved, and no more: the current password may have been wrong.
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.update(kept["proved"])
    return HttpResponseRedirect(with_next(reverse("account"), kept["next"]))


def why_not_changed(job: WritebackJob) -> str:
    """The directory's reason, in words."""
    if job.reason == "wrong_password":
        return _("That isn't your current password.")
    if job.status == WritebackJob.Status.UNCONFIRMED:
        return _(
            "The connection broke while the directory was at it, so we don't know whether it took the new password. "
            "Try to sign in with the new one first, then with the old one."
        )
    if directory_change.is_about_new_password(job.reason):
        return stages.rejection(job.reason)
    return stages.failure(job.reason or job.status)
