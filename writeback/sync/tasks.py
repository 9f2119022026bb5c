"""The worker's way in to bringing directories in. Whether there is anything to do, the rows say."""

from celery import shared_task

from accounts.publishing import publish
from writeback.sync import due

SYNC_ONE = "writeback.tasks.sync_connector"
QUEUE = "bulk"


@shared_task(name="writeback.tasks.sync_due", ignore_result=True)
def sync_due() -> None:
    """Each directory by a task of its own: a slow one holds up no other. What is lost comes round again in a minute."""
    due.prune()
    for connector_id in due.due():
        publish(SYNC_ONE, str(connector_id), QUEUE)


@shared_task(name=SYNC_ONE, ignore_result=True)
def sync_connector(connector_id: str) -> None:
    """Bring one directory in, if nobody does so already and it is still due: a message may come twice."""
    if connector_id.isdecimal() and int(connector_id) in due.due():
        due.bring_in(int(connector_id))
