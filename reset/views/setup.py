"""Interrupt mode: at sign-in, what the policy asks for and is missing; or a look at what is registered, from time to time."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.methods import Method
from accounts.models import User
from reset import one_more, registration
from reset.views.members import SETUP, is_method_due, member_page_in_setup, person_of
from reset.views.pages import page
from reset.views.requesting import visitor_of
from reset.views.security_texts import ADD, ways_to_add


def interrupts(request: HttpRequest, user: User, onward: str) -> bool:
    """Whether this sign-in goes to the setup first. It is asked once for each sign-in; the session stays as it is.

    Who has to register a method for sign-in can't go anywhere else until that is done.
    """
    if user.tenant is None or user.must_change_password:
        return False
    now = timezone.now()
    if not registration.is_to_be_asked(user, registration.standing_of(user, now), now):
        return False
    request.session[SETUP] = onward
    return True


@member_page_in_setup
def setup(request: HttpRequest) -> HttpResponse:
    """The fewest methods that satisfy what is asked for, the most secure one first; at the end a review of everything."""
    user, now = person_of(request), timezone.now()
    standing = registration.standing_of(user, now)
    decision = standing.registration
    if is_method_due(request):
        request.session.setdefault(SETUP, reverse("account"))
    if SETUP not in request.session or not (decision.is_enabled or decision.for_sign_in):
        return HttpResponseRedirect(reverse("security-info"))
    registration.note_asked(user, now)
    can_skip = registration.can_skip(user, standing, now)
    more = one_more.offer(user, standing, now)
    onward = _onward(request, can_skip, more) if request.method == "POST" else None
    if onward is not None:
        return onward
    proposed = ways_to_add(decision.proposed)
    chosen = request.GET.get("with")
    first = next((method for method in proposed if method == chosen), proposed[0] if proposed else None)
    return page(
        request,
        "security/setup.html" if decision.to_register else "security/review.html",
        user.tenant,
        standing=standing,
        first=first,
        title=ADD[first][0] if first else "",
        hint=ADD[first][1] if first else "",
        others=[method for method in proposed if method != first],
        can_skip=can_skip,
        more=more,
    )


def _onward(request: HttpRequest, can_skip: bool, more: Method | None) -> HttpResponse | None:
    """Where a button leads; None where that is not open now."""
    user, now, action = person_of(request), timezone.now(), request.POST.get("action")
    done = action == "confirm" and registration.confirm_all(user, visitor_of(request), now)
    skipped = action == "skip" and can_skip
    if more is not None and (done or skipped or action == "more"):
        one_more.note_offered(user, now)
    if more is not None and action == "more":
        return HttpResponseRedirect(reverse("security-add", args=[more]))
    if skipped:
        registration.skip(user, visitor_of(request))
    return HttpResponseRedirect(request.session.pop(SETUP)) if done or skipped else None
