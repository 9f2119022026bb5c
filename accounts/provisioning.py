"""Setting up tenants and their first administrators: what a platform operator does from the command line."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import Activity, Event
from accounts.models import Domain, RoleAssignment, Tenant, User
from accounts.names import domain_of, key_of
from accounts.tenants import all_opened, opened_or_all


def create_tenant(tenant: Tenant, domains: Sequence[str], now: datetime) -> Tenant:
    """Save a new tenant with its domains; the operator vouches for them. Raises ValidationError."""
    with all_opened(), transaction.atomic():
        tenant.full_clean()
        tenant.save()
        for name in dict.fromkeys(domain.lower() for domain in domains):
            domain = Domain(tenant=tenant, name=name, verified_at=now)
            domain.full_clean()
            domain.save()
        audit.record(Event(Activity.OBJECT_ADDED, tenant.pk, details={"object": "tenant", "slug": tenant.slug}))
    return tenant


def add_administrator(tenant: Tenant | None, name: str, mail: str, role: str) -> User:
    """Add a person with a role or, without tenant, a platform operator. They can't sign in before they are invited.

    Raises ValidationError: a name that is taken, not plain, or under no domain of the tenant.
    """
    user = User(tenant=tenant, principal_name=name.strip(), mail=mail)
    user.set_unusable_password()
    with opened_or_all(tenant), transaction.atomic():
        _check(user)
        user.save()
        if tenant is not None:
            RoleAssignment.objects.create(tenant=tenant, user=user, role=role)
        details = {"object": "user", "role": role if tenant else "platform_operator"}
        audit.record(Event(Activity.OBJECT_ADDED, user.tenant_id, target=user, details=details))
    return user


def get_administrator(tenant: Tenant | None, name: str) -> User:
    """A person with a role of their own or, without tenant, a platform operator. Raises ValidationError."""
    with opened_or_all(tenant):
        user: User | None = User.objects.filter(tenant=tenant, principal_key=key_of(name)).first()
        if user is None or (tenant is not None and not RoleAssignment.objects.filter(user=user).exists()):
            raise ValidationError(_("There is no administrator with that name."))
    return user


def _check(user: User) -> None:
    user.clean_fields(exclude=["password", "credentials_epoch", "principal_key"])
    if User.objects.filter(tenant=user.tenant, principal_key=key_of(user.principal_name)).exists():
        raise ValidationError(_("Somebody has that name already, or one that looks like it."))
    if user.tenant is not None and user.tenant.kind == Tenant.Kind.WORKFORCE:
        domains = list(Domain.objects.filter(tenant=user.tenant).values_list("name", flat=True))
        if domain_of(user.principal_name) not in domains:
            raise ValidationError(
                _("The name has to end in a domain of the organisation: %(domains)s.") % {"domains": ", ".join(domains)}
            )
