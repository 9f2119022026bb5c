"""Setting up tenants and their first administrators: what a platform operator does from the command line."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, secrets
from accounts.audit import Activity, Event
from accounts.models import Domain, Invitation, RoleAssignment, Tenant, User
from accounts.models.users import INVITATION_LIFETIME
from accounts.names import domain_of, key_of
from accounts.tenants import all_opened

INVITATION_PURPOSE = "invitation"


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


def invite_administrator(tenant: Tenant | None, name: str, mail: str, role: str, now: datetime) -> str:
    """Add a person with a role (or, without tenant, a platform operator) and answer with their one-time link.

    Raises ValidationError: a name that is taken, not plain, or under no domain of the tenant.
    """
    user = User(tenant=tenant, principal_name=name.strip(), mail=mail)
    user.set_unusable_password()
    with all_opened(), transaction.atomic():
        _check_name(user)
        user.save()
        if tenant is not None:
            RoleAssignment.objects.create(tenant=tenant, user=user, role=role)
        return _invite(user, role, now)


def invite_again(tenant: Tenant | None, name: str, now: datetime) -> str:
    """A new link for an administrator whose first one was lost or is over; older links die. Raises ValidationError."""
    with all_opened(), transaction.atomic():
        user = User.objects.filter(tenant=tenant, principal_key=key_of(name)).first()
        roles = RoleAssignment.objects.filter(user=user).values_list("role", flat=True) if user else []
        if user is None or (tenant is not None and not roles):
            raise ValidationError(_("There is no administrator with that name."))
        Invitation.objects.filter(user=user, used_at=None).delete()
        return _invite(user, ", ".join(sorted(roles)), now)


def _check_name(user: User) -> None:
    user.clean_fields(exclude=["password", "credentials_epoch", "principal_key"])
    if User.objects.filter(tenant=user.tenant, principal_key=key_of(user.principal_name)).exists():
        raise ValidationError(_("Somebody has that name already, or one that looks like it."))
    if user.tenant is not None and user.tenant.kind == Tenant.Kind.WORKFORCE:
        domains = list(Domain.objects.filter(tenant=user.tenant).values_list("name", flat=True))
        if domain_of(user.principal_name) not in domains:
            raise ValidationError(
                _("The name has to end in a domain of the organisation: %(domains)s.") % {"domains": ", ".join(domains)}
            )


def _invite(user: User, role: str, now: datetime) -> str:
    token = secrets.random_token()
    Invitation.objects.create(
        tenant=user.tenant,
        user=user,
        digest=secrets.digest(INVITATION_PURPOSE, token),
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
    )
    details = {"role": role or "platform_operator"}
    audit.record(Event(Activity.INVITATION_CREATED, user.tenant_id, target=user, details=details))
    return f"{settings.BASE_URL}/welcome/{token}/"
