"""Writing the audit trail: what to record, for whom, from where; and checking that nobody changed it since."""

import hmac
import json
import secrets as random
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from accounts import secrets
from accounts.identifiers import moment_of, new_id
from accounts.inserting import insert
from accounts.models import AuditEvent, User
from accounts.visitor import NOBODY, Visitor

MAC_PURPOSE = "audit-event"


class Activity:
    """Every activity, in the words of the audit log. Sources: Entra's audit activity names."""

    USER_ID_SUBMITTED = "reset.user_id_submitted"
    OPTIONS_PRESENTED = "reset.options_presented"
    VERIFICATION_STARTED = "reset.verification_started"
    VERIFICATION_COMPLETED = "reset.verification_completed"
    VERIFICATION_FAILED = "reset.verification_failed"
    PROMPT_REFUSED = "verification.refused_on_phone"
    SEND_STOPPED = "verification.send_stopped"
    SPEND_ALARM = "spending.alarm"
    CONFIRMED_ELSEWHERE = "verification.confirmed_elsewhere"
    ALL_VERIFIED = "reset.all_verifications_completed"
    PASSWORD_SUBMITTED = "reset.password_submitted"  # noqa: S105 - a name of an event
    UNLOCK_SUBMITTED = "unlock.submitted"
    WRITEBACK_REJECTED = "writeback.rejected"
    WRITEBACK_FAILED = "writeback.failed"
    WRITEBACK_UNCONFIRMED = "writeback.unconfirmed"
    PASSWORD_RESET = "reset.completed"  # noqa: S105
    ACCOUNT_UNLOCKED = "unlock.completed"
    RESET_BLOCKED = "reset.blocked"
    RESET_CANCELLED = "reset.cancelled"
    RESET_EXPIRED = "reset.expired"
    RESET_STOPPED = "reset.stopped"
    ADMINISTRATOR_CONTACTED = "reset.administrator_contacted"
    ALARM_RAISED = "account.alarm_raised"
    SELF_SERVICE_UNBLOCKED = "account.unblocked"
    SIGNED_IN = "signin.succeeded"
    SIGN_IN_FAILED = "signin.failed"
    PASSWORD_IS_DUE = "signin.password_is_due"  # noqa: S105
    SECOND_PROOF_ASKED = "signin.second_proof_asked"
    SIGNED_OUT = "signin.ended"
    SIGNED_OUT_EVERYWHERE = "signin.ended_everywhere"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    METHOD_STARTED = "methods.registration_started"
    METHOD_REGISTERED = "methods.registered"
    METHOD_RENAMED = "methods.renamed"
    METHOD_USED_FIRST = "methods.used_first"
    METHOD_REMOVED = "methods.removed"
    METHOD_REFUSED = "methods.registration_failed"
    METHODS_CONFIRMED = "methods.confirmed"
    REGISTRATION_SKIPPED = "methods.registration_skipped"
    ACCESS_PASS_ISSUED = "access_pass.issued"  # noqa: S105
    ACCESS_PASS_APPROVED = "access_pass.approved"  # noqa: S105
    ACCESS_PASS_EXPIRED = "access_pass.expired"  # noqa: S105
    PROOF_STARTED = "account.proof_started"
    PROOF_GIVEN = "account.proof_given"
    PROOF_FAILED = "account.proof_failed"
    INVITATION_CREATED = "administrator.invited"
    INVITATION_USED = "administrator.invitation_used"
    POLICY_CHANGED = "policy.changed"
    OBJECT_ADDED = "console.added"
    OBJECT_CHANGED = "console.changed"
    OBJECT_DELETED = "console.deleted"
    USERS_IMPORTED = "users.imported"
    DIRECTORY_SYNCED = "directory.synced"
    DIRECTORY_SYNC_STOPPED = "directory.sync_stopped"
    KEYS_ROTATED = "keys.rotated"
    AGENT_INVITED = "agent.invited"
    AGENT_ENROLLED = "agent.enrolled"
    AGENT_APPROVED = "agent.approved"
    AGENT_REVOKED = "agent.revoked"
    AGENT_KEYS_ROLLED = "agent.keys_rolled"


@dataclass(frozen=True)
class Event:
    """One thing that happened, before it is written. `details` carries words and numbers, never anything typed as a secret."""

    activity: str
    tenant_id: int | None
    succeeded: bool = True
    reason: str = ""
    correlation_id: UUID | None = None
    actor: User | None = None
    target: User | None = None
    target_name: str = ""
    visitor: Visitor = NOBODY
    details: dict[str, Any] = field(default_factory=dict)


def record(*events: Event) -> None:
    """Write events in one statement, inside the transaction of what they tell of."""
    insert(rows(*events))


def rows(*events: Event) -> list[AuditEvent]:
    """The events as rows that are not written yet, for a statement that writes them together with what they tell of."""
    return [_row(event) for event in events]


def _row(event: Event) -> AuditEvent:
    identifier = new_id()
    row = AuditEvent(
        id=identifier,
        created_at=moment_of(identifier),
        tenant_id=event.tenant_id,
        activity=event.activity,
        result=AuditEvent.Result.SUCCESS if event.succeeded else AuditEvent.Result.FAILURE,
        reason=event.reason,
        correlation_id=event.correlation_id,
        actor_id=event.actor.pk if event.actor else None,
        target_id=event.target.pk if event.target else None,
        actor_name=event.actor.principal_name if event.actor else "",
        target_name=event.target.principal_name if event.target else event.target_name[:254],
        client_address=event.visitor.address,
        user_agent=event.visitor.user_agent[:300],
        details=event.details,
        salt=random.token_bytes(16),
    )
    row.personal_digest = personal_digest(row)
    row.mac = secrets.digest(MAC_PURPOSE, sealed_content(row))
    return row


def personal_digest(row: AuditEvent) -> str:
    """Salted digest over what names a person."""
    personal = json.dumps([row.actor_name, row.target_name, row.client_address, row.user_agent])
    return hmac.new(bytes(row.salt or b""), personal.encode(), sha256).hexdigest()


def sealed_content(row: AuditEvent) -> str:
    """What the MAC covers: everything but the personal fields themselves, and their digest."""
    return json.dumps(
        [
            str(row.id), row.created_at.isoformat(timespec="milliseconds"), row.tenant_id, row.activity, row.result,
            row.reason, str(row.correlation_id or ""), row.actor_id, row.target_id, row.details, row.personal_digest,
        ],
        sort_keys=True,
    )  # fmt: skip


def is_genuine(row: AuditEvent) -> bool:
    """Whether an event is as it was written. An erased person's values may be gone, nothing else."""
    if not secrets.digest_matches(row.mac, MAC_PURPOSE, sealed_content(row)):
        return False
    return row.salt is None or hmac.compare_digest(row.personal_digest, personal_digest(row))


def erase_person(events: Iterable[AuditEvent]) -> None:
    """Remove what names a person from these events; their MACs go on verifying."""
    for row in events:
        AuditEvent.objects.filter(pk=row.pk, created_at=row.created_at).update(
            actor_name="", target_name="", client_address="", user_agent="", salt=None
        )
