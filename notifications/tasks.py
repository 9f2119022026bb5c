"""The worker's way in. A task carries a message's id; whether there is anything to do, the row says."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import Error

from accounts.identifiers import moment_of
from notifications import delivery

logger = logging.getLogger(__name__)


@shared_task(name="notifications.tasks.deliver", acks_late=True, ignore_result=True)
def deliver(message_id: str) -> None:
    """Deliver one message, if it is due. An id that is none, or nobody's, does nothing."""
    try:
        identifier = UUID(message_id)
        moment_of(identifier)
    except (ValueError, TypeError, AttributeError, OverflowError):
        logger.warning("A task named a message by something that is no id")
        return
    try:
        delivery.deliver(identifier)
    except Error as error:
        # The row is as it was, or its lease runs out: the sweep comes back to it.
        logger.error("Message %s waits for the sweep: %s", identifier, type(error).__name__)
