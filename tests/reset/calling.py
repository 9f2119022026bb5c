"""Calls that were not made, and keys pressed in them: what the provider would send, signed as it signs."""

from typing import Any

from django.conf import settings
from django.test import Client

from notifications.channels import voice
from tests import wizard


def last_call() -> dict[str, Any]:
    """Recipient and content of the newest call."""
    return wizard.contents(wizard.last_message("call"))


def press(keys: str, call: dict[str, Any] | None = None, **changed: str) -> Any:
    """Press keys in a call. `url`, `signature` or another field may be given to send something else."""
    path = (call or last_call())["context"]["answer_path"]
    url = changed.pop("url", f"{settings.BASE_URL}{path}")
    fields = {"CallSid": "CA1", "CallStatus": "in-progress", "Digits": keys}
    signed = changed.pop("signature", voice.signature(url, fields))
    return Client().post(path, {**fields, **changed}, headers={"X-Twilio-Signature": signed})


def wrong(digits: str) -> str:
    """Two other digits than those shown, and the hash key."""
    return f"{(int(digits) + 1) % 100:02d}#"
