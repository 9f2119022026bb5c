"""Regular work for Celery's beat; what is lost comes round again."""

from celery import shared_task
from django.utils import timezone

from reset import housekeeping, spend_alarms


@shared_task(name="reset.tasks.expire_requests")
def expire_requests() -> None:
    housekeeping.expire_requests()
    housekeeping.forget_abandoned()


@shared_task(name="reset.tasks.watch_spending")
def watch_spending() -> None:
    spend_alarms.raise_due(timezone.now())


@shared_task(name="reset.tasks.prune")
def prune() -> None:
    housekeeping.prune()


@shared_task(name="reset.tasks.ensure_partitions")
def ensure_partitions() -> None:
    housekeeping.ensure_partitions()
