"""Pages beside the wizard: contact your administrator, and *this wasn't me*."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import tenants
from accounts.executors import NoExecutor
from accounts.models import Tenant
from policy import throttle
from policy.throttle import Use
from reset import alarms, contacting, flow
from reset.forms import ContactForm
from reset.requests import TooOften
from reset.views import access
from reset.views.pages import page
from reset.views.steps import too_often

ALARM_COOKIE = "__Host-rekey-alarm" if settings.SECURE else "rekey-alarm"
ALARM_COOKIE_SECONDS = 900


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """A few words to the administrators, from any step of a running or ended request."""
    reset = access.resumed(request)
    if reset is None or (slug is not None and reset.tenant.slug != slug):
        return HttpResponseRedirect(access.address("reset-identify", slug))
    with tenants.opened(reset.tenant):
        back = access.address(access.PAGE_OF[flow.current_step(reset)], slug)
        context = {"back": back, "slug": slug, "reset": reset}
        if reset.tenant.contact != Tenant.Contact.FORM:
            return page(request, "reset/contact_off.html", reset.tenant, 200, reset.support_code, **context)
        form = ContactForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return page(request, "reset/contact.html", reset.tenant, 200, reset.support_code, form=form, **context)
        try:
            contacting.contact(reset, form.cleaned_data["message"], request.visitor)  # type: ignore[attr-defined]
        except TooOften as wait:
            return too_often(request, reset.tenant, wait)
        except NoExecutor:
            return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code, slug=slug)
        return page(request, "reset/contacted.html", reset.tenant, 200, reset.support_code, **context)


@never_cache
@require_http_methods(["GET", "HEAD"])
def alarm_link(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the mail: out of the address bar at once, and nothing changed (mail scanners follow links)."""
    response = HttpResponseRedirect(reverse("alarm"))
    response.set_cookie(
        ALARM_COOKIE, token, max_age=ALARM_COOKIE_SECONDS, httponly=True, secure=settings.SECURE, samesite="Lax"
    )
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alarm(request: HttpRequest) -> HttpResponse:
    """Ask first; act on the button only."""
    visitor = request.visitor  # type: ignore[attr-defined]
    opened = throttle.count(Use(throttle.ALARMS_FROM_ADDRESS, visitor.network), now=timezone.now())[0]
    if opened.is_over:
        return too_often(request, None, TooOften(opened.ends_at))
    reset = alarms.find(request.COOKIES.get(ALARM_COOKIE, ""))
    if reset is None:
        return page(request, "reset/alarm_over.html", status=410)
    with tenants.opened(reset.tenant):
        if request.method != "POST":
            return page(request, "reset/alarm.html", reset.tenant, 200, reset.support_code, reset=reset)
        try:
            raised = alarms.raise_alarm(reset, visitor)
        except NoExecutor:
            return page(request, "reset/no_delivery.html", reset.tenant, 503, reset.support_code)
        template = "reset/alarm_raised.html" if raised else "reset/alarm_over.html"
        response = page(request, template, reset.tenant, 200 if raised else 410, reset.support_code)
        response.delete_cookie(ALARM_COOKIE, samesite="Lax")
        return response
