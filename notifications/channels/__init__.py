"""How messages leave: which sender serves a channel is said by the scheme of its URL."""

from urllib.parse import urlsplit

from django.conf import settings

from accounts import egress
from notifications.channels.base import DeliveryError, Sender
from notifications.channels.captured import CapturedCall, CapturedMail, CapturedText
from notifications.channels.sms import SmsGateway
from notifications.channels.smtp import SmtpServer
from notifications.channels.voice import Twilio
from notifications.models import Channel

SENDERS: dict[Channel, dict[str, type[Sender]]] = {
    Channel.EMAIL: {
        "smtp": SmtpServer,
        "smtp+tls": SmtpServer,
        "smtps": SmtpServer,
        "captured": CapturedMail,
    },
    Channel.SMS: {
        "https": SmsGateway,
        "http": SmsGateway,
        "captured": CapturedText,
    },
    Channel.VOICE: {
        "twilio": Twilio,
        "twilio+http": Twilio,
        "captured": CapturedCall,
    },
}
URL_SETTINGS: dict[Channel, str] = {
    Channel.EMAIL: "EMAIL_URL",
    Channel.SMS: "SMS_URL",
    Channel.VOICE: "VOICE_URL",
}


def find(channel: Channel) -> Sender:
    """The sender the settings name. Raises DeliveryError where there is none; the operator may mend that."""
    sender = SENDERS[channel].get(_scheme(channel))
    if sender is None:
        raise DeliveryError(f"{URL_SETTINGS[channel]} does not say how to send", unreachable=True)
    return sender(getattr(settings, URL_SETTINGS[channel]))


def problems() -> list[str]:
    """What keeps messages from leaving, for the checks at start-up: sentences without credentials. Asks no network.

    SMS_URL and VOICE_URL may be empty: then there are no text messages, or no calls.
    """
    found = egress.network_problems()
    for channel, name in URL_SETTINGS.items():
        url: str = getattr(settings, name)
        sender = SENDERS[channel].get(_scheme(channel))
        if sender is not None:
            found += sender(url).problems()
        elif url or channel == Channel.EMAIL:
            schemes = ", ".join(f"{scheme}://" for scheme in SENDERS[channel])
            found.append(f"{name} must begin with one of {schemes}")
    return found


def _scheme(channel: Channel) -> str:
    try:
        return urlsplit(str(getattr(settings, URL_SETTINGS[channel]))).scheme
    except ValueError:
        return ""
