"""Finding the tenant a visitor means, and opening its scope."""

from contextlib import AbstractContextManager

from django_scopes import scope, scopes_disabled

from accounts.models import Tenant


def opened(tenant: Tenant) -> AbstractContextManager[None]:
    """Let queries see this tenant's rows, and no others."""
    context: AbstractContextManager[None] = scope(tenant=tenant)
    return context


def all_opened() -> AbstractContextManager[None]:
    """Let queries see every tenant's rows: for platform operators, and for work that goes through all of them."""
    context: AbstractContextManager[None] = scopes_disabled()
    return context


def opened_or_all(tenant: Tenant | None) -> AbstractContextManager[None]:
    """One tenant's rows; all rows for a platform operator, who has no tenant."""
    return opened(tenant) if tenant else all_opened()


def find_by_slug(slug: str) -> Tenant | None:
    """An active tenant by the short name in its address."""
    return Tenant.objects.filter(slug=slug, is_active=True).select_related("branding").defer("branding__logo").first()


def find_by_domain(domain: str) -> Tenant | None:
    """An active tenant by one of its verified domains: a claim alone leads nowhere."""
    with scopes_disabled():
        return (
            Tenant.objects.filter(domains__name=domain, domains__verified_at__isnull=False, is_active=True)
            .select_related("branding")
            .defer("branding__logo")
            .first()
        )


def find_only() -> Tenant | None:
    """The tenant of an installation that has just one."""
    two = list(Tenant.objects.filter(is_active=True).select_related("branding").defer("branding__logo")[:2])
    return two[0] if len(two) == 1 else None
