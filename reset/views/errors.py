"""Pages for what went wrong: no cookies, a stale form, not found, a fault of ours. They tell what to do."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from reset.views.access import COOKIE


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came back without its cookie (cookies are off), or from a page that is too old."""
    has_cookie = settings.CSRF_COOKIE_NAME in request.COOKIES
    return _page(request, "errors/stale.html" if has_cookie else "errors/cookies.html", 403)


@never_cache
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "errors/bad_request.html", 400)


@never_cache
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "errors/forbidden.html", 403)


@never_cache
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "errors/not_found.html", 404)


@never_cache
def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke on our side; nothing about what it was leaves the house."""
    return _page(request, "errors/server_error.html", 500)


def _page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """Without a word from the database: it may be what broke. Whoever is in the middle of a reset can ask for help."""
    contact_page = reverse("reset-contact") if COOKIE in request.COOKIES else ""
    return render(request, template, {"contact_page": contact_page}, status=status)
