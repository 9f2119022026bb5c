"""What a worker process does besides its tasks: check, make its key known, sweep for lost work.

Celery loads this module in workers and beat only (CELERY_IMPORTS). Neither announcing nor sweeping needs the broker.
"""

import logging
import threading
from datetime import timedelta
from typing import Any

from celery.signals import beat_init, task_prerun, worker_init, worker_shutdown
from django.conf import settings
from django.db import close_old_connections, connections
from kombu.transport.redis import Channel as RedisChannel

from accounts import executors, memory
from accounts.repeating import repeat
from config.startup import refuse_unless_ready
from notifications.sweep import start_sweeper
from writeback.looking import look_at_due
from writeback.recovery import carry_out_waiting, recover

logger = logging.getLogger(__name__)

ANNOUNCE_EVERY = timedelta(days=1)
LOOK_FOR_DUE_SECONDS = 1.0
WAITING_JOBS_AT_ONCE = 3  # a directory that is slow to answer holds up one
ANNOUNCE_AGAIN = timedelta(seconds=5)

stopping = threading.Event()


@worker_init.connect
def start(**_: Any) -> None:
    """Refuse a wrong environment; then announce and sweep, whether or not the broker can be reached."""
    memory.keep_out_of_core_dumps()
    # What a lost broker had delivered is found by the sweeps. Kombu would want to give it back over the lost connection,
    # fail at that (seen with 5.7.0), and take the worker down.
    RedisChannel.do_restore = False
    refuse_unless_ready("worker")
    threading.Thread(target=keep_announcing, args=(stopping,), name="announcing", daemon=True).start()
    start_sweeper(stopping)
    repeat("search for lost jobs", settings.JOB_SWEEP_SECONDS, recover, stopping)
    for _number in range(WAITING_JOBS_AT_ONCE):
        repeat("search for waiting jobs", settings.JOB_SWEEP_SECONDS, carry_out_waiting, stopping)
    repeat("look at directories", LOOK_FOR_DUE_SECONDS, look_at_due, stopping)


@beat_init.connect
def start_beat(**_: Any) -> None:
    refuse_unless_ready("beat")


@worker_shutdown.connect
def stop(**_: Any) -> None:
    stopping.set()


@task_prerun.connect
def drop_stale_connections(**_: Any) -> None:
    """A connection that the database has dropped meanwhile must not cost a task."""
    close_old_connections()


def keep_announcing(stopped: threading.Event) -> None:
    """Make this worker's public key known now and every day; sooner again where that failed."""
    while not stopped.wait(announce().total_seconds()):
        continue


def announce() -> timedelta:
    """Announce once. Returns how long to wait until the next time."""
    try:
        executors.announce()
    except Exception as error:  # the database may be back in a moment; a worker outlives that
        logger.error("This worker could not make its key known (%s).", type(error).__name__)
        return ANNOUNCE_AGAIN
    finally:
        connections.close_all()
    return ANNOUNCE_EVERY
