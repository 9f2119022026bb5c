"""Interrupt mode: at sign-in, what the policy asks for and is missing; or a look at what is registered, from time to time."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from reset import registration
from reset.views.members import member_page, person_of
from reset.views.pages import page
from reset.views.requesting import visitor_of
from reset.views.security_info import SETUP
from reset.views.security_texts import ADD, ways_to_add


def interrupts(request: HttpRequest, user: User, onward: str) -> bool:
    """Whether this sign-in goes to the setup first. It is asked once for each sign-in; the session stays as it is."""
    if user.tenant is None or user.must_change_password:
        return False
    now = timezone.now()
    if not registration.is_to_be_asked(user, registration.standing_of(user, now), now):
        return False
    request.session[SETUP] = onward
    return True


@member_page
def setup(request: HttpRequest) -> HttpResponse:
    """The fewest methods that satisfy the policy, the most secure one first; at the end a review of everything."""
    user, now = person_of(request), timezone.now()
    standing = registration.standing_of(user, now)
    if SETUP not in request.session or not standing.registration.is_enabled:
        return HttpResponseRedirect(reverse("security-info"))
    registration.note_asked(user, now)
    can_skip = registration.can_skip(user, standing, now)
    if request.method == "POST":
        if request.POST.get("action") == "confirm" and registration.confirm_all(user, visitor_of(request), now):
            return HttpResponseRedirect(request.session.pop(SETUP))
        if request.POST.get("action") == "skip" and can_skip:
            registration.skip(user, visitor_of(request))
            return HttpResponseRedirect(request.session.pop(SETUP))
    proposed = ways_to_add(standing.registration.proposed)
    chosen = request.GET.get("with")
    first = next((method for method in proposed if method == chosen), proposed[0] if proposed else None)
    return page(
        request,
        "security/review.html" if not standing.registration.missing else "security/setup.html",
        user.tenant,
        standing=standing,
        first=first,
        title=ADD[first][0] if first else "",
        hint=ADD[first][1] if first else "",
        others=[method for method in proposed if method != first],
        can_skip=can_skip,
    )
