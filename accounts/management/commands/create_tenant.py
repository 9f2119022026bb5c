"""Create a tenant."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import provisioning
from accounts.management.tenancy import UNUSABLE
from accounts.models import Tenant


class Command(BaseCommand):
    help = "Run this to take on an organisation: its short name, its name as people see it, the domains you vouch for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="short name, part of the address: /t/SLUG/")
        parser.add_argument("--name", required=True, help="the organisation's name, as shown on pages and in mails")
        parser.add_argument("--domain", action="append", default=[], help="a domain of its people; may be repeated")
        parser.add_argument("--kind", choices=Tenant.Kind.values, default=Tenant.Kind.WORKFORCE.value)
        parser.add_argument("--language", choices=[code for code, _ in settings.LANGUAGES], default="en")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["kind"] == Tenant.Kind.WORKFORCE and not options["domain"]:
            problem = "A workforce tenant needs a --domain: its people's names end in it."
            raise CommandError(problem, returncode=UNUSABLE)
        tenant = Tenant(
            slug=options["slug"], name=options["name"].strip(), kind=options["kind"], language=options["language"]
        )
        try:
            provisioning.create_tenant(tenant, options["domain"], timezone.now())
        except ValidationError as error:
            raise CommandError("No tenant was created. " + " ".join(error.messages), returncode=UNUSABLE) from None
        self.stdout.write(
            f"{tenant.name} is at {settings.BASE_URL}/t/{tenant.slug}/; nobody may reset there before an administrator "
            "(create_administrator) writes a policy."
        )
