"""Prepare for an agent in an organisation's network."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_tenant
from writeback import agents
from writeback.management.naming import add_by_argument, get_by, get_connector


class Command(BaseCommand):
    help = (
        "Run this when a directory is to be reached by an agent, a small process in its own network that only dials out. It "
        "prints a code, good once and for one hour, that `python -m writeback.agent enrol` asks for on the other side. Run it "
        "again for another code; the earlier one is worthless then. After that: list_agents, approve_agent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIRECTORY", help="name of the directory")
        parser.add_argument("name", metavar="AGENT", help="what to call the agent, such as the machine it runs on")
        add_tenant_argument(parser)
        add_by_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        connector = get_connector(tenant, options["directory"])
        name = options["name"].strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise CommandError("An agent's name has 1 to 100 printable characters.", returncode=UNUSABLE)
        try:
            _, code = agents.invite(connector, name, get_by(options["by"], tenant), timezone.now())
        except agents.NameTaken:
            problem = f"{connector} has an agent named {name!r} already. Choose another name."
            raise CommandError(problem, returncode=UNUSABLE) from None
        self.stdout.write(f"  server = {settings.AGENTS_URL!r}\n  code     {code}\n")
        self.stdout.write(
            f"Write the server into the agent's file, run `python -m writeback.agent enrol` there within an hour, and type "
            f"the code; then compare fingerprints and run approve_agent {connector.directory.name!r} {name!r} here."
        )
