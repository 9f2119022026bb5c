"""Who asks, and where they want to go."""

from django.http import HttpRequest, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.visitor import Visitor


def visitor_of(request: HttpRequest) -> Visitor:
    visitor: Visitor = request.visitor  # type: ignore[attr-defined]
    return visitor


def safe_next(wished: str) -> str:
    """A path on this very host, or nothing: no other host, no scheme, no backslash tricks."""
    is_path = wished.startswith("/") and url_has_allowed_host_and_scheme(wished, allowed_hosts=None)
    return wished if is_path else ""


def with_next(address: str, onward: str) -> str:
    """An address that leads on to another one afterwards, if there is one."""
    if not onward:
        return address
    query = QueryDict(mutable=True)
    query["next"] = onward
    return f"{address}?{query.urlencode(safe='/')}"
