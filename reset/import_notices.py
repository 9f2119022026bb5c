"""What an import replaced, the person hears of at every address held before, as with changes by staff."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils import timezone

from accounts.executors import NoExecutor
from accounts.importing.replacing import Replaced
from accounts.models import Domain, Tenant, User
from accounts.names import domain_of
from notifications.outbox import BULK_QUEUE, Draft, enqueue
from reset import change_notices
from reset.addresses import distinct


def announce(tenant: Tenant, people: Sequence[Replaced], now: datetime | None = None) -> int:
    """Write the messages, in the transaction of the import. Returns how many people are told.

    Who has no address is not told, and nobody is while there is no worker that could read the messages.
    """
    drafts = list(_drafts(tenant, people, now or timezone.now()))
    try:
        enqueue(drafts, now, BULK_QUEUE)
    except NoExecutor:
        return 0
    return len({draft.user_id for draft in drafts})


def _drafts(tenant: Tenant, people: Sequence[Replaced], now: datetime) -> Iterator[Draft]:
    known = User.objects.only("tenant_id", "principal_name", "language").in_bulk([person.user_id for person in people])
    verified = _verified_domains(tenant) if any(not person.addresses for person in people) else frozenset()
    for person in people:
        user = known[person.user_id]
        # Without any address, the user name is one if its domain is a verified one: as everywhere.
        spare = [user.principal_name] if domain_of(user.principal_name) in verified else []
        addresses = distinct(person.addresses or spare)
        yield from change_notices.drafts(user, tenant.language, person.kinds, addresses, now)


def _verified_domains(tenant: Tenant) -> frozenset[str]:
    return frozenset(Domain.objects.filter(tenant=tenant, verified_at__isnull=False).values_list("name", flat=True))
