"""A worker makes its key known and sweeps, with or without a broker; a real one does so against real servers."""

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery.signals import worker_shutdown
from django.db import OperationalError

from accounts import boxes, executors
from accounts.models import ExecutorKey
from config import worker
from tests import servers
from tests.processes import ROOT, celery, private_file, run


def test_announcing_makes_the_key_known_for_a_day(transactional_db: Any, settings: Any) -> None:
    assert worker.announce() == worker.ANNOUNCE_EVERY
    assert ExecutorKey.objects.get().key_id == executors.private_key().key_id


def test_announcing_comes_back_soon_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(executors, "announce", fail)
    assert worker.announce() == worker.ANNOUNCE_AGAIN


def test_announcing_goes_on_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, times = threading.Event(), []

    def announce() -> Any:
        times.append(1)
        if len(times) == 3:
            stopped.set()
        return worker.ANNOUNCE_AGAIN * 0

    monkeypatch.setattr(worker, "announce", announce)
    worker.keep_announcing(stopped)
    assert len(times) == 3


def test_a_worker_that_shuts_down_stops_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "stopping", threading.Event())
    worker_shutdown.send(sender=None)
    assert worker.stopping.is_set()


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("broker_is_up", [True, False])
def test_a_real_worker_announces_its_key_and_ends_when_told(
    production_environment: dict[str, str], tmp_path: Path, broker_is_up: bool
) -> None:
    with servers.postgresql() as url, servers.redis() as broker:
        environment = {**production_environment, "DATABASE_URL": url, "REDIS_URL": broker.url}
        key = boxes.PrivateKey.generate()
        assert run([sys.executable, "manage.py", "migrate", "--verbosity=0"], environment).returncode == 0
        if not broker_is_up:
            broker.stop()
        environment["EXECUTOR_KEY_FILE"] = private_file(tmp_path / "executor.key", key.as_text().encode())
        assert _announced_by(environment, url, tmp_path / "log") == [key.key_id]


def _announced_by(environment: dict[str, str], url: str, log: Path) -> list[str]:
    """Key ids in the database once a worker with this environment has announced itself; the worker ends by SIGTERM."""
    with log.open("wb") as output, psycopg.connect(url, autocommit=True) as connection:
        process = subprocess.Popen(celery("worker"), cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            rows: list[str] = []

            def known() -> bool:
                rows[:] = [row[0] for row in connection.execute("SELECT key_id FROM accounts_executorkey")]
                return bool(rows)

            servers.wait_until(known, process, log)
        finally:
            servers.stop(process, signal.SIGTERM)
    assert process.returncode is not None
    assert "Traceback" not in log.read_text()
    return rows
