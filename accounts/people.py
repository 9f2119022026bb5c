"""Finding the person a typed name means, in a fixed number of statements whoever it is, or isn't."""

from dataclasses import dataclass

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django_scopes import scopes_disabled

from accounts.lookups import Lookup
from accounts.models import Directory, Domain, Tenant, User
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
    key, domain = key_of(typed), domain_of(typed)
    if tenant is not None:
        rows = AT_TENANT.rows(key=key, mail_key=key, domain=domain, tenant=tenant.pk)
    else:
        rows = BY_DOMAIN.rows(key=key, mail_key=key, domain=domain, tenant_domain=domain)
    if not rows:
        return NOTHING
    found = rows[0]
    if tenant is None and found.kind == Tenant.Kind.CUSTOMERS:
        return NOTHING
    user = _choose(typed, rows) if is_plain(typed) else None
    return Found(found, user, getattr(found, "named_domain", None))


def _tenants(key: str, mail_key: str, domain: str) -> "QuerySet[Tenant]":
    """Active tenants with the person of that name, the people of that address, and the verified domain.

    Two joins for people: with one, on name or address, PostgreSQL reads the whole table of users.
    """
    joins = {
        "named": FilteredRelation("users", condition=Q(users__principal_key=key)),
        "mailed": FilteredRelation("users", condition=Q(users__mail_key=mail_key) & Q(users__mail_key__gt="")),
        "named_domain": FilteredRelation(
            "domains", condition=Q(domains__name=domain, domains__verified_at__isnull=False)
        ),
    }
    with scopes_disabled():
        directories = Exists(Directory.objects.filter(tenant=OuterRef("pk")))
        tenants = Tenant.objects.filter(is_active=True).annotate(**joins, has_directories=directories).order_by()
        return tenants.select_related("branding", *joins).defer("branding__logo")


def _at_tenant(tenant: int, **typed: str) -> "QuerySet[Tenant]":
    return _tenants(**typed).filter(pk=tenant)


def _by_domain(tenant_domain: str, **typed: str) -> "QuerySet[Tenant]":
    # A domain that was only claimed leads nowhere.
    return _tenants(**typed).filter(domains__name=tenant_domain, domains__verified_at__isnull=False)


TYPED = {
    "key": User._meta.get_field("principal_key"),
    "mail_key": User._meta.get_field("mail_key"),
    "domain": Domain._meta.get_field("name"),
}
AT_TENANT = Lookup(_at_tenant, **TYPED, tenant=Tenant._meta.get_field("id"))
BY_DOMAIN = Lookup(_by_domain, **TYPED, tenant_domain=Domain._meta.get_field("name"))


def _choose(typed: str, rows: list[Tenant]) -> User | None:
    """By user name first; by mail only where the tenant allows it and exactly one person has that address."""
    named: User | None = getattr(rows[0], "named", None)
    if named is not None and is_same_name(typed, named.principal_name):
        return named
    allowed = rows[0].find_by_mail or rows[0].kind == Tenant.Kind.CUSTOMERS
    mailed: list[User] = [row.mailed for row in rows if getattr(row, "mailed", None) is not None]  # type: ignore[attr-defined]
    by_mail = [person for person in mailed if is_same_name(typed, person.mail)]
    return by_mail[0] if allowed and len(by_mail) == 1 else None
