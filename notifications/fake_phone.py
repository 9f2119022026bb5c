"""The phone of the embedded profile: keys pressed in a captured call reach Rekey as Twilio would send them, by real HTTP."""

import re
from html import unescape
from urllib.parse import urlencode

from accounts import egress
from notifications.channels import voice
from notifications.models import CapturedMessage

ACCOUNT = "AC00000000000000000000000000000000"
SAID = re.compile(r"<Say[^>]*>(.*?)</Say>", re.DOTALL)


def press(call: CapturedMessage, keys: str) -> str:
    """Send the keys, signed, and return what the voice says; without an answer, why there was none."""
    fields = {
        "AccountSid": ACCOUNT,
        "CallSid": f"CA{call.pk:032x}",
        "CallStatus": "in-progress",
        "To": call.recipient,
        "Digits": keys,
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": voice.signature(call.answer_url, fields),
    }
    try:
        answer = egress.request("POST", call.answer_url, urlencode(fields).encode(), headers)
    except (egress.Refused, egress.Unreachable) as error:
        return str(error)
    said = SAID.search(answer.body.decode())
    return unescape(said[1]) if said else f"HTTP {answer.status}"
