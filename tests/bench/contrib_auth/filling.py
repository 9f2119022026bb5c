"""Fill the database of Django's own reset: `python -m tests.bench.contrib_auth.filling USERS`."""

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - models can be used now, not before
from django.db import connection  # noqa: E402

USERS = """
    INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
    SELECT 'md5$salt$' || md5(n::text), false, 'user' || n, 'Given' || n, 'Family' || n, 'user' || n || '@home.example',
           false, true, now()
    FROM generate_series(0, %s - 1) n
"""


def main(users: int) -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(USERS, [users])
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]))
