"""Pages for what went wrong: no cookies, a stale form, not found, a fault of ours. They tell what to do."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache


@never_cache
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came back without its cookie (cookies are off), or from a page that is too old."""
    has_cookie = settings.CSRF_COOKIE_NAME in request.COOKIES
    return render(request, "errors/stale.html" if has_cookie else "errors/cookies.html", status=403)


@never_cache
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/bad_request.html", status=400)


@never_cache
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/forbidden.html", status=403)


@never_cache
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/not_found.html", status=404)


@never_cache
def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke on our side; nothing about what it was leaves the house."""
    return render(request, "errors/server_error.html", status=500)
