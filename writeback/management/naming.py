"""What commands about directories and agents ask for in words. Wrong words end the command kindly."""

from typing import Any

from django.core.management.base import CommandError

from accounts.management.tenancy import UNUSABLE, get_person
from accounts.models import Tenant, User
from accounts.tenants import opened
from writeback.models import Agent, Connector


def get_connector(tenant: Tenant, name: str) -> Connector:
    """The way to the directory of this name. Raises CommandError."""
    with opened(tenant):
        connectors = list(Connector.objects.select_related("tenant", "directory").order_by("directory__name"))
    for connector in connectors:
        if str(connector.directory.name).casefold() == name.casefold():
            return connector
    known = ", ".join(str(connector.directory.name) for connector in connectors)
    there = f"There are: {known}." if known else "It has none yet: connect one in the console."
    raise CommandError(f"{tenant.name} has no connected directory named {name!r}. {there}", returncode=UNUSABLE)


def get_agent(connector: Connector, name: str) -> Agent:
    """The agent of this name. Raises CommandError."""
    with opened(connector.tenant):
        found = Agent.objects.select_related("tenant", "connector__directory", "connector__tenant")
        agent = found.filter(connector=connector, name=name).first()
    if agent is None:
        raise CommandError(f"{connector} has no agent named {name!r}: see list_agents.", returncode=UNUSABLE)
    return agent


def add_by_argument(parser: Any) -> None:
    parser.add_argument("--by", metavar="NAME", help="the administrator on whose behalf, for the audit log")


def get_by(name: str | None, tenant: Tenant) -> User | None:
    return get_person(name, tenant.slug) if name else None
