"""What every view finds on its request: language, visitor, and the scope of the signed-in person's tenant."""

from collections.abc import Callable

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts import tenants
from accounts.visitor import Visitor, client_address

View = Callable[[HttpRequest], HttpResponse]
SIGNED_IN_PATHS = ("/admin/", "/account/", "/security-info/", "/signout/")
YEAR = 365 * 24 * 3600


class ContentSecurityMiddleware:
    """One Content-Security-Policy for every page, put together once: no page has a nonce or an exception of its own."""

    def __init__(self, get_response: View) -> None:
        self.get_response, self.policy = get_response, build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers[HEADER] = self.policy
        return response


class LanguageMiddleware:
    """`?mkt=` wins and is remembered, then the choice remembered before, then the browser's wish."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wished = _supported(request.GET.get("mkt", ""))
        with translation.override(wished or translation.get_language_from_request(request)):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
        if wished:
            remember_language(response, wished)
        return response


def remember_language(response: HttpResponse, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR,
        httponly=True,
        secure=settings.SECURE,
        samesite="Lax",
    )


def _supported(wish: str) -> str | None:
    """`de-CH` → `de`; None for what we don't speak or can't parse."""
    try:
        return translation.get_supported_language_variant(wish.strip().replace("_", "-").lower()) if wish else None
    except LookupError:
        return None


class SameOriginMiddleware(CsrfViewMiddleware):
    """Django's CSRF check, for pages that say `Referrer-Policy: no-referrer`: their forms come with `Origin: null`.

    Such a form passes only if the browser calls it same-origin (Sec-Fetch-Site can't be set by a page), or says nothing at
    all, as browsers before 2023 do. The token bound to the cookie is checked in any case.
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        if request.META.get("HTTP_ORIGIN") == "null":
            return bool(request.META.get("HTTP_SEC_FETCH_SITE", "same-origin") == "same-origin")
        verified: bool = super()._origin_verified(request)  # type: ignore[misc]
        return verified


class RequestFactsMiddleware:
    """Sets `request.visitor`."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.visitor = Visitor(  # type: ignore[attr-defined]
            client_address(
                request.META.get("REMOTE_ADDR", ""),
                request.META.get("HTTP_X_FORWARDED_FOR", ""),
                settings.TRUSTED_PROXY_COUNT,
            ),
            request.META.get("HTTP_USER_AGENT", ""),
        )
        return self.get_response(request)


class ScopeMiddleware:
    """Pages of signed-in people see their own tenant's rows; platform operators see all. Other pages open their own scope."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(SIGNED_IN_PATHS) or not request.user.is_authenticated:
            return self.get_response(request)
        user = request.user
        with tenants.opened(user.tenant) if user.tenant else tenants.all_opened():
            return self.get_response(request)
