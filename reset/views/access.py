"""Between the browser and the flow: the request's cookie, the page a person should be on, and the tenant they mean."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, wraps
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import tenants
from accounts.models import Tenant, User
from accounts.models.tenants import HOST_NAME
from accounts.names import domain_of
from accounts.visitor import Visitor
from reset import flow
from reset.browsers import LIFETIME_SECONDS, KnownBrowser
from reset.flow import Step
from reset.models import ResetRequest
from reset.views.requesting import visitor_of

COOKIE = "__Host-rekey" if settings.SECURE else "rekey"
BROWSER_COOKIE = "__Host-rekey-browser" if settings.SECURE else "rekey-browser"
COOKIE_SECONDS = 3600
PAGE_OF: dict[Step, str] = {
    Step.IDENTIFY: "reset-identify",
    Step.CHOOSE: "reset-verify",
    Step.DESTINATION: "reset-verify",
    Step.ANSWER: "reset-verify",
    Step.PASSWORD: "reset-password",
    Step.WRITING: "reset-status",
    Step.END: "reset-status",
}
WizardView = Callable[..., HttpResponse]


def resumed(request: HttpRequest) -> ResetRequest | None:
    """The reset request that this browser's cookie opens."""
    identifier, _, secret = request.COOKIES.get(COOKIE, "").partition(".")
    try:
        UUID(identifier)
    except ValueError:
        return None
    return flow.resume(identifier, secret)


def remember(response: HttpResponse, reset: ResetRequest, secret: str) -> HttpResponse:
    """Give the browser the request's (new) secret."""
    response.set_cookie(
        COOKIE, f"{reset.pk}.{secret}", max_age=COOKIE_SECONDS, httponly=True, secure=settings.SECURE, samesite="Lax"
    )
    return response


def known_browser(request: HttpRequest) -> KnownBrowser:
    return KnownBrowser.read(request.COOKIES.get(BROWSER_COOKIE, ""))


def visitor_in_browser(request: HttpRequest) -> Visitor:
    """The visitor, who also knows whose browser it is: who is signed in there, or has reset a password there before."""
    browser = known_browser(request)

    def is_browser_of(user_id: int) -> bool:
        return request.user.pk == user_id or bool(browser.recognises(User(pk=user_id)))

    return replace(visitor_of(request), is_browser_of=is_browser_of)


def recognise_browser(request: HttpRequest, response: HttpResponse, reset: ResetRequest) -> None:
    """After a success this browser has a bucket of failures of its own for this account."""
    if reset.user is not None:
        response.set_cookie(
            BROWSER_COOKIE,
            known_browser(request).learning(reset.user),
            max_age=LIFETIME_SECONDS,
            httponly=True,
            secure=settings.SECURE,
            samesite="Lax",
        )


def hinted_tenant(request: HttpRequest, slug: str | None) -> Tenant | None:
    """The tenant that the address, `whr=` or `username=` names. Raises Http404 for an unknown short name."""
    if slug is not None:
        tenant = tenants.find_by_slug(slug)
        if tenant is None:
            raise Http404
        return tenant
    domain = request.GET.get("whr", "").strip().lower() or domain_of(request.GET.get("username", ""))
    # Whatever is no host name (a NUL would be an error of the database's) names nobody.
    return tenants.find_by_domain(domain) if HOST_NAME.match(domain) else None


@lru_cache(maxsize=1024)
def address(name: str, slug: str | None, *args: str) -> str:
    """The address of a page, under the tenant's own where the visitor is there."""
    return reverse(f"tenant-{name}", args=[slug, *args]) if slug else reverse(name, args=list(args))


def step_address(reset: ResetRequest | None, slug: str | None) -> str:
    """The address of the page where this person should be."""
    return address(PAGE_OF[flow.current_step(reset)], slug)


def to_step(reset: ResetRequest | None, slug: str | None) -> HttpResponseRedirect:
    """To the page where this person should be."""
    return HttpResponseRedirect(step_address(reset, slug))


def at_steps(*steps: Step) -> Callable[[WizardView], WizardView]:
    """Run a view for a request at one of these steps, in its tenant's scope; send others where they should be."""

    def decorate(view: WizardView) -> WizardView:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str | None = None) -> HttpResponse:
            reset = resumed(request)
            if reset is None:
                lost = COOKIE in request.COOKIES
                response: HttpResponse = HttpResponseRedirect(
                    address("reset-identify", slug) + ("?lost=1" if lost else "")
                )
                response.delete_cookie(COOKIE, samesite="Lax")
                return response
            if slug is not None and reset.tenant.slug != slug:
                raise Http404
            if flow.current_step(reset) not in steps:
                return to_step(reset, slug)
            with tenants.opened(reset.tenant):
                return view(request, reset, slug)

        return guarded

    return decorate
