"""Sends nothing: keeps messages where the development outbox shows them. Only the embedded profile may do that."""

from django.conf import settings

from notifications.channels.base import DeliveryError, Outgoing
from notifications.models import CapturedMessage, Channel

ANSWER = "captured"


class CapturedMail:
    """EMAIL_URL=captured://"""

    channel = Channel.EMAIL

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, outgoing: Outgoing) -> str:
        if not settings.EMBEDDED:
            raise DeliveryError("captured:// is for the embedded profile only")
        CapturedMessage.objects.create(
            channel=self.channel,
            recipient=outgoing.recipient[:254],
            subject=outgoing.subject[:300],
            text=outgoing.text,
            html=outgoing.html,
            answer_url=outgoing.answer_url,
        )
        return ANSWER

    def problems(self) -> list[str]:
        if settings.EMBEDDED:
            return []
        return [f"{self.channel.name}_URL is captured://, which sends nothing and is for the embedded profile only"]


class CapturedText(CapturedMail):
    """SMS_URL=captured://"""

    channel = Channel.SMS


class CapturedCall(CapturedMail):
    """VOICE_URL=captured://; the outbox shows a phone whose keys can be pressed."""

    channel = Channel.VOICE
