"""The development outbox: captured mail and text messages, for somebody who sits at the very machine."""

import re
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.egress import is_loopback
from notifications import fake_phone
from notifications.models import CapturedMessage, Channel

SHOWN = 50
MOST_KEYS = 10
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


@never_cache
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest captured messages. Anybody but a loopback peer of an embedded server finds nothing here."""
    _only_at_this_machine(request)
    return _page(request)


@never_cache
@require_POST
def press_keys(request: HttpRequest, message_id: int) -> HttpResponse:
    """Press keys in a captured call: sends what the provider would send, signed as it signs, and shows what is said."""
    _only_at_this_machine(request)
    call = get_object_or_404(CapturedMessage, pk=message_id, channel=Channel.VOICE)
    return _page(request, call, fake_phone.press(call, request.POST.get("keys", "")[:MOST_KEYS]))


def _page(request: HttpRequest, call: CapturedMessage | None = None, said: str = "") -> HttpResponse:
    captured = [(message, _code_in(message.text)) for message in CapturedMessage.objects.all()[:SHOWN]]
    context = {"captured": captured, "shown": SHOWN, "call": call, "said": said}
    return render(request, "notifications/outbox.html", context)


def _only_at_this_machine(request: HttpRequest) -> None:
    if not (settings.EMBEDDED and _is_at_this_machine(request.META)):
        raise Http404


def _code_in(text: str) -> str:
    found = CODE.search(text)
    return found[0] if found else ""


def _is_at_this_machine(meta: dict[str, Any]) -> bool:
    """By the peer's own address. A forwarded request comes from a proxy at this machine, not from a person at it."""
    return is_loopback(str(meta.get("REMOTE_ADDR", ""))) and not any(name in meta for name in FORWARDED)
