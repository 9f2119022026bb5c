"""How fast 10,000 people, with two phones each or one, 200 groups and 30,000 memberships come in, and in how much memory.

Run with DATABASE_URL at a PostgreSQL database that may be filled: `python -m tests.bench.sync [people]`.
"""

import os
import resource
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - models can be imported now, not before
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Domain, Tenant  # noqa: E402
from accounts.tenants import opened  # noqa: E402
from tests.writeback.directory import FakeDirectory, bring_in, make_connector  # noqa: E402

PEOPLE, GROUPS, MEMBERS = 10_000, 200, 150


def filled(people: int, domain: str) -> FakeDirectory:
    """Everybody with a mobile phone and an address."""
    corp = FakeDirectory()
    for number in range(people):
        put(corp, number, domain)
    for group in range(GROUPS * people // PEOPLE):
        members = [f"{(group * MEMBERS + at * 7) % people:032x}" for at in range(MEMBERS)]
        corp.put_group(f"group{group}", f"Group {group}", *members)
    return corp


def put(corp: FakeDirectory, number: int, domain: str, **more: Any) -> None:
    name = f"user{number}"
    fields = {
        "principal_name": f"{name}@{domain}",
        "mail": f"{name}@{domain}",
        "given_name": f"Given{number}",
        "family_name": f"Family{number}",
        "display_name": f"Given{number} Family{number}",
        "mobile_phone": f"+49 1511{number % 10_000_000:07d}",
    }
    corp.put(f"{number:032x}", **(fields | more))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def measure(label: str, connector: Any, corp: FakeDirectory, full: bool = False, **options: Any) -> None:
    started, processor = time.perf_counter(), time.process_time()
    result = bring_in(connector, corp, full, **options)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"{label}: {seconds:.2f} s ({processor:.2f} s of this process's processor), peak memory {peak:.0f} MiB")
    say(f"  {result}")


def main(people: int) -> None:
    call_command("migrate", verbosity=0)
    slug = f"bench{int(time.time())}"
    domain = f"{slug}.example"
    tenant = Tenant.objects.create(slug=slug, name="Bench")
    with opened(tenant):
        Domain.objects.create(tenant=tenant, name=domain, verified_at=timezone.now())
    connector = make_connector(tenant)
    corp = filled(people, domain)
    say(f"{connection.vendor}, {people} people")
    measure("full, into nothing", connector, corp)
    measure("full, nothing differs", connector, corp, full=True)
    for number in range(100):
        put(corp, number * 37, domain, family_name="Changed")
    measure("changes, 100 of them", connector, corp)
    for number in range(people):
        put(corp, number, domain, family_name="Married")
    measure("full, everybody differs", connector, corp, full=True)
    measure("dry run, nothing differs", connector, corp, full=True, dry_run=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
