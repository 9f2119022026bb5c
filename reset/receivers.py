"""What reset does when something happens below it."""

from typing import Any

from django.dispatch import receiver

from notifications.models import Channel
from notifications.signals import provider_unreachable
from policy import throttle
from policy.throttle import Use


@receiver(provider_unreachable)
def note_unreachable(channel: Channel, **_: Any) -> None:
    """For a minute people are told, and shown other ways, before they wait for what doesn't come (`reset/sending.py`).

    A minute from now: looks have begun one of their own, and an earlier failure had its.
    """
    away = Use(throttle.PROVIDER_UNREACHABLE, channel)
    throttle.clear([away])
    throttle.count(away)
