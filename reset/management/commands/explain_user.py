"""Why a person can or can't reset their password."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.tenancy import add_tenant_argument, get_person
from reset.explaining import explain_user


class Command(BaseCommand):
    help = (
        "Run this when somebody says that a reset does not work for them: it goes through the whole decision, line by "
        "line, with what would change it. Phone numbers and addresses are masked; nothing is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="user name, as the person types it")
        add_tenant_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_person(options["name"], options["tenant"])
        self.stdout.write(user.principal_name)
        for line in explain_user(user):
            cure = f" → {line.cure}" if line.cure else ""
            self.stdout.write(f"  {line.label}: {line.verdict}{cure}")
