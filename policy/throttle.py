"""Too often: limits that read as sentences, and counters that a race can't fool.

Each limit is a fixed window that starts with the first event. Counting is one atomic statement; keys are keyed digests.
Sources: Entra's numbers (5 failures in 24 h per account), NIST SP 800-63B-4 section 3.2.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from accounts import secrets
from policy.models import Counter


@dataclass(frozen=True)
class Limit:
    """So many events within one window; the event after them is too many."""

    name: str
    events: int
    window: timedelta


FAILURES_OF_ACCOUNT = Limit("failed proofs of one account", 5, timedelta(hours=24))
STARTS_FROM_ADDRESS = Limit("resets started from one address", 60, timedelta(minutes=10))
FAILURES_FROM_ADDRESS = Limit("failed proofs from one address", 100, timedelta(hours=24))
PAUSE_OF_ADDRESS = Limit("pause of an address", 0, timedelta(minutes=10))
UNLOCKS_OF_ACCOUNT = Limit("unlocks of one account", 3, timedelta(hours=24))
NUMBERS_OF_ACCOUNT = Limit("phone numbers typed for one account", 5, timedelta(hours=1))
SENDS_TO_ACCOUNT = Limit("codes sent for one account", 10, timedelta(hours=1))
PHONE_SENDS_TO_ACCOUNT = Limit("texts and calls for one account", 5, timedelta(hours=1))
# More than for one account: strangers who use up theirs leave some for the owner's recognised browser.
SENDS_TO_DESTINATION = Limit("codes sent to one destination", 20, timedelta(hours=1))
PROVIDER_UNREACHABLE = Limit("messages that their provider could not be given", 0, timedelta(minutes=1))
CONTACTS_FROM_ADDRESS = Limit("messages to administrators from one address", 5, timedelta(hours=1))
CONTACTS_OF_TENANT = Limit("messages to administrators of one tenant", 60, timedelta(hours=1))
CONTACTS_ABOUT_ACCOUNT = Limit("messages to administrators about one account", 3, timedelta(hours=24))
SIGN_INS_FROM_ADDRESS = Limit("failed sign-ins from one address", 100, timedelta(minutes=10))
PROMPTS_TO_ACCOUNT = Limit("notifications to the phones of one account", 3, timedelta(minutes=10))
NUMBERS_OF_PROMPT = Limit("numbers typed for one notification", 3, timedelta(minutes=10))
CALLS_OF_PHONE = Limit("calls of one phone's web app", 600, timedelta(minutes=10))
REFUSED_CALLS_FROM_ADDRESS = Limit("refused calls of phones from one address", 60, timedelta(minutes=10))
PHONE_CODES_FROM_ADDRESS = Limit("codes typed into phones from one address", 30, timedelta(minutes=10))
SAME_CALL_OF_PHONE = Limit("one signed call of a phone", 1, timedelta(minutes=5))
FAILURES_OF_OWN = Limit("failed proofs of one signed-in account", 5, timedelta(hours=24))
FAILURES_AT_SIGN_IN = Limit("failed second proofs at sign-in of one account", 5, timedelta(hours=24))
# By the person alone: whoever reads the mailbox that resets go to could have five new attempts with every reset.
FAILURES_AT_SIGN_IN_OF_PERSON = Limit(
    "failed second proofs at sign-in of one person, over resets", 20, timedelta(hours=24)
)
OWN_FAILURES = (FAILURES_OF_OWN, FAILURES_AT_SIGN_IN)
ALARMS_FROM_ADDRESS = Limit("alarm links opened from one address", 60, timedelta(minutes=10))


@dataclass(frozen=True)
class Use:
    """One counting of one limit: `amount` 0 only looks."""

    limit: Limit
    subject: str
    amount: int = 1

    @property
    def key(self) -> str:
        return secrets.digest(f"throttle|{self.limit.name}", self.subject)


@dataclass(frozen=True)
class State:
    """Where a counter stands after counting."""

    limit: Limit
    count: int
    ends_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether this event is one too many."""
        return self.count > self.limit.events

    @property
    def is_used_up(self) -> bool:
        """Whether the next event would be one too many."""
        return self.count >= self.limit.events


def count(*uses: Use, now: datetime | None = None) -> list[State]:
    """Count all uses in one atomic statement, in the order given. A window that has ended starts anew.

    A negative amount gives back what was counted a moment ago.
    """
    now = now or timezone.now()
    rows = sorted({use.key: (use.key, use.amount, now + use.limit.window) for use in uses}.values())
    marks = ", ".join(["(%s, %s, %s)"] * len(rows))
    table = Counter._meta.db_table
    sql = f"""
        INSERT INTO {table} AS held (key, count, expires_at) VALUES {marks}
        ON CONFLICT (key) DO UPDATE SET
            count = CASE WHEN held.expires_at > %s THEN held.count + excluded.count WHEN excluded.count > 0 THEN excluded.count
                    ELSE 0 END,
            expires_at = CASE WHEN held.expires_at <= %s THEN excluded.expires_at ELSE held.expires_at END
        RETURNING key, count, expires_at
    """  # noqa: S608 - table name and marks only
    adapt = connection.ops.adapt_datetimefield_value
    values = [value for key, amount, ends_at in rows for value in (key, amount, adapt(ends_at))]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, adapt(now), adapt(now)])
        counted = {key: (number, _moment(ends_at)) for key, number, ends_at in cursor.fetchall()}
    gone = [key for key, (number, _) in counted.items() if number < 0]
    if gone:  # given back after somebody cleared the counter: that leaves nothing, and never credit
        Counter.objects.filter(key__in=gone, count__lt=0).update(count=0)
    return [State(use.limit, *counted[use.key]) for use in uses]


def look(*uses: Use, now: datetime | None = None) -> list[State]:
    """Where counters stand, without counting and without writing."""
    now = now or timezone.now()
    held = {row.key: row for row in Counter.objects.filter(key__in=[use.key for use in uses], expires_at__gt=now)}
    return [
        State(use.limit, held[use.key].count, held[use.key].expires_at) if use.key in held else State(use.limit, 0, now)
        for use in uses
    ]


def clear(uses: Iterable[Use]) -> int:
    """Forget these counters under every digest key still held. Returns how many there were."""
    keys = [key for use in uses for key in secrets.digests(f"throttle|{use.limit.name}", use.subject)]
    return Counter.objects.filter(key__in=keys).delete()[0]


def prune(now: datetime | None = None) -> int:
    """Delete counters whose window has ended."""
    return Counter.objects.filter(expires_at__lte=now or timezone.now()).delete()[0]


def _moment(value: datetime | str) -> datetime:
    """SQLite answers raw queries in UTC without saying so, as text or as a time; PostgreSQL with an aware time."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
