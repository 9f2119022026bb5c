"""Who may enter the console: an enabled administrator whose session showed an app code, where that is demanded."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare

from accounts.models import User
from reset.views.members import is_method_due

# The sign-in page keeps here, after a right app code, the epoch of the person who gave it: a renewed one ends it.
VERIFIED = "console_verified"
SIGN_IN = "/signin/"


def may_enter(request: HttpRequest) -> bool:
    if not is_administrator(request) or request.user.must_change_password:  # type: ignore[union-attr]
        return False
    if is_method_due(request):
        return False
    return not settings.CONSOLE_NEEDS_APP_CODE or is_verified(request)


def is_administrator(request: HttpRequest) -> bool:
    """Signed in, enabled, and with any role; platform operators have all of them."""
    person = request.user
    return isinstance(person, User) and person.is_authenticated and person.is_enabled and person.is_staff


def is_verified(request: HttpRequest) -> bool:
    """Whether this session showed an app code since the person's credentials last changed."""
    person = request.user
    seen = request.session.get(VERIFIED, "")
    return isinstance(person, User) and bool(seen) and constant_time_compare(seen, person.credentials_epoch)


def turn_away(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back; a person without any role would only go round in circles, and is told no."""
    if request.user.is_authenticated and not is_administrator(request):
        raise PermissionDenied
    return HttpResponseRedirect(f"{SIGN_IN}?{urlencode({'next': request.get_full_path()}, safe='/')}")
