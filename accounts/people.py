"""Finding the person a typed name means, in a fixed number of statements whoever it is, or isn't."""

from dataclasses import dataclass

from django.db.models import FilteredRelation, Q
from django_scopes import scopes_disabled

from accounts.models import Domain, Tenant, User
from accounts.names import domain_of, is_plain, is_same_name, key_of


@dataclass(frozen=True)
class Found:
    """What a typed name led to. `tenant` None: no organisation here uses that domain. `user` None: nobody (or a look-alike)."""

    tenant: Tenant | None
    user: User | None
    domain: Domain | None


NOTHING = Found(None, None, None)


def find(typed: str, tenant: Tenant | None = None) -> Found:
    """Find tenant, domain and person behind a typed name: one statement for everybody.

    `tenant` is the one whose address the visitor is at; without it the domain of the name decides, and people of
    *customers* tenants are not found.
    """
    typed = typed.strip()
    key = key_of(typed)
    by_mail = ~Q(users__mail_key="") & Q(users__mail_key=key)
    tenants = Tenant.objects.filter(is_active=True).annotate(
        person=FilteredRelation("users", condition=Q(users__principal_key=key) | by_mail),
        named_domain=FilteredRelation("domains", condition=Q(domains__name=domain_of(typed))),
    )
    if tenant is not None:
        tenants = tenants.filter(pk=tenant.pk)
    else:
        tenants = tenants.filter(domains__name=domain_of(typed))
    with scopes_disabled():
        joined = tenants.select_related("branding", "person__directory", "named_domain__directory")  # type: ignore[misc]
        rows = list(joined.defer("branding__logo"))
    if not rows:
        return NOTHING
    found = rows[0]
    people = [row.person for row in rows if getattr(row, "person", None) is not None]
    user = _choose(typed, found, people) if is_plain(typed) else None
    if tenant is None and found.kind == Tenant.Kind.CUSTOMERS:
        user = None
    return Found(found, user, getattr(found, "named_domain", None))


def _choose(typed: str, tenant: Tenant, people: list[User]) -> User | None:
    """By user name first; by mail only where the tenant allows it and exactly one person has that address."""
    for person in people:
        if is_same_name(typed, person.principal_name):
            return person
    allowed = tenant.find_by_mail or tenant.kind == Tenant.Kind.CUSTOMERS
    by_mail = [person for person in people if person.mail and is_same_name(typed, person.mail)]
    return by_mail[0] if allowed and len(by_mail) == 1 else None
