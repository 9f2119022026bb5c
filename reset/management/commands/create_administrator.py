"""Create an administrator, or a platform operator."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from accounts import provisioning
from accounts.management.tenancy import UNUSABLE, get_tenant
from accounts.models import User
from accounts.roles import Role
from reset.invitations import invite


class Command(BaseCommand):
    help = (
        "Run this for the first administrator of a tenant, or for a platform operator. It prints a link that works "
        "once, for 24 hours; behind it a password and an authenticator app are set. Hand it over in a safe way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="user name, for example carol@acme.example")
        parser.add_argument("--mail", default="", help="e-mail address, if it is not the user name")
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--tenant", metavar="SLUG", help="short name of the tenant")
        where.add_argument("--platform", action="store_true", help="a platform operator, who belongs to no tenant")
        parser.add_argument("--role", choices=Role.values, default=Role.GLOBAL_ADMINISTRATOR.value)
        parser.add_argument("--again", action="store_true", help="a new link for an administrator who is there already")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BASE_URL:
            raise CommandError("Set BASE_URL first: the link begins with it.", returncode=UNUSABLE)
        try:
            with transaction.atomic():
                token = invite(self._person(**options))
        except ValidationError as error:
            raise CommandError("Nobody was invited. " + " ".join(error.messages), returncode=UNUSABLE) from None
        self.stdout.write("This link works once, until this time tomorrow:")
        self.stdout.write(settings.BASE_URL + reverse("welcome-start", args=[token]))

    def _person(self, *, name: str, mail: str, role: str, again: bool, platform: bool, **options: Any) -> User:
        tenant = None if platform else get_tenant(options["tenant"])
        if again:
            return provisioning.get_administrator(tenant, name)
        return provisioning.add_administrator(tenant, name, mail, role)
