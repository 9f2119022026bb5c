"""The front page, and what makes pages an organisation's own: its colour and its logo."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from accounts import tenants
from accounts.colours import style_for
from accounts.models import Branding
from reset.views import access
from reset.views.pages import page

FOR_EVER = 365 * 24 * 3600


@never_cache
@require_safe
def home(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """What would you like to do?"""
    return page(
        request,
        "reset/home.html",
        access.hinted_tenant(request, slug),
        identify=access.address("reset-identify", slug),
        sign_in=access.address("signin", slug),
    )


@require_safe
@cache_control(public=True, max_age=FOR_EVER, immutable=True)
def brand_style(request: HttpRequest, slug: str, accent: str) -> HttpResponse:
    """The style sheet that a tenant's accent colour makes."""
    return HttpResponse(style_for(f"#{accent}"), content_type="text/css; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=FOR_EVER, immutable=True)
def brand_logo(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    """A tenant's logo."""
    with tenants.all_opened():
        branding = Branding.objects.filter(tenant__slug=slug, logo_version=version).exclude(logo_version="").first()
    if branding is None:
        raise Http404
    return HttpResponse(bytes(branding.logo), content_type="image/png")
