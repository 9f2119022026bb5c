"""Walking the wizard as a browser would: pages, forms, and what arrives in a mailbox."""

import json
import re
from typing import Any

from captcha.models import CaptchaStore
from django.test import Client

from accounts import executors, tenants
from notifications.models import Message

CODE = re.compile(r"\b\d{6}\b")


def start(client: Client, name: str, trouble: str = "forgot", prefix: str = "", **extra: Any) -> Any:
    """Fill in the first page, captcha included."""
    first = client.get(f"{prefix}/reset/")
    picture = first.context["picture"]
    answer = CaptchaStore.objects.get(hashkey=picture.key).response
    return client.post(
        f"{prefix}/reset/",
        {
            "user": name,
            "trouble": trouble,
            "captcha_key": picture.key,
            "captcha_binding": picture.binding,
            "captcha": answer,
            **extra,
        },
    )


def choose(client: Client, method: str, prefix: str = "") -> Any:
    """Press the way called `method` on the verify page."""
    page = client.get(f"{prefix}/reset/verify/")
    offer = next(offer for offer in page.context["offers"] if offer.method == method)
    return client.post(
        f"{prefix}/reset/verify/", {"action": "choose", "offer": f"{offer.method}:{offer.authenticator_id}"}
    )


def answer(client: Client, code: str, prefix: str = "") -> Any:
    return client.post(f"{prefix}/reset/verify/", {"action": "answer", "code": code})


def contents(message: Message) -> dict[str, Any]:
    """What the worker would read in a message."""
    opened: dict[str, Any] = json.loads(executors.open_sealed(bytes(message.sealed), message.place))
    return opened


def last_message(kind: str = "passcode") -> Message:
    with tenants.all_opened():
        return Message.objects.filter(kind=kind).latest("created_at", "id")


def last_code() -> str:
    """The newest passcode, as its mailbox would get it."""
    return str(contents(last_message())["context"]["code"])


def wrong_code(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06d}"
