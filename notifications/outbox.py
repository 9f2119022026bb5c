"""Front door: from a draft to a committed message. Publishing to the broker is a hint; the database is the truth."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import executors, publishing
from accounts.identifiers import moment_of, new_id
from accounts.inserting import insert
from notifications.models import Channel, Message

TASK = "notifications.tasks.deliver"
QUEUE = "interactive"
BULK_QUEUE = "bulk"


@dataclass(frozen=True)
class Draft:
    """A message before it is a row. `context` may carry a passcode: it never prints and is sealed at once.

    A withheld draft (a stranger's) becomes a row like any other, with content of the same size, that nobody gets.
    """

    kind: str
    channel: Channel
    recipient: str = field(repr=False)
    language: str
    tenant_id: int | None
    lifetime: timedelta
    context: dict[str, str] = field(default_factory=dict, repr=False)
    correlation_id: UUID | None = None
    user_id: int | None = None
    withheld: bool = False


def enqueue(drafts: Sequence[Draft], now: datetime | None = None, queue: str = QUEUE) -> list[UUID]:
    """Write messages in one statement, hint the workers once it is committed. Raises accounts.executors.NoExecutor.

    Many at once go to BULK_QUEUE: nobody's passcode waits behind their hints.
    """
    written = rows(drafts, now or timezone.now())
    insert(written)
    announce(written, queue)
    return [row.pk for row in written]


def rows(drafts: Sequence[Draft], now: datetime) -> list[Message]:
    """The drafts as sealed rows that are not written yet. Raises accounts.executors.NoExecutor.

    For a statement that writes them together with what they tell of; `announce` them after it.
    """
    return [_row(draft, now) for draft in drafts]


def announce(written: Sequence[Message], queue: str = QUEUE) -> None:
    """Hint the workers once these rows are committed."""
    for row in written:
        transaction.on_commit(partial(publish_hint, row.pk, queue))


def _row(draft: Draft, now: datetime) -> Message:
    identifier = new_id()
    row = Message(
        id=identifier,
        created_at=moment_of(identifier),
        tenant_id=draft.tenant_id,
        kind=draft.kind,
        channel=draft.channel,
        language=draft.language,
        status=Message.Status.WITHHELD if draft.withheld else Message.Status.QUEUED,
        due_at=now,
        expires_at=now + draft.lifetime,
        correlation_id=draft.correlation_id,
        user_id=draft.user_id,
    )
    content = json.dumps({"recipient": draft.recipient, "context": draft.context})
    row.sealed = executors.seal(content.encode(), row.place)
    return row


def publish_hint(message_id: UUID, queue: str = QUEUE) -> None:
    """Tell the workers. A withheld message is announced like any other, so that nobody can tell it from the outside."""
    publishing.publish(TASK, str(message_id), queue=queue)
