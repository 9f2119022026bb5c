"""Where a person is told what happened to the account."""

from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from accounts.lookups import Lookup
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Domain, User
from accounts.names import domain_of
from accounts.tenants import all_opened


def _held(user: int) -> QuerySet[Authenticator]:
    with all_opened():
        return Authenticator.objects.filter(user_id=user, type=AuthenticatorType.EMAIL).order_by("id")


HELD = Lookup(_held, user=User._meta.get_field("id"))


def addresses_of(user: User) -> list[str]:
    """Every e-mail address on file; where there is none, the user name if its domain is a verified one."""
    found = [*_readable(HELD.rows(user=user.pk)), *([user.mail] if user.mail else [])]
    if not found and Domain.objects.filter(name=domain_of(user.principal_name), verified_at__isnull=False).exists():
        found = [user.principal_name]
    return distinct(found)


def _readable(rows: Iterable[Authenticator]) -> Iterator[str]:
    """One address that can't be read keeps nobody from hearing of it at the others."""
    for row in rows:
        if row.readable_value is None:
            row.note_unreadable()
        else:
            yield row.readable_value


def distinct(addresses: Iterable[str]) -> list[str]:
    """Each address once, whatever its case."""
    return list({address.casefold(): address for address in addresses}.values())
