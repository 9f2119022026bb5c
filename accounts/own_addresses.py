"""Which registered e-mail addresses lie in a domain of the organisation: they need the very password they would reset.

Nobody can register, import or type such an address; it becomes one when the organisation adds its domain afterwards. The
addresses are sealed, so no query can compare them: they are looked through once after the domains have changed, and what
was found stands at each of them.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, Tenant
from accounts.names import domain_of, is_within

ROWS_AT_ONCE = 500


def look_through() -> int:
    """Look through the addresses of every tenant whose domains changed since the last time. Returns how many changed.

    However the domains changed. Stopped halfway, it begins anew the next time.
    """
    domains: dict[int, set[str]] = {}
    for tenant_id, name in Domain.objects.values_list("tenant_id", "name"):
        domains.setdefault(tenant_id, set()).add(name)
    changed = 0
    for tenant_id, seen in Tenant.objects.values_list("pk", "domains_looked_for"):
        own = domains.get(tenant_id, set())
        mark = sha256("\n".join(sorted(own)).encode()).hexdigest()
        if mark != seen:
            changed += _look_through(tenant_id, own)
            Tenant.objects.filter(pk=tenant_id).update(domains_looked_for=mark)
    return changed


def _look_through(tenant_id: int, own: set[str]) -> int:
    rows = Authenticator.objects.filter(tenant=tenant_id, type=AuthenticatorType.EMAIL).only(
        "tenant_id", "user_id", "type", "sealed", "in_own_domain"
    )
    wrong = (row for row in rows.order_by("pk").iterator(ROWS_AT_ONCE) if _is_own(row, own) != row.in_own_domain)
    return sum(_turn(batch) for batch in _batches(wrong))


def _is_own(row: Authenticator, own: set[str]) -> bool:
    """What can't be opened proves nothing anyway."""
    address = row.readable_value
    return row.in_own_domain if address is None else is_within(domain_of(address), own)


def _turn(rows: list[Authenticator]) -> int:
    for value in (True, False):
        keys = [row.pk for row in rows if row.in_own_domain is not value]
        Authenticator.objects.filter(pk__in=keys).update(in_own_domain=value)
    return len(rows)


def _batches(rows: Iterable[Authenticator]) -> Iterator[list[Authenticator]]:
    left = iter(rows)
    while batch := list(islice(left, ROWS_AT_ONCE)):
        yield batch
