"""Rekey's own web app for phones: its page, what makes it one that can be installed, and the calls it makes.

The calls carry no cookie: each is signed with the phone's key, so the check against other sites' forms has nothing to guard.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import egress, phone_apps, tenants
from accounts.models import Authenticator
from accounts.phone_apps import Subscription
from notifications.channels import push
from policy import throttle
from policy.throttle import Use
from reset import phone_registration, prompts, signed_calls
from reset.confirming import Keyed
from reset.methods.app_notification import NUMBER_DIGITS
from reset.phone_registration import Standing
from reset.requests import TooOften
from reset.signed_calls import Call, OtherTime, Refused
from reset.views.pages import page
from reset.views.requesting import visitor_of

ICONS = ((192, "any"), (512, "any"), (512, "maskable"))
LONGEST_CLIENT = 60
"""An unknown browser says what it likes: too little for a message to whoever holds the phone."""


@never_cache
@require_safe
def app(request: HttpRequest) -> HttpResponse:
    """The web app: the same for everybody; what a phone holds, only its own browser knows."""
    return page(request, "authenticator/app.html", vapid=push.application_server_key())


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What an installed web app is called, and where it begins and ends."""
    here = reverse("authenticator")
    name = _("Rekey Authenticator")
    icons = [
        {
            "src": static(f"authenticator/icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": use,
        }
        for size, use in ICONS
    ]
    language = request.LANGUAGE_CODE
    described = {
        "id": here,
        "name": name,
        "short_name": str(settings.PRODUCT_NAME),
        "lang": language,
        "dir": "rtl" if get_language_info(language)["bidi"] else "ltr",
        "start_url": here,
        "scope": here,
        "display": "standalone",
        "background_color": "#f3f4f7",
        "theme_color": "#2f5bd8",
        "icons": icons,
    }
    return JsonResponse(described, content_type="application/manifest+json")


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Served from here and not with the other files: a service worker rules over addresses below its own only."""
    return render(request, "authenticator/sw.js", content_type="text/javascript; charset=utf-8")


@csrf_exempt
@never_cache
@require_POST
def call(request: HttpRequest, purpose: str) -> HttpResponse:
    """One signed call. Whatever is wrong with it is answered alike."""
    if purpose not in CALLS:
        raise Http404
    now = timezone.now()
    try:
        return _answered(request, purpose, now)
    except OtherTime:
        return JsonResponse({"error": "time", "now": int(now.timestamp() * 1000)}, status=409)
    except TooOften as wait:
        seconds = max(1, int((wait.ends_at - now).total_seconds()))
        return JsonResponse({"error": "often"}, status=429, headers={"Retry-After": str(seconds)})


def _answered(request: HttpRequest, purpose: str, now: datetime) -> HttpResponse:
    """Raises OtherTime or TooOften."""
    try:
        with tenants.all_opened():
            return JsonResponse(CALLS[purpose](request, signed_calls.read(request.body, purpose, now), now))
    except Refused:
        signed_calls.count_refused(visitor_of(request), now)
        return JsonResponse({"error": "refused"}, status=403)


def _enrol(request: HttpRequest, call: Call, now: datetime) -> dict[str, Any]:
    counted = throttle.count(Use(throttle.PHONE_CODES_FROM_ADDRESS, visitor_of(request).network), now=now)[0]
    if counted.is_over:
        raise TooOften(counted.ends_at)
    challenge, number = phone_registration.take_key(call, now)
    return {"enrolment": str(challenge.pk), "number": number}


def _enrolled(request: HttpRequest, call: Call, now: datetime) -> dict[str, Any]:
    enrolled = phone_registration.state_of(call, now)
    if enrolled.standing == Standing.WAITING or enrolled.phone is None:
        return {"state": Standing.WAITING}
    user = enrolled.phone.user
    organisation = user.tenant.name if user.tenant else ""
    return {
        "state": enrolled.standing,
        "phone": enrolled.phone.pk,
        "organisation": organisation,
        "name": user.principal_name,
    }


def _pending(request: HttpRequest, call: Call, now: datetime) -> dict[str, Any]:
    phone = signed_calls.phone_of(call, now)
    is_awake = phone_apps.subscription_of(phone) is not None
    return {"prompts": [_prompt(phone, prompt) for prompt in prompts.pending(phone, now)], "awake": is_awake}


def _prompt(phone: Authenticator, prompt: prompts.Prompt) -> dict[str, Any]:
    """Who asks, from where and when. The number is not in it."""
    tenant = phone.user.tenant
    return {
        "challenge": str(prompt.challenge.pk),
        "what": prompt.what,
        "organisation": tenant.name if tenant else "",
        "name": prompt.name,
        "address": prompt.browser.address,
        "client": prompt.browser.client[:LONGEST_CLIENT],
        "at": int(prompt.asked_at.timestamp() * 1000),
    }


def _answer(request: HttpRequest, call: Call, now: datetime) -> dict[str, Any]:
    """An approval without a number of two digits is none."""
    phone = signed_calls.phone_of(call, now)
    try:
        challenge_id = UUID(call.word("challenge"))
    except ValueError:
        raise Refused from None
    decision = call.word("decision")
    if decision == "refuse":
        return {"result": "refused" if prompts.refuse(phone, challenge_id, now) else Keyed.OVER}
    number = call.word("number")
    if decision != "approve" or not (len(number) == NUMBER_DIGITS and number.isascii() and number.isdigit()):
        raise Refused
    return {"result": prompts.answer(phone, challenge_id, number, now)}


def _subscription(request: HttpRequest, call: Call, now: datetime) -> dict[str, Any]:
    """Where this phone can be woken from now on; null where its browser doesn't grant that any more."""
    phone = signed_calls.phone_of(call, now)
    return {"kept": phone_apps.subscribe(phone, _read_subscription(call.said.get("subscription")))}


def _read_subscription(told: Any) -> Subscription | None:
    """Raises Refused for an address that no message would be sent to."""
    if told is None:
        return None
    schemes = ("https://", "http://") if settings.EMBEDDED else ("https://",)
    try:
        found = Subscription(told["endpoint"], told["keys"]["p256dh"], told["keys"]["auth"])
        is_sound = found.is_sound and found.endpoint.startswith(schemes)
    except (TypeError, KeyError, AttributeError, UnicodeError):
        raise Refused from None
    if not is_sound or egress.problems_of(found.endpoint):
        raise Refused
    return found


CALLS: dict[str, Callable[[HttpRequest, Call, datetime], dict[str, Any]]] = {
    "enrol": _enrol,
    "enrolled": _enrolled,
    "pending": _pending,
    "answer": _answer,
    "subscription": _subscription,
}
