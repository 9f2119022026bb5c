"""Hints to the workers: a committed row is ready. The row is the truth: a hint may be lost, and never holds up a page.

No retries, 0.2 s for everything that waits on the network, errors swallowed and counted, and after an error five
seconds in which nothing is tried: a dead broker costs the first visitor a moment and the others nothing.
"""

import logging
import os
import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import uuid4

from celery import current_app
from django.conf import settings
from kombu import Connection
from kombu.pools import ProducerPool

PATIENCE_SECONDS = 0.2
PAUSE_SECONDS = 5.0
KEPT_CONNECTIONS = 16

logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """What became of this process's hints since it started."""

    published: int = 0
    failed: int = 0
    skipped: int = 0


counts = Counts()
_lock = threading.Lock()
_pools: dict[tuple[int, str], Any] = {}
_resume_at = 0.0


def publish(task_name: str, row_id: str, queue: str) -> bool:
    """Tell a queue's workers that a row waits for them. Returns whether the broker took it; raises nothing."""
    if monotonic() < _resume_at:
        _count("skipped")
        return False
    try:
        # Celery's own message, without the routing that `send_task` works out anew each time: the queue is known here.
        task = current_app.amqp.as_task_v2(str(uuid4()), task_name, args=(row_id,), ignore_result=True)
        with _pool().acquire(block=True, timeout=PATIENCE_SECONDS) as producer:
            producer.publish(
                task.body, exchange="", routing_key=queue, headers=task.headers, retry=False, **task.properties
            )
    except Exception as error:  # whatever a broker does, the page goes on and the sweep finds the row
        _pause(error)
        return False
    _count("published")
    return True


def forget_failures() -> None:
    """Try the broker again at once, over new connections."""
    global _resume_at
    with _lock:
        _resume_at = 0.0
        _pools.clear()


def _pause(error: Exception) -> None:
    global _resume_at
    with _lock:
        _resume_at = monotonic() + PAUSE_SECONDS
        _pools.clear()
    _count("failed")
    # The type only: a broker's error text may show its address with the password in it.
    logger.warning(
        "Broker not reached (%s); hints pause for %d s, the sweep delivers", type(error).__name__, PAUSE_SECONDS
    )


def _count(outcome: str) -> None:
    with _lock:
        setattr(counts, outcome, getattr(counts, outcome) + 1)


def _pool() -> Any:
    """This process's own producers: Celery's would wait and retry. Keyed by process, so that a fork starts afresh."""
    url: str = settings.CELERY_BROKER_URL
    key = (os.getpid(), url)
    with _lock:
        if key not in _pools:
            connection = Connection(url, connect_timeout=PATIENCE_SECONDS, transport_options=_options())
            _pools[key] = ProducerPool(connection.Pool(limit=KEPT_CONNECTIONS), limit=KEPT_CONNECTIONS)
        return _pools[key]


def _options() -> dict[str, Any]:
    return {
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "retry_on_timeout": False,
        "max_retries": 0,
    }
