"""*Confirm it is you*: the second proof at sign-in. Nobody is signed in before it was given."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import tenants
from accounts.models import User
from reset import own_challenges, signin
from reset.own_challenges import Purpose
from reset.signin import Mark
from reset.views import access
from reset.views.members import tenant_of
from reset.views.pages import page
from reset.views.proofs import ask, chosen, offers_of
from reset.views.requesting import safe_next, with_next
from reset.views.signin import PASSWORD_WAS_RIGHT, enter

ASKED = "asked_at_signin"
"""In the session: the challenges it has begun. No other session may answer them."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """The ways this person holds that count at sign-in."""
    mark, user = _person_of(request)
    if mark is None or user is None:
        return _start_over(request, mark)
    with tenants.opened(tenant_of(user)):
        offers = offers_of(user, Purpose.SIGN_IN)
        if not offers and not signin.what_then(user, timezone.now()).is_stranded:
            return _start_over(request, mark)  # removed meanwhile: what is due now is for a new sign-in to say
        challenge, error = chosen(request, user, Purpose.SIGN_IN) if request.method == "POST" else (None, "")
        if challenge is not None:
            request.session[ASKED] = [*request.session.get(ASKED, [])[-4:], str(challenge.pk)]
            return HttpResponseRedirect(_with_next(request, reverse("signin-answer", args=[challenge.pk])))
        start, reset = access.address("signin", mark.slug), access.address("reset-identify", mark.slug)
        context: dict[str, Any] = {"offers": offers, "error": error, "start": start, "reset_address": reset}
        return page(request, "signin/verify.html" if offers else "signin/no_way.html", user.tenant, **context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """The code, or what the passkey answers."""
    mark, user = _person_of(request)
    if mark is None or user is None:
        return _start_over(request, mark)
    back = _with_next(request, reverse("signin-verify"))
    with tenants.opened(tenant_of(user)):
        challenge = own_challenges.find(user, str(challenge_id), Purpose.SIGN_IN, timezone.now())
        if challenge is None or str(challenge_id) not in request.session.get(ASKED, []):
            return HttpResponseRedirect(back)
        unanswered = ask(request, challenge, back)
        if unanswered is not None:
            return unanswered
        # The last recovery code, say: another method is registered while this proof holds, not by the next password alone.
        lacks_method = signin.what_then(user, timezone.now()).asks_to_register
    return enter(request, user, lacks_method, challenge.method)


def _person_of(request: HttpRequest) -> tuple[Mark | None, User | None]:
    """Whose password this browser typed a moment ago, while that holds."""
    mark = Mark.from_json(request.session.get(PASSWORD_WAS_RIGHT))
    return mark, mark.find_user(timezone.now()) if mark else None


def _start_over(request: HttpRequest, mark: Mark | None) -> HttpResponse:
    """To the password again, at the address where the sign-in began."""
    return HttpResponseRedirect(_with_next(request, access.address("signin", mark.slug if mark else "")))


def _with_next(request: HttpRequest, address: str) -> str:
    return with_next(address, safe_next(request.GET.get("next", "")))
