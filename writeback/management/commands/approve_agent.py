"""Let an agent have passwords."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_tenant
from writeback import agents
from writeback.management.naming import add_by_argument, get_agent, get_by, get_connector


class Command(BaseCommand):
    help = (
        "Run this after an agent has enrolled, with the fingerprint that it printed on its own machine, told to you over a way "
        "you trust. From then on passwords are sealed to it. A fingerprint that is not the one known here approves nothing: "
        "then somebody else may have used the code; revoke the agent and invite it anew under another name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIRECTORY", help="name of the directory")
        parser.add_argument("name", metavar="AGENT", help="name of the agent")
        parser.add_argument("--fingerprint", required=True, help="what the agent printed; spaces don't matter")
        add_tenant_argument(parser)
        add_by_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        agent = get_agent(get_connector(tenant, options["directory"]), options["name"])
        try:
            agents.approve(agent, options["fingerprint"], get_by(options["by"], tenant), timezone.now())
        except agents.WrongFingerprint:
            problem = "That is not the fingerprint of the agent that enrolled here. Nothing was approved."
            raise CommandError(problem, returncode=UNUSABLE) from None
        except agents.NotPossible:
            problem = f"{agent.name} does not wait for approval: it is {agent.get_status_display()!r}."
            raise CommandError(problem, returncode=UNUSABLE) from None
        self.stdout.write(f"{agent.name} is approved and may carry out jobs in {agent.connector}.")
