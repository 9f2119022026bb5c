"""Fill Rekey's database for `make bench-writeback`: `python -m tests.bench.writeback.filling USERS DIRECTORY…`.

USERS people whose passwords are kept here, as in `make bench`, and for each DIRECTORY (a file of `kept.save`) a domain,
a direct connector with writeback on, and its people with one e-mail address each.
"""

import sys

import django

django.setup()

from django.db import connection  # noqa: E402 - models can be imported now, not before
from django.utils import timezone  # noqa: E402

from accounts import secrets  # noqa: E402
from accounts.methods import AuthenticatorType  # noqa: E402
from accounts.models import Authenticator, Directory, Domain, Tenant, User  # noqa: E402
from accounts.tenants import opened  # noqa: E402
from tests.bench import filling  # noqa: E402
from tests.bench.writeback.kept import Kept, load, mail_of  # noqa: E402
from writeback.models import Connector  # noqa: E402


def connect(tenant: Tenant, kept: Kept) -> Directory:
    now = timezone.now()
    directory = Directory.objects.create(tenant=tenant, name=kept.name, kind=kept.kind)
    connector = Connector(
        tenant=tenant,
        directory=directory,
        is_on=True,
        way=Connector.Way.DIRECT,
        servers=kept.url,
        base_dn=kept.base_dn,
        account=kept.account,
        ca_pem=kept.ca_pem,
        sync_is_on=False,
        looked_at=now,
        reached_at=now,
    )
    connector.sealed_password = secrets.seal(kept.password.encode(), connector.place)
    connector.save()
    Domain.objects.create(
        tenant=tenant, name=kept.domain, verified_at=now, authority=Domain.Authority.DIRECTORY, directory=directory
    )
    return directory


def bring_in(tenant: Tenant, directory: Directory, kept: Kept) -> None:
    now = timezone.now()
    people = [
        User(
            tenant=tenant,
            principal_name=f"user{number}@{kept.domain}",
            principal_key=f"user{number}@{kept.domain}",
            given_name=f"Given{number}",
            family_name=f"Family{number}",
            display_name=f"Given{number} Family{number}",
            language="en",
            directory=directory,
            anchor=anchor,
            password="!",
        )
        for number, anchor in enumerate(kept.anchors)
    ]
    User.objects.bulk_create(people, batch_size=1000)
    rows = []
    for number, user in enumerate(people):
        row = Authenticator(
            tenant=tenant, user=user, type=AuthenticatorType.EMAIL, name="", source="user", confirmed_at=now
        )
        row.set_value(mail_of(number, kept.domain), now)
        rows.append(row)
    Authenticator.objects.bulk_create(rows, batch_size=1000)


def main(users: int, files: list[str]) -> None:
    filling.main(users)
    tenant = Tenant.objects.get(slug="acme")
    tenant.may_connect_directly = True
    tenant.save()
    with opened(tenant):
        for kept in map(load, files):
            bring_in(tenant, connect(tenant, kept), kept)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
