"""Whom somebody who signs in claims to be, and who checks their password."""

from dataclasses import dataclass

from accounts import people, tenants
from accounts.models import Domain, Tenant, User
from accounts.names import is_plain, is_same_name, key_of
from reset import buckets
from reset.password_proof import account_key_of


@dataclass(frozen=True)
class Claimed:
    """Whom a typed name claims to be: a person, or nobody. `was_obstacle`: what stood in the way when the name was typed."""

    typed: str
    tenant: Tenant | None
    user: User | None
    domain: Domain | None = None
    was_obstacle: str | None = None

    @property
    def account_key(self) -> str:
        return account_key_of(self.user) if self.user else buckets.account_key(self._tenant_id, self.typed, None)

    @property
    def _tenant_id(self) -> int:
        return self.tenant.pk if self.tenant else 0

    @property
    def obstacle(self) -> str:
        """Why this name can't sign in here whatever its password; for the audit trail only."""
        if self.was_obstacle is not None:
            return self.was_obstacle
        if self.user is None:
            return "unknown"
        if not self.user.is_enabled:
            return "disabled"
        if self.user.is_external:
            return "external"
        is_elsewhere = self.user.directory_id not in (None, self.directory_id)
        return "in_a_directory_of_another_domain" if is_elsewhere else ""

    @property
    def directory_id(self) -> int | None:
        """The directory that checks the passwords of everybody under this domain: the domain says so, not the person."""
        is_asked = self.domain is not None and self.domain.authority == Domain.Authority.DIRECTORY
        return self.domain.directory_id if self.domain is not None and is_asked else None

    @property
    def home_url(self) -> str:
        """Where people under this domain sign in instead; empty where it is here."""
        is_federated = self.domain is not None and self.domain.authority == Domain.Authority.FEDERATED
        return self.domain.home_url if self.domain is not None and is_federated else ""

    @property
    def encoded(self) -> str:
        """The hash kept here; nothing for whoever has none."""
        return self.user.password if self.user and not self.obstacle and not self.user.directory_id else ""


def find(typed: str, tenant: Tenant | None) -> Claimed:
    """The same statements for everybody under one domain."""
    found = _find_here_or_at_the_only_tenant(typed, tenant)
    operator = _find_operator(typed) if tenant is None else None
    if operator is not None:
        return Claimed(typed, None, operator)
    if found.user is not None and found.tenant is not None:
        found.user.tenant = found.tenant
    return Claimed(typed, found.tenant, found.user, found.domain)


def _find_here_or_at_the_only_tenant(typed: str, tenant: Tenant | None) -> people.Found:
    """Where there is just one organisation, its people need neither its address nor its domain."""
    found = people.find(typed, tenant)
    only = tenants.find_only() if tenant is None and found.tenant is None else None
    return people.find(typed, only) if only and only.kind == Tenant.Kind.WORKFORCE else found


def _find_operator(typed: str) -> User | None:
    """Platform operators have no tenant and sign in at the common address only. A tenant can't shadow them."""
    with tenants.all_opened():
        user: User | None = User.objects.filter(tenant=None, principal_key=key_of(typed)).first()
    return user if user and is_plain(typed.strip()) and is_same_name(typed, user.principal_name) else None
