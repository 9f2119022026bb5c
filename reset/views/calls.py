"""What the provider of calls sends when keys were pressed. Nothing but its signature says that it is the provider."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.methods import Method
from notifications import twiml
from notifications.channels import voice
from reset import confirming
from reset.confirming import Keyed, Waiting
from reset.models import Challenge

HASH = "#"
CALLS = (Method.CALL, Method.OFFICE_CALL)


@csrf_exempt
@never_cache
@require_POST
def answered(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """Compare the keys with the digits on the page. Unsigned, too late, or for a challenge that is over: 403."""
    fields = {name: str(value) for name, value in request.POST.items()}
    address = f"{settings.BASE_URL}{request.path}"
    if not voice.is_genuine(address, fields, request.headers.get("X-Twilio-Signature", "")):
        return HttpResponseForbidden()
    challenge = confirming.find(challenge_id, CALLS, timezone.now())
    if challenge is None or not fields.get("Digits"):
        return HttpResponseForbidden()
    return HttpResponse(_reply(challenge, fields["Digits"], address), content_type="text/xml; charset=utf-8")


def _reply(challenge: Waiting, keys: str, address: str) -> str:
    """What is said next."""
    language = challenge.request.language if isinstance(challenge, Challenge) else challenge.language
    # Without the hash key at the end it is no answer: somebody who hangs up amid the digits has confirmed nothing.
    typed = keys.removesuffix(HASH) if keys.endswith(HASH) else f"{keys} "
    keyed = confirming.answer(challenge, typed, timezone.now())
    with translation.override(language):
        if keyed == Keyed.RIGHT:
            return twiml.farewell(_("Thank you. Go on in your browser. Goodbye."), language)
        if keyed == Keyed.WRONG:
            again = _("Those were not the digits on your screen. Press them once more, then the hash key.")
            return twiml.ask(again, language, address, len(challenge.shown))
        return twiml.farewell(_("That is over. Please start again in your browser. Goodbye."), language)
