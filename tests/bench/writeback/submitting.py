"""Hand jobs over through Rekey's own doors, many in a row: `python -m tests.bench.writeback.submitting WHAT …`.

    jobs DOMAIN COUNT FIRST   so many jobs of different people by `writeback.jobs`, without wizard and reset requests
    requests                  a new password for everybody who has proved who they are, by `reset.flow`

Prints a line `warm` when the first few have gone; the next line in starts the measured ones. Then JSON: how many, when it
began (seconds since 1970), CPU seconds of this process from the first to the last.
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import django

django.setup()

from django.db import transaction  # noqa: E402 - models can be imported now, not before
from django.utils import timezone  # noqa: E402

from accounts.identifiers import new_id  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.tenants import all_opened, opened, opened_or_all  # noqa: E402
from accounts.visitor import Visitor  # noqa: E402
from reset import flow, stored  # noqa: E402
from reset.models import ResetRequest, State  # noqa: E402
from tests.bench.writeback.passwords import new_password  # noqa: E402
from writeback import jobs  # noqa: E402
from writeback.connectors.orders import Operation  # noqa: E402

VISITOR = Visitor("10.250.0.1", "Mozilla/5.0 (bench)")
TIME_LEFT = timedelta(seconds=60)
# The first ones of a process: statements are put together, connections made.
WARM_UP, WARM_UP_PAUSE = 10, 0.025


def people(domain: str, count: int, first: int) -> list[User]:
    names = [f"user{number}@{domain}" for number in range(first, first + count)]
    with all_opened():
        return list(User.objects.filter(principal_key__in=names).order_by("pk"))


def submit_job(user: User) -> None:
    """As `reset.writing` does, but that no reset request waits for it."""
    now = timezone.now()
    connector = jobs.find_connector(user.directory_id or 0)
    assert connector is not None
    wanted = jobs.Wanted(
        connector=connector,
        operation=Operation.RESET,
        anchor=user.anchor or "",
        deadline=now + TIME_LEFT,
        user=user,
        origin=new_id(),
        new=new_password(),
        unlock=True,
        visitor=VISITOR,
    )
    job = jobs.prepare(wanted, now)
    with transaction.atomic():
        jobs.submit(job, now)


def submit_jobs(domain: str, count: int, first: int) -> Iterator[None]:
    for user in people(domain, count, first):
        with opened_or_all(user.tenant):
            submit_job(user)
        yield


def submit_requests() -> Iterator[None]:
    with all_opened():
        proved = list(
            ResetRequest.objects.filter(state=State.VERIFIED, user__isnull=False).values_list("pk", flat=True)
        )
    for pk in proved:
        request = stored.find(str(pk))
        assert request is not None
        with opened(request.tenant):
            broken, secret = flow.submit_password(request, new_password(), VISITOR)
        if broken or not secret:
            raise RuntimeError(f"a password was not handed over: {broken}")
        yield None


def main(what: str, *arguments: str) -> None:
    if what == "jobs":
        domain, count, first = arguments
        work = submit_jobs(domain, int(count) + WARM_UP, int(first))
    else:
        work = submit_requests()
    for _each in itertools.islice(work, WARM_UP):
        time.sleep(WARM_UP_PAUSE)
    sys.stdout.write("warm\n")
    sys.stdout.flush()
    sys.stdin.readline()
    began, processor = time.time(), time.process_time()
    done = sum(1 for _each in work)
    processor = time.process_time() - processor
    sys.stdout.write(json.dumps({"count": done, "began": began, "processor": processor}) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()  # the connection to the database stays until what it cost is read


if __name__ == "__main__":
    main(*sys.argv[1:])
