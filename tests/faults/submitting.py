"""A process that hands over new passwords for everybody without end, as web servers do, and writes down what it did.

`manage.py shell -c` runs `main`, so that Django is ready. One JSON line for each job, written before it is submitted. It
outlives a database that goes away, and ends with SIGTERM.
"""

import json
import os
import random
import sys
import time
from datetime import timedelta
from typing import TextIO

from django.db import Error, connections, transaction
from django.utils import timezone

from accounts.models import User
from accounts.tenants import all_opened
from writeback import jobs
from writeback.connectors.orders import Operation

EVERY_SECONDS = 0.03
# Letters that look otherwise in JSON, in UTF-16 and in base64.
CANARY = "Kanä7ry-Größe-Zeisig-4711"


def main(ledger: str, seed: int, seconds: float) -> None:
    dice, parent = random.Random(seed), os.getppid()
    with open(ledger, "a", encoding="utf-8", buffering=1) as lines:
        while os.getppid() == parent:
            try:
                submit(lines, dice, seconds)
            except Error as error:
                sys.stderr.write(f"not submitted: {type(error).__name__}\n")
                connections.close_all()
            time.sleep(EVERY_SECONDS)


def submit(lines: TextIO, dice: random.Random, seconds: float) -> None:
    """One reset for somebody, whatever else of theirs is under way."""
    with all_opened():
        people = list(User.objects.exclude(anchor=None).order_by("pk"))
        user, now = dice.choice(people), timezone.now()
        connector = jobs.find_connector(user.directory_id or 0)
        assert connector is not None
        password = f"{CANARY}-{dice.randrange(2**64):x}"
        wanted = jobs.Wanted(
            connector=connector,
            operation=Operation.RESET,
            anchor=str(user.anchor),
            deadline=now + timedelta(seconds=seconds),
            user=user,
            new=password,
            unlock=True,
        )
        job = jobs.prepare(wanted, now)
        lines.write(json.dumps({"job": str(job.pk), "anchor": user.anchor, "password": password}) + "\n")
        with transaction.atomic():
            jobs.submit(job, now)
