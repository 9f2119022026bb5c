"""A hint to the broker may be lost, but it never holds up a page and never raises."""

import json
import logging
import socket
from collections.abc import Iterator
from threading import Thread
from time import monotonic, perf_counter
from typing import Any

import pytest
from kombu import Connection

from accounts import publishing
from accounts.publishing import counts, publish

ROW = "0192f0c1-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    publishing.forget_failures()
    yield
    publishing.forget_failures()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def seconds_of_publishing() -> float:
    before = perf_counter()
    assert publish("notifications.tasks.deliver", ROW, "interactive") is False
    return perf_counter() - before


def test_a_refusing_broker_costs_a_moment_once_and_then_nothing(settings: Any, closed_port: int) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{closed_port}/0"
    failed, skipped = counts.failed, counts.skipped
    assert seconds_of_publishing() < 0.5
    assert seconds_of_publishing() < 0.01
    assert (counts.failed, counts.skipped) == (failed + 1, skipped + 1)


def test_a_hanging_broker_costs_a_moment_once_and_then_nothing(settings: Any, silent_port: int) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent_port}/0"
    assert seconds_of_publishing() < 0.5
    assert seconds_of_publishing() < 0.01


def test_after_the_pause_the_broker_is_tried_again(
    settings: Any, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{closed_port}/0"
    failed = counts.failed
    seconds_of_publishing()
    later = monotonic() + publishing.PAUSE_SECONDS + 0.1
    monkeypatch.setattr(publishing, "monotonic", lambda: later)
    seconds_of_publishing()
    assert counts.failed == failed + 2


def test_e6_the_password_of_the_broker_is_not_logged(
    settings: Any, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CELERY_BROKER_URL = f"redis://:Zx-CANARY-broker@127.0.0.1:{closed_port}/0"
    with caplog.at_level(logging.DEBUG, logger="accounts"):
        seconds_of_publishing()
    assert "Broker not reached" in caplog.text
    assert "CANARY" not in caplog.text


def test_q1_a_task_carries_the_id_of_a_row_and_nothing_else() -> None:
    assert publish("notifications.tasks.deliver", ROW, "test-hints") is True
    with Connection("memory://") as connection:
        queue = connection.SimpleQueue("test-hints")
        message = queue.get(timeout=1)
        message.ack()
        queue.close()
    assert message.headers["task"] == "notifications.tasks.deliver"
    assert json.loads(message.body or "")[:2] == [[ROW], {}]


def test_threads_share_the_kept_connections() -> None:
    results: list[bool] = []
    threads = [
        Thread(target=lambda: results.append(publish("notifications.tasks.deliver", ROW, "test-threads")))
        for _ in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 24
