"""What commands ask for in words: a tenant by its short name, a person by name. Wrong words end the command kindly."""

from typing import Any

from django.core.management.base import CommandError

from accounts import people
from accounts.models import Tenant, User
from accounts.tenants import all_opened, find_by_slug, find_only

UNUSABLE = 2


def get_tenant(slug: str | None) -> Tenant:
    """The tenant with this short name, or the only one. Raises CommandError."""
    tenant = find_by_slug(slug) if slug else find_only()
    if tenant is not None:
        return tenant
    if slug:
        raise CommandError(f"There is no active tenant with the short name {slug!r}. {_known()}", returncode=UNUSABLE)
    raise CommandError(f"Say which tenant you mean with --tenant. {_known()}", returncode=UNUSABLE)


def get_person(name: str, slug: str | None) -> User:
    """The person whom a visitor would be after typing this name. Raises CommandError."""
    found = people.find(name, get_tenant(slug) if slug else None)
    if found.tenant is None and not slug:
        found = people.find(name, find_only())
    if found.user is None:
        where = f"at {found.tenant.name}" if found.tenant else "under that domain; --tenant says where else to look"
        raise CommandError(f"Nobody has that name {where}.", returncode=UNUSABLE)
    return found.user


def add_tenant_argument(parser: Any) -> None:
    parser.add_argument("--tenant", metavar="SLUG", help="short name of the tenant; needed where there are several")


def _known() -> str:
    with all_opened():
        slugs = list(Tenant.objects.filter(is_active=True).order_by("slug").values_list("slug", flat=True)[:20])
    return f"There are: {', '.join(slugs)}." if slugs else "There is none yet: make one with create_tenant."
