"""A server's database in a process of its own, driven line by line: what pages and the console would do.

`python -m tests.agents.office` reads one JSON object a line and answers with one.
"""

import json
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Directory, Domain, Tenant, User  # noqa: E402
from accounts.tenants import all_opened  # noqa: E402
from writeback import agents, jobs, recovery  # noqa: E402
from writeback.connectors.orders import Operation  # noqa: E402
from writeback.models import Agent, Connector, WritebackJob  # noqa: E402


def migrate() -> dict[str, Any]:
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()  # all of it is in the file then
    return {}


def setup(kind: str, anchor: str) -> dict[str, Any]:
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    Domain.objects.create(tenant=tenant, name="example.test", verified_at=timezone.now())
    directory = Directory.objects.create(tenant=tenant, name="Head office", kind=kind)
    connector = Connector.objects.create(
        tenant=tenant, directory=directory, is_on=True, attributes={"principal_name": "mail"}
    )
    User.objects.create(tenant=tenant, principal_name="dora@example.test", directory=directory, anchor=anchor)
    return {"connector": connector.pk}


def invite(name: str) -> dict[str, Any]:
    return {"code": agents.invite(Connector.objects.select_related("tenant").get(), name, None, timezone.now())[1]}


def approve(name: str, fingerprint: str) -> dict[str, Any]:
    agents.approve(_agent(name), fingerprint, None, timezone.now())
    return {}


def revoke(name: str) -> dict[str, Any]:
    return {"revoked": agents.revoke(_agent(name), None, timezone.now())}


def submit(new: str, seconds: float = 60.0) -> dict[str, Any]:
    now, user = timezone.now(), User.objects.earliest("pk")
    connector = Connector.objects.select_related("tenant", "directory").get()
    wanted = jobs.Wanted(
        connector, Operation.RESET, user.anchor or "", now + timedelta(seconds=seconds), user=user, new=new
    )
    with transaction.atomic():
        job = jobs.prepare(wanted, now)
        jobs.submit(job, now)
    return {"job": str(job.pk)}


def job(id: str) -> dict[str, Any]:
    found = WritebackJob.objects.select_related("agent").get(pk=UUID(id))
    took = (found.finished_at - found.created_at).total_seconds() if found.finished_at else None
    by = found.agent.name if found.agent else ""
    return {"status": found.status, "steps": found.steps, "by": by, "took": took, "code": found.code}


def lose(id: str) -> dict[str, Any]:
    """As if the lease had been over for long."""
    WritebackJob.objects.filter(pk=UUID(id)).update(lease_until=timezone.now() - timedelta(minutes=1))
    return {"found": recovery.recover()}


def recover() -> dict[str, Any]:
    return {"found": recovery.recover()}


def seen() -> dict[str, Any]:
    connector = Connector.objects.get()
    rows = Agent.objects.order_by("pk")
    return {
        "reaching": [agent.name for agent in rows if agent.is_reaching],
        "synced": connector.synced_at is not None,
        "problem": connector.sync_result.get("problem", ""),
        "people": User.objects.filter(directory__isnull=False).count(),
    }


def _agent(name: str) -> Agent:
    return Agent.objects.select_related("tenant", "connector__directory").get(name=name)


DOES = {one.__name__: one for one in (migrate, setup, invite, approve, revoke, submit, job, lose, recover, seen)}


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        with all_opened():
            answer = DOES[asked.pop("do")](**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
