"""What agents there are, and how they are."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.management.tenancy import add_tenant_argument, get_tenant
from accounts.tenants import opened
from writeback.agent.version import VERSION
from writeback.models import Agent


class Command(BaseCommand):
    help = (
        "Run this to see an organisation's agents: whether they are approved, heard of and reach their directory, their "
        "version, and the fingerprint to compare before approve_agent. Ends with code 1 where an approved one was not heard of "
        "in the last minute or reaches nothing, so that monitoring can ask it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_tenant_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        with opened(tenant):
            agents = list(
                Agent.objects.select_related("connector__directory").order_by("connector__directory__name", "name")
            )
        for agent in agents:
            self.stdout.write(f"{agent.connector} / {agent.name}: {', '.join(_said(agent))}")
            if agent.status in (Agent.Status.PENDING, Agent.Status.APPROVED):
                self.stdout.write(f"    fingerprint {agent.fingerprint}")
        approved = [agent for agent in agents if agent.status == Agent.Status.APPROVED]
        away = [agent for agent in approved if not (agent.is_heard(timezone.now()) and agent.is_reaching)]
        at_work = len(approved) - len(away)
        self.stdout.write(
            f"{len(approved)} of {len(agents)} agents of {tenant.name} are approved, {at_work} of them at work."
        )
        if away:
            raise SystemExit(1)


def _said(agent: Agent) -> list[str]:
    words = [agent.get_status_display()]
    if agent.version:
        outdated = "" if agent.version == VERSION else f" (this server has {VERSION})"
        words.append(f"version {agent.version}{outdated}")
    if agent.status == Agent.Status.APPROVED:
        heard = f"heard of at {agent.seen_at:%Y-%m-%d %H:%M:%S} UTC" if agent.seen_at else "never heard of"
        words += [heard, "reaches its directory" if agent.is_reaching else "does not reach its directory"]
    return words
