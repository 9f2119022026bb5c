"""Django's PostgreSQL, with a health check that costs no statement.

Kept connections are looked at once in every request and task (CONN_HEALTH_CHECKS). Django asks the server `SELECT 1`; but
a server that went away has closed its end, which the socket shows at once.
"""

import select

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

HEALTHY = (TransactionStatus.IDLE, TransactionStatus.INTRANS)


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the connection is open and the server has said nothing unasked: what it says last is that it ends."""
        connection = self.connection
        if connection is None or connection.closed or connection.info.transaction_status not in HEALTHY:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN | select.POLLPRI)
        return not poll.poll(0)
