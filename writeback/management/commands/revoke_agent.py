"""Cut an agent off."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.management.tenancy import add_tenant_argument, get_tenant
from writeback import agents
from writeback.management.naming import add_by_argument, get_agent, get_by, get_connector


class Command(BaseCommand):
    help = (
        "Run this when an agent is taken out of service, or its machine may be in wrong hands: it is cut off at once, "
        "also while it waits for work, and for good. What it had begun is found out by another agent. Change the service "
        "account's password in the directory as well: the agent's machine has it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIRECTORY", help="name of the directory")
        parser.add_argument("name", metavar="AGENT", help="name of the agent")
        add_tenant_argument(parser)
        add_by_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        agent = get_agent(get_connector(tenant, options["directory"]), options["name"])
        was_there = agents.revoke(agent, get_by(options["by"], tenant), timezone.now())
        self.stdout.write(f"{agent.name} is cut off." if was_there else f"{agent.name} was cut off already.")
