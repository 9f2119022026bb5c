"""The worker's steps with one message: claim it, send it, finish it. Two transactions, four statements.

Nothing is sent twice on purpose. If a worker dies between the provider's yes and our commit, an e-mail goes out again
with the same Message-ID and the same code; a text message doesn't, and counts as failed.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts import executors
from accounts.identifiers import moment_of, new_id
from accounts.inserting import insert
from accounts.lookups import Lookup
from accounts.moving import move
from accounts.secrets import Damaged
from accounts.tenants import all_opened
from notifications import channels, rendering
from notifications.channels.base import DeliveryError, Outgoing
from notifications.models import Channel, Delivery, Message
from notifications.signals import provider_unreachable

Status = Message.Status

LEASE = timedelta(seconds=60)
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300))
SHORTEST_PAUSE = PAUSES[0]
LONGEST_ANSWER = 200
SHORTEST_SECRET = 4
LOST = "The worker stopped while it was sending. Whether this arrived isn't known; it is not sent again by itself."

# A fresh one is due whatever the clocks of two machines say; a mail whose sender stopped may go out again, a text not.
CLAIMABLE = f"""
    expires_at > %s AND (
        status = '{Status.QUEUED}' AND attempts = 0
        OR due_at <= %s AND (status = '{Status.QUEUED}' OR status = '{Status.SENDING}' AND channel = '{Channel.EMAIL}')
    )
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a provider said to one attempt. `unreachable`: nobody was there, so others would hear the same."""

    accepted: bool
    answer: str
    permanent: bool = False
    unreachable: bool = False


def deliver(message_id: UUID, now: datetime | None = None) -> Outcome | None:
    """Claim, send and finish. None when there was nothing to do: unknown, done, withheld, too late, taken."""
    started = now or timezone.now()
    with all_opened():
        message = claim(message_id, started)
        if message is None:
            return None
        outcome = send(message)
        finish(message, outcome, started, now or timezone.now())
    if outcome.unreachable:
        provider_unreachable.send(sender=Message, channel=Channel(message.channel))
    return outcome


def claim(message_id: UUID, now: datetime) -> Message | None:
    """Take a message that is due and of use, for LEASE. Returns it with its tenant and branding, or None."""
    moment = connection.ops.adapt_datetimefield_value(now)
    useful = RawSQL(CLAIMABLE, [moment, moment], output_field=BooleanField())  # noqa: S611 - no values in the text
    changes = {"status": Status.SENDING, "due_at": now + LEASE}
    place = {"id": message_id, "created_at": moment_of(message_id)}
    if not move(Message, changes, useful, counted="attempts", **place):
        return None
    return TAKEN.rows(id=message_id, created_at=moment_of(message_id))[0]


def _taken(id: UUID, created_at: datetime) -> "QuerySet[Message]":
    with all_opened():
        return Message.objects.filter(pk=id, created_at=created_at).select_related("tenant__branding").order_by()


TAKEN = Lookup(_taken, id=Message._meta.get_field("id"), created_at=Message._meta.get_field("created_at"))


def send(message: Message) -> Outcome:
    """Open the message, write it out and give it to its channel. Raises nothing: what went wrong is the outcome."""
    secrets_inside: list[str] = []
    try:
        content = json.loads(executors.open_sealed(bytes(message.sealed), message.place))
        secrets_inside = [content["recipient"], *content["context"].values()]
        outgoing = _outgoing(message, content["recipient"], content["context"])
        answer = channels.find(Channel(message.channel)).send(outgoing)
    except DeliveryError as error:
        outcome = Outcome(False, str(error), error.permanent, error.unreachable)
    except Damaged:
        # Sealed before this worker made its key known, perhaps: another one may be able to.
        outcome = Outcome(False, "This worker can't open the message.")
    except Exception as error:  # a message that can't be written out must not come back for ever at once
        logger.error("Message %s was not sent: %s", message.pk, type(error).__name__)
        outcome = Outcome(False, f"Something went wrong here ({type(error).__name__}).")
    else:
        outcome = Outcome(True, answer)
    return Outcome(outcome.accepted, _without(secrets_inside, outcome.answer), outcome.permanent, outcome.unreachable)


def finish(message: Message, outcome: Outcome, started: datetime, now: datetime) -> None:
    """Write down how it went, and erase the content if that was the end. Without the lease, nothing moves."""
    held: dict[str, Any] = {"status": Status.SENDING, "attempts": message.attempts}
    with transaction.atomic():
        move(Message, _changes(message, outcome, now), id=message.pk, created_at=message.created_at, **held)
        _record(message.pk, message.tenant_id, outcome, started)
    if not outcome.accepted:
        logger.warning("Message %s (%s) by %s: %s", message.pk, message.kind, message.channel, outcome.answer)


def expire(message_id: UUID, now: datetime) -> bool:
    """End a message whose time is over, and erase its content."""
    idle = Q(status=Status.QUEUED) | Q(status=Status.SENDING, due_at__lte=now)
    changed = _rows(message_id).filter(idle, expires_at__lte=now).update(status=Status.EXPIRED, sealed=b"")
    return changed == 1


def give_up_lost(message_id: UUID, tenant_id: int | None, now: datetime) -> bool:
    """End a text or a call whose worker stopped while sending: it may have arrived, and must not arrive twice."""
    lost = _rows(message_id).filter(status=Status.SENDING, due_at__lte=now).exclude(channel=Channel.EMAIL)
    with transaction.atomic():
        if lost.update(status=Status.FAILED, sealed=b"") != 1:
            return False
        _record(message_id, tenant_id, Outcome(False, LOST, permanent=True), now)
    return True


def _rows(message_id: UUID) -> "QuerySet[Message]":
    """The row by its key; the time inside the id lets PostgreSQL look into one partition only."""
    return Message.objects.filter(pk=message_id, created_at=moment_of(message_id))


def _outgoing(message: Message, recipient: str, context: dict[str, str]) -> Outgoing:
    tenant = message.tenant
    branding = getattr(tenant, "branding", None)
    logo = bytes(branding.logo) if branding is not None and message.channel == Channel.EMAIL else b""
    organisation = tenant.name if tenant is not None else rendering.product_name()
    content = rendering.render(
        message.kind, Channel(message.channel), message.language, organisation, bool(logo), context
    )
    return Outgoing(
        id=message.pk,
        created_at=message.created_at,
        expires_at=message.expires_at,
        recipient=recipient,
        language=content.language,
        organisation=organisation,
        logo=logo,
        subject=content.subject,
        text=content.text,
        html=content.html,
        answer_url=f"{settings.BASE_URL}{context['answer_path']}" if "answer_path" in context else "",
        keys=int(context.get("keys", 0)),
    )


def _changes(message: Message, outcome: Outcome, now: datetime) -> dict[str, Any]:
    if outcome.accepted:
        return {"status": Status.SENT, "sealed": b""}
    if outcome.permanent:
        return {"status": Status.FAILED, "sealed": b""}
    retry_at = now + _pause(message.attempts, message.expires_at - now)
    if retry_at >= message.expires_at:
        return {"status": Status.EXPIRED, "sealed": b""}
    return {"status": Status.QUEUED, "due_at": retry_at}


def _pause(attempts: int, remaining: timedelta) -> timedelta:
    """Growing, but never more than half of the time that is left: a code of five minutes gets its last chances."""
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    return max(SHORTEST_PAUSE, min(pause, remaining / 2))


def _record(message_id: UUID, tenant_id: int | None, outcome: Outcome, started: datetime) -> None:
    identifier = new_id()
    attempt = Delivery(
        id=identifier,
        created_at=moment_of(identifier),
        tenant_id=tenant_id,
        message_id=message_id,
        started_at=started,
        accepted=outcome.accepted,
        permanent=outcome.permanent,
        answer=outcome.answer[:LONGEST_ANSWER],
    )
    insert([attempt])


def _without(secrets_inside: list[str], answer: str) -> str:
    """A provider may quote what it was given; the record must not."""
    for value in sorted(secrets_inside, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            answer = answer.replace(value, "…")
    return answer
