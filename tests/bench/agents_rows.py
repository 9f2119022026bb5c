"""The rows that waiting agents need, made in the bench's own database."""

import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402

from accounts.models import Directory, Tenant, User  # noqa: E402
from tests.agents import far_side  # noqa: E402
from tests.agents.far_side import FarSide  # noqa: E402
from writeback.models import Connector  # noqa: E402


def make(count: int) -> list[FarSide]:
    """So many directories with one approved agent each."""
    call_command("migrate", verbosity=0, interactive=False)
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    sides = []
    with scopes_disabled():
        for number in range(count):
            directory = Directory.objects.create(tenant=tenant, name=f"Directory {number}", kind="openldap")
            connector = Connector.objects.create(tenant=tenant, directory=directory, is_on=True)
            User.objects.create(tenant=tenant, principal_name=f"user{number}", directory=directory, anchor=str(number))
            sides.append(FarSide.approved(connector))
    return sides


def submit(side: FarSide) -> tuple[float, str]:
    """When it began, and the job."""
    with scopes_disabled():
        connector = side.row.connector
        user = User.objects.get(directory=connector.directory)
        began = time.monotonic()
        return began, str(far_side.submit(user, connector).pk)
