"""Challenges of somebody whose password was right: the same methods, lifetimes and limits as in a reset, another purpose.

A code is bound to its own challenge; neither a reset nor another registration takes it. Each attempt is counted before it
is compared, and a right answer is used up by a guarded update.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from accounts import audit
from accounts.audit import Activity, Event
from accounts.methods import KIND_OF, QUESTIONS_ASKED, Kind, Method
from accounts.models import Authenticator, User
from accounts.visitor import Visitor
from notifications.outbox import enqueue
from policy import spending, throttle
from policy.throttle import Use
from reset import sending
from reset.challenges import CHALLENGE_LIFETIME, again_at
from reset.methods import METHODS
from reset.methods.base import Start, Verdict
from reset.models import OwnChallenge
from reset.password_proof import account_key_of
from reset.requests import NotOffered, TooOften
from reset.sending import NotSent, Sending

Purpose = OwnChallenge.Purpose
STARTED: dict[str, str] = {
    Purpose.REGISTER: Activity.METHOD_STARTED,
    Purpose.PROVE: Activity.PROOF_STARTED,
    Purpose.SIGN_IN: Activity.PROOF_STARTED,
}
FAILED: dict[str, str] = {
    Purpose.REGISTER: Activity.METHOD_REFUSED,
    Purpose.PROVE: Activity.PROOF_FAILED,
    Purpose.SIGN_IN: Activity.SIGN_IN_FAILED,
}
ABANDONED_AFTER = timedelta(minutes=15)


class Checked(StrEnum):
    """What came of an answer."""

    RIGHT = "right"
    WRONG = "wrong"
    WAITING = "waiting"
    TOO_LATE = "too_late"


def new(user: User, purpose: str, method: Method, now: datetime, **fields: Any) -> OwnChallenge:
    """A challenge that is not stored yet."""
    return OwnChallenge(
        tenant=user.tenant,
        user=user,
        purpose=purpose,
        method=method,
        epoch=user.credentials_epoch,
        created_at=now,
        expires_at=now + CHALLENGE_LIFETIME,
        **fields,
    )


def send_again(challenge: OwnChallenge, authenticator: Authenticator, visitor: Visitor, now: datetime) -> None:
    """A new code the same way, after the cool-down; the old one dies. Raises NotOffered or TooOften."""
    opens_at = again_at(challenge)
    if opens_at is None:
        raise NotOffered
    if now < opens_at:
        raise TooOften(opens_at)
    start(challenge, authenticator, visitor, now)


def start(
    challenge: OwnChallenge,
    authenticator: Authenticator,
    visitor: Visitor,
    now: datetime,
    questions_asked: int = QUESTIONS_ASKED,
) -> None:
    """Open a challenge, or give it another code, and send what its method sends.

    Raises NotOffered, TooOften, NotSent or accounts.executors.NoExecutor.
    """
    assert challenge.user.tenant is not None
    given = Start(
        challenge.pk, challenge, challenge.user.tenant, authenticator, True, now, questions_asked=questions_asked
    )
    _count_send(challenge, authenticator, visitor, now)
    prepared = METHODS[Method(challenge.method)].prepare(given)
    challenge.digest, challenge.questions, challenge.shown = prepared.digest, list(prepared.questions), prepared.shown
    challenge.confirmed_at = None
    challenge.sent_at = now if prepared.drafts else None
    challenge.expires_at = now + CHALLENGE_LIFETIME
    with transaction.atomic():
        _store(challenge)
        enqueue(prepared.drafts, now)
        audit.record(event(challenge.user, STARTED[challenge.purpose], visitor, challenge))


def _store(challenge: OwnChallenge) -> None:
    """Add it, or give it another code; what was used up meanwhile stays used. Raises NotOffered."""
    if challenge._state.adding:
        challenge.save()
        return
    names = ("digest", "questions", "shown", "confirmed_at", "sent_at", "expires_at")
    unused = OwnChallenge.objects.filter(pk=challenge.pk, used_at=None)
    if unused.update(**{name: getattr(challenge, name) for name in names}) != 1:
        raise NotOffered


def _count_send(challenge: OwnChallenge, authenticator: Authenticator, visitor: Visitor, now: datetime) -> None:
    """Raises TooOften or NotSent: who is signed in may know why nothing goes out."""
    account, kind = account_key_of(challenge.user), KIND_OF[Method(challenge.method)]
    assert challenge.tenant_id is not None
    try:
        sending.count(
            Sending(
                method=Method(challenge.method),
                tenant_id=challenge.tenant_id,
                bucket=account,
                account=account,
                destination=authenticator.digest,
                number=authenticator.secret_value if kind == Kind.PHONE else "",
                is_typed=True,
                is_own=True,
            ),
            now,
        )
    except NotSent as stopped:
        audit.record(event(challenge.user, Activity.SEND_STOPPED, visitor, challenge, stopped.reason))
        raise


def find(user: User, challenge_id: str, purpose: str, now: datetime) -> OwnChallenge | None:
    """A person's running challenge: theirs, of this purpose, unused, not abandoned, and the account as it was."""
    found: OwnChallenge | None = (
        OwnChallenge.objects.filter(
            pk=challenge_id,
            user=user,
            purpose=purpose,
            used_at=None,
            epoch=user.credentials_epoch,
            created_at__gt=now - ABANDONED_AFTER,
        )
        .select_related("user__tenant")
        .first()
    )
    return found


