"""The development outbox: captured mail and text messages, for somebody who sits at the very machine."""

import re
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.egress import is_loopback
from notifications.models import CapturedMessage

SHOWN = 50
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


@never_cache
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest captured messages. Anybody but a loopback peer of an embedded server finds nothing here."""
    if not (settings.EMBEDDED and _is_at_this_machine(request.META)):
        raise Http404
    captured = [(message, _code_in(message.text)) for message in CapturedMessage.objects.all()[:SHOWN]]
    return render(request, "notifications/outbox.html", {"captured": captured, "shown": SHOWN})


def _code_in(text: str) -> str:
    found = CODE.search(text)
    return found[0] if found else ""


def _is_at_this_machine(meta: dict[str, Any]) -> bool:
    """By the peer's own address. A forwarded request comes from a proxy at this machine, not from a person at it."""
    return is_loopback(str(meta.get("REMOTE_ADDR", ""))) and not any(name in meta for name in FORWARDED)
