"""The Celery application. Tasks carry the id of a committed row and nothing else."""

import os
from typing import Any

from celery import Celery

from config.startup import read_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Celery would run Django's checks and do nothing about what they find; config/worker.py runs those that matter.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("rekey")
app.set_default()  # for every thread: tasks are published from web threads too
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["notifications", "writeback", "writeback.sync", "reset"])


@app.on_configure.connect
def _refuse_wrong_settings(**_: Any) -> None:
    read_settings()
