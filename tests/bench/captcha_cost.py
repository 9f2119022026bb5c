"""What the captcha costs by itself, in this process and its database connection: `python -m tests.bench.captcha_cost`.

Prints JSON: CPU milliseconds of issuing and checking one (in Python, in PostgreSQL), and of drawing its picture.
"""

import json
import sys
import time

import django

django.setup()

from captcha.models import CaptchaStore  # noqa: E402
from django.db import connection  # noqa: E402 - models can be used now, not before
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from reset import captcha  # noqa: E402
from tests.bench import processor  # noqa: E402
from tests.bench.stacks import HOST  # noqa: E402

ROUNDS = 300
PICTURES = 50


def round_trip() -> None:
    fresh = captcha.issue("visit")
    if not captcha.consume("visit", fresh.key, fresh.binding, "XXXXX", timezone.now()):
        return  # the answer is wrong on purpose: the same statements, and no look at the right one


def measure() -> dict[str, float]:
    round_trip()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = {cursor.fetchone()[0]}
    database, python = processor.spent_by(backend), time.process_time()
    for _ in range(ROUNDS):
        round_trip()
    python, database = time.process_time() - python, processor.spent_by(backend) - database
    return {
        "python": 1000 * python / ROUNDS,
        "database": 1000 * database / ROUNDS,
        "picture": 1000 * picture() / PICTURES,
    }


def picture() -> float:
    """Seconds for PICTURES of them, the whole request included."""
    client = Client(headers={"host": HOST, "x-forwarded-proto": "https"})
    address = captcha.issue("visit").image_url
    client.get(address)
    started = time.process_time()
    for _ in range(PICTURES):
        if client.get(address).status_code != 200:
            raise RuntimeError("no picture")
    spent = time.process_time() - started
    CaptchaStore.objects.all().delete()
    return spent


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()))