def check(
    challenge: OwnChallenge, authenticator: Authenticator | None, answers: list[str], visitor: Visitor, now: datetime
) -> tuple[Checked, Verdict | None]:
    """Count, then compare. Raises NotOffered, TooOften or policy.hashing.Busy."""
    if challenge.expires_at <= now:
        return Checked.TOO_LATE, None
    method = METHODS[Method(challenge.method)]
    if method.confirmed_elsewhere and challenge.confirmed_at is None:
        return Checked.WAITING, None
    count(challenge, visitor, now)
    verdict = method.check(challenge, authenticator, answers, now)
    if verdict.is_right:
        return Checked.RIGHT, verdict
    refuse(challenge, visitor)
    if challenge.method == Method.QUESTIONS and authenticator is not None:
        start(challenge, authenticator, visitor, now, len(challenge.questions))  # others are asked after a miss
    return Checked.WRONG, None


def count(challenge: OwnChallenge, visitor: Visitor, now: datetime) -> None:
    """Count an attempt before it is compared. Raises TooOften."""
    states = throttle.count(*attempts_at(challenge), now=now)
    if any(counted.count == counted.limit.events + 1 for counted in states):
        audit.record(event(challenge.user, FAILED[challenge.purpose], visitor, challenge, reason="too_many_failures"))
    for counted in states:
        if counted.is_over:
            raise TooOften(counted.ends_at)


def refuse(challenge: OwnChallenge, visitor: Visitor) -> Checked:
    """Record that an answer was wrong."""
    audit.record(event(challenge.user, FAILED[challenge.purpose], visitor, challenge, reason="wrong_answer"))
    return Checked.WRONG


def use_up(challenge: OwnChallenge, now: datetime) -> bool:
    """Take a challenge, inside the transaction of what it allows; the attempt was no failure. False: used, or over."""
    # A subquery, not a join: an update that waited for a rival sees its conditions on the row's own columns anew.
    epoch = Subquery(User.objects.filter(pk=OuterRef("user_id")).values("credentials_epoch"))
    unused = OwnChallenge.objects.filter(pk=challenge.pk, used_at=None, expires_at__gt=now, epoch=epoch)
    if unused.update(used_at=now, sealed=b"") != 1:
        return False
    given_back = attempts_at(challenge, -1)
    if KIND_OF[Method(challenge.method)] == Kind.PHONE and challenge.tenant_id:
        given_back += spending.proof(challenge.tenant_id)
    throttle.count(*given_back, now=now)
    return True


def attempts_at(challenge: OwnChallenge, amount: int = 1) -> list[Use]:
    """What counts an attempt: who knows a password alone may use up the proofs of sign-in, not those of an open session."""
    account = account_key_of(challenge.user)
    if challenge.purpose != Purpose.SIGN_IN:
        return [Use(throttle.FAILURES_OF_OWN, account, amount)]
    return [
        Use(throttle.FAILURES_AT_SIGN_IN, account, amount),
        Use(throttle.FAILURES_AT_SIGN_IN_OF_PERSON, str(challenge.user_id), amount),
    ]


def event(
    user: User, activity: str, visitor: Visitor, challenge: OwnChallenge | None = None, reason: str = "", **details: Any
) -> Event:
    """An audit event about one's own methods; it names the type, never the value.

    At sign-in, who has not given the proof is nobody yet.
    """
    at_sign_in = challenge is not None and challenge.purpose == Purpose.SIGN_IN
    is_known = not at_sign_in or activity == Activity.SIGNED_IN
    if challenge is not None:
        details |= {"type": challenge.type, "method": challenge.method, "purpose": challenge.purpose}
    return Event(
        activity,
        user.tenant_id,
        succeeded=not reason,
        reason=reason,
        correlation_id=challenge.pk if challenge is not None else None,
        actor=user if is_known else None,
        target=user,
        visitor=visitor,
        details=details,
    )


def prune(now: datetime) -> int:
    """Delete challenges older than 15 minutes, with what was to be registered. Returns how many."""
    return OwnChallenge.objects.filter(created_at__lte=now - ABANDONED_AFTER).delete()[0]
