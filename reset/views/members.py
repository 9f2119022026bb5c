"""Pages of signed-in people of an organisation: who they are, and how fresh their proof is."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, cast

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.models import Tenant, User
from policy.signin import SIGN_IN_METHODS
from reset import proving, signin
from reset.views.requesting import with_next

SETUP = "in_setup"
"""In the session while sign-in is interrupted: where the person goes afterwards."""
METHOD_DUE = "sign_in_method_due"
"""In the session of somebody who was let in by the password alone, to register what sign-in asks for, and for nothing else."""
PROVED_AT, PROVED_EPOCH = "proved_at", "proved_epoch"
SIGNED_IN_AT = "password_proved_at"
View = Callable[..., HttpResponse]


def member_page(view: View) -> View:
    """A page of somebody who belongs to an organisation; others, and those whose password is due, go to their account.

    Closed while sign-in lacks a method.
    """
    return _member_page(view, is_open_in_setup=False)


def member_page_in_setup(view: View) -> View:
    """A member's page that leads to the method which sign-in lacks."""
    return _member_page(view, is_open_in_setup=True)


def _member_page(view: View, is_open_in_setup: bool) -> View:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = person_of(request)
        if user.tenant is None or user.must_change_password:
            return HttpResponseRedirect(reverse("account"))
        turned_away = _to_what_is_due(request, user, is_open_in_setup) if is_method_due(request) else None
        return turned_away or view(request, *args, **kwargs)

    return never_cache(
        sensitive_post_parameters()(login_required(require_http_methods(["GET", "HEAD", "POST"])(checked)))
    )


def is_method_due(request: HttpRequest) -> bool:
    """Whether this session may only register a method for sign-in."""
    return bool(request.session.get(METHOD_DUE))


def _to_what_is_due(request: HttpRequest, user: User, is_open_in_setup: bool) -> HttpResponse | None:
    """Where this session has to go, if anywhere. What was registered from elsewhere has to be proved: by a new sign-in."""
    decision = signin.what_then(user, timezone.now())
    if decision.asks_for_proof:
        logout(request)
        return HttpResponseRedirect(reverse("signin"))
    if not decision.asks_to_register:
        del request.session[METHOD_DUE]
        return None
    return None if is_open_in_setup else HttpResponseRedirect(reverse("security-setup"))


def settle_method(request: HttpRequest, method: str) -> None:
    """A method was registered by this very session: what sign-in lacked may be no longer due."""
    if method in SIGN_IN_METHODS:
        request.session.pop(METHOD_DUE, None)


def freshly_proved(view: View) -> View:
    """A page that changes methods: whose last proof is older than ten minutes gives another one first."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not has_fresh_proof(request):
            return HttpResponseRedirect(with_next(reverse("prove"), request.get_full_path()))
        return view(request, *args, **kwargs)

    return checked


def has_fresh_proof(request: HttpRequest, now: datetime | None = None) -> bool:
    """By a method held; for who holds none, having signed in with the password just now is enough."""
    now, user, session = now or timezone.now(), person_of(request), request.session
    epoch = str(session.get(PROVED_EPOCH, ""))
    if proving.is_fresh(str(session.get(PROVED_AT, "")), epoch, user, now):
        return True
    if not proving.is_fresh(str(session.get(SIGNED_IN_AT, "")), user.credentials_epoch, user, now):
        return False
    return not proving.ways(user, tenant_of(user).imported_methods_count, now)


def remember_proof(request: HttpRequest) -> None:
    """This session has proved who it is, for ten minutes; under a new key, as after every step up."""
    request.session.cycle_key()
    request.session[PROVED_AT] = timezone.now().isoformat()
    request.session[PROVED_EPOCH] = person_of(request).credentials_epoch


def remember_sign_in(request: HttpRequest) -> None:
    """The password was right just now: a proof for as long as nothing else is held."""
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()


def person_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def tenant_of(user: User) -> Tenant:
    assert user.tenant is not None
    return user.tenant
