"""The worker's way in. A task carries a job's id; whether there is anything to do, the row says."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import Error

from writeback import execution

logger = logging.getLogger(__name__)


@shared_task(name="writeback.tasks.execute", acks_late=True, ignore_result=True)
def execute(job_id: str) -> None:
    """Carry out one job, if it waits. An id that is none, or nobody's, does nothing."""
    try:
        identifier = UUID(job_id)
    except (ValueError, TypeError, AttributeError):
        logger.warning("A task named a job by something that is no id")
        return
    try:
        execution.execute(identifier)
    except Error as error:
        # The row is as it was, or its lease runs out: the sweep comes back to it.
        logger.error("Job %s waits for the sweep: %s", identifier, type(error).__name__)
