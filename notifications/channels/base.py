"""What every channel is given, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.utils import timezone

# Too early, too many, too slow: 4xx that may be different the next time.
TEMPORARY = frozenset({408, 425, 429})


class DeliveryError(Exception):
    """The message was not taken. The text is for the record: no recipient, no content, no credentials.

    `permanent`: trying again is of no use. `unreachable`: nobody answered, so other messages would fare the same.
    """

    def __init__(self, text: str, permanent: bool = False, unreachable: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.unreachable = unreachable


def refusal(status: int, beside: str = "") -> DeliveryError:
    """What an HTTP status that is no success means. The status alone is kept: a body may quote the message.

    Who fails itself (5xx) counts as unreachable. `beside` is added to the text.
    """
    is_theirs = status >= 500
    permanent = not is_theirs and status not in TEMPORARY
    return DeliveryError(f"HTTP {status}{beside}", permanent=permanent, unreachable=is_theirs)


def taken(status: int) -> str:
    """A provider's answer where the HTTP status says that it took the message. Raises DeliveryError for any other."""
    if not 200 <= status < 300:
        raise refusal(status)
    return f"HTTP {status}"


@dataclass(frozen=True)
class Outgoing:
    """A message written out for one recipient. It never prints what is in it. Nothing is sent after `expires_at`."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    recipient: str = field(repr=False)
    language: str
    organisation: str
    logo: bytes = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    answer_url: str = ""
    """Of a call: where the provider sends the keys that were pressed."""
    keys: int = 0
    """Of a call: how many digits are to be pressed before the hash key."""

    def seconds_left(self) -> float:
        """How long it is still of use. Raises DeliveryError when that time is over."""
        left = (self.expires_at - timezone.now()).total_seconds()
        if left <= 0:
            raise DeliveryError("Too late to be of use")
        return left


class Sender(Protocol):
    """One way to send, made anew for each message from the channel's URL. A new one is a file and a line in SENDERS."""

    def __init__(self, url: str) -> None: ...

    def send(self, outgoing: Outgoing) -> str:
        """Hand it over. Returns the provider's answer, raises DeliveryError."""

    def problems(self) -> list[str]:
        """What is wrong with the settings, in sentences for the operator, without credentials. Touches no network."""
