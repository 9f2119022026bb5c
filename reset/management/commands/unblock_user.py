"""Open self-service and sign-in again for one person."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_person
from accounts.tenants import opened
from reset.unblocking import unblock


class Command(BaseCommand):
    help = (
        "Run this for a person who was blocked after too many failed proofs, locked out of sign-in, or paused after an "
        "alarm, once you know that it is really them who asks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="user name")
        add_tenant_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_person(options["name"], options["tenant"])
        if user.tenant is None:
            raise CommandError("A platform operator has no self-service to unblock.", returncode=UNUSABLE)
        with opened(user.tenant):
            was_closed = unblock(user)
        said = "is open again for self-service and sign-in" if was_closed else "was not blocked"
        self.stdout.write(f"{user.principal_name} {said}.")
