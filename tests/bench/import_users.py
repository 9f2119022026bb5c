"""How fast 100,000 users with one phone and one mail each are imported, and in how much memory.

Run with DATABASE_URL at a PostgreSQL database that may be filled: `python -m tests.bench.import_users [rows]`.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - models can be imported now, not before
from django.db import connection  # noqa: E402

from accounts.importing.reading import opened_file  # noqa: E402
from accounts.importing.runs import Import  # noqa: E402
from accounts.models import Domain, Tenant  # noqa: E402
from accounts.tenants import opened  # noqa: E402

ROWS = 100_000
COLUMNS = "principal_name,mail,given_name,family_name,display_name,language,mobile_phone,authentication_email"


def write_file(path: Path, rows: int, domain: str) -> None:
    """People with a German mobile number and an address at home each."""
    with path.open("w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        for number in range(rows):
            name = f"user{number}"
            file.write(
                f"{name}@{domain},{name}@{domain},Given{number},Family{number},Given{number} Family{number},de,"
                f"+49 1511{number % 10_000_000:07d},{name}@home.example\n"
            )


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def measure(label: str, tenant: Tenant, path: Path, rows: int) -> None:
    started, processor = time.perf_counter(), time.process_time()
    with opened_file(path) as source:
        counts = Import(tenant, source).run()
    seconds = time.perf_counter() - started
    say(f"{label}: {seconds:.2f} s, {rows / seconds:,.0f} rows/s, peak memory {peak_mib():.0f} MiB")
    say(f"  processor time of the importing process {time.process_time() - processor:.2f} s; {counts}")


def main(rows: int) -> None:
    call_command("migrate", verbosity=0)
    slug = f"bench{int(time.time())}"
    tenant = Tenant.objects.create(slug=slug, name="Bench")
    with opened(tenant):
        Domain.objects.create(tenant=tenant, name=f"{slug}.example")
    say(f"{connection.vendor}, {rows} rows, {peak_mib():.0f} MiB before")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.csv"
        write_file(path, rows, f"{slug}.example")
        measure("first run", tenant, path, rows)
        measure("second run, nothing differs", tenant, path, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
