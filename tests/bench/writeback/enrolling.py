"""Enrol and approve agents of one more directory: `python -m tests.bench.writeback.enrolling COUNT`.

Prints JSON: for each agent its number, its private signing key and the id of its sealing key.
"""

import json
import sys

import django

django.setup()

from django.utils import timezone  # noqa: E402 - models can be imported now, not before

from accounts.models import Directory, Tenant  # noqa: E402
from accounts.tenants import opened  # noqa: E402
from writeback import agents  # noqa: E402
from writeback.agent.protocol import to_text  # noqa: E402
from writeback.agent.state import Keys  # noqa: E402
from writeback.agent.version import VERSION  # noqa: E402
from writeback.models import Connector  # noqa: E402


def enrolled(connector: Connector, name: str) -> dict[str, str]:
    now, keys = timezone.now(), Keys.make()
    _agent, code = agents.invite(connector, name, None, now)
    agent = agents.enrol(code, agents.PublicKeys(keys.sealing.public, keys.public_signing), VERSION, now)
    agents.approve(agent, agent.fingerprint, None, now)
    return {
        "agent": str(agent.pk),
        "signing": to_text(keys.signing.private_bytes_raw()),
        "sealing": keys.sealing.key_id,
    }


def main(count: int) -> None:
    tenant = Tenant.objects.get(slug="acme")
    with opened(tenant):
        directory = Directory.objects.create(tenant=tenant, name="far", kind=Directory.Kind.OPENLDAP)
        connector = Connector.objects.create(
            tenant=tenant, directory=directory, is_on=True, way=Connector.Way.AGENTS, sync_is_on=False
        )
    sys.stdout.write(json.dumps([enrolled(connector, f"agent{number}") for number in range(count)]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
