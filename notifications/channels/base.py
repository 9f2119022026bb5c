"""What every channel is given, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.utils import timezone


class DeliveryError(Exception):
    """The message was not taken. The text is for the record: no recipient, no content, no credentials.

    `permanent`: trying again is of no use. `unreachable`: nobody answered, so other messages would fare the same.
    """

    def __init__(self, text: str, permanent: bool = False, unreachable: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.unreachable = unreachable


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
