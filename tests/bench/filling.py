"""Fill Rekey's database: `python -m tests.bench.filling USERS`.

Every person has one e-mail address and one phone. Only people of the pool (every STRIDEth) can be reset by the bench:
theirs are sealed one by one; the others get bytes of the same length, which nobody opens.
"""

import secrets
import sys
from datetime import datetime

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - models can be imported now, not before
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.methods import AuthenticatorType  # noqa: E402
from accounts.models import Authenticator, Domain, Tenant, User  # noqa: E402
from accounts.tenants import opened  # noqa: E402
from policy.models import ResetPolicy  # noqa: E402
from tests.bench.people import DOMAIN, HOME, stride  # noqa: E402

USERS = f"""
    INSERT INTO accounts_user (
        tenant_id, password, principal_name, principal_key, mail, mail_key, given_name, family_name, display_name, language,
        is_enabled, is_protected, is_external, self_service_paused, created_at, must_change_password, credentials_epoch)
    SELECT %s, '!', 'user' || n || '@{DOMAIN}', 'user' || n || '@{DOMAIN}', 'user' || n || '@{HOME}',
           'user' || n || '@{HOME}', 'Given' || n, 'Family' || n, 'Given' || n || ' Family' || n, 'en',
           true, false, false, false, now(), false, md5(n::text)
    FROM generate_series(0, %s - 1) n
"""
OTHERS = """
    INSERT INTO accounts_authenticator (
        tenant_id, user_id, type, name, confirmed, sealed, digest, source, registered_at, changed_at, replaces_another,
        confirmed_at, last_step)
    SELECT tenant_id, id, %s, '', true, %s, 'bench:' || encode(sha256((%s || id)::bytea), 'hex'), 'user', now(), now(), false,
           now(), -1
    FROM accounts_user WHERE substring(principal_name from '[0-9]+')::bigint %% %s <> 0
"""
TYPES = (AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE)


def value_of(kind: AuthenticatorType, number: int) -> str:
    if kind == AuthenticatorType.EMAIL:
        return f"user{number}@{HOME}"
    return f"+491511{number:07d}"


def own(user: User, kind: AuthenticatorType, now: datetime) -> Authenticator:
    number = int(user.principal_name.partition("@")[0].removeprefix("user"))
    row = Authenticator(tenant_id=user.tenant_id, user=user, type=kind, name="", source="user", confirmed_at=now)
    row.set_value(value_of(kind, number), now)
    return row


def fill(tenant: Tenant, users: int) -> None:
    every = stride(users)
    with connection.cursor() as cursor:
        cursor.execute(USERS, [tenant.pk, users])
        names = [f"user{number}@{DOMAIN}" for number in range(0, users, every)]
        pool = User.objects.filter(tenant=tenant, principal_key__in=names)
        rows = [own(user, kind, timezone.now()) for user in pool for kind in TYPES]
        Authenticator.objects.bulk_create(rows, batch_size=2000)
        for kind in TYPES:
            length = len(bytes(next(row.sealed for row in rows if row.type == kind)))
            cursor.execute(OTHERS, [kind, secrets.token_bytes(length), kind, every])
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def main(users: int) -> None:
    call_command("migrate", verbosity=0)
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    with opened(tenant):
        Domain.objects.create(tenant=tenant, name=DOMAIN, verified_at=timezone.now())
        ResetPolicy.objects.create(tenant=tenant, name="Everybody", audience="everybody", priority=10)
        fill(tenant, users)


if __name__ == "__main__":
    main(int(sys.argv[1]))
