"""Rendering a page: never cached, with what the frame around every card needs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Tenant


def page(
    request: HttpRequest,
    template: str,
    tenant: Tenant | None = None,
    status: int = 200,
    support_code: str = "",
    **context: Any,
) -> HttpResponse:
    """Render `template` for a tenant. Every page of Rekey may hold something personal: `no-store`."""
    response = render(request, template, {"tenant": tenant, "support_code": support_code, **context}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
