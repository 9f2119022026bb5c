"""Opening a challenge: what a method prepares, the row that keeps it, and what is sent, in one statement."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Activity
from accounts.lookups import Lookup
from accounts.methods import Kind, Method
from accounts.models import Authenticator, User
from accounts.moving import move_and_add
from accounts.tenants import all_opened
from accounts.visitor import Visitor
from notifications import outbox
from notifications.outbox import Draft
from policy.decisions import Offer
from reset import buckets, sending
from reset.methods import METHODS
from reset.methods.base import Start
from reset.models import Challenge, OwnChallenge, ResetRequest, State
from reset.requests import end, event
from reset.sending import NotSent, Sending
from reset.snapshot import Snapshot
from reset.standing import still_stands

CHALLENGE_LIFETIME = timedelta(minutes=5)


def again_at(challenge: Challenge | OwnChallenge) -> datetime | None:
    """When what was sent may be sent once more; None where nothing was sent."""
    return challenge.sent_at and challenge.sent_at + METHODS[Method(challenge.method)].again_after


def held(request: ResetRequest, authenticator_id: int | None, destination: str) -> QuerySet[Authenticator]:
    """The person's authenticator while it is still theirs, with the value it had when the request started.

    A value that was put in its place meanwhile is another destination, and nobody proved anything with it.
    """
    found: QuerySet[Authenticator] = Authenticator.objects.filter(
        pk=authenticator_id or 0, user_id=request.user_id or 0, digest=destination
    )
    return found


def _held(id: int, user: int, digest: str) -> QuerySet[Authenticator]:
    with all_opened():
        return Authenticator.objects.filter(pk=id, user_id=user, digest=digest).order_by()


HELD = Lookup(
    _held,
    id=Authenticator._meta.get_field("id"),
    user=User._meta.get_field("id"),
    digest=Authenticator._meta.get_field("digest"),
)


def authenticator_of(request: ResetRequest, authenticator_id: int | None, destination: str) -> Authenticator | None:
    """What `held` finds and can be read. Asked for strangers too, who have none."""
    found = HELD.rows(id=authenticator_id or 0, user=request.user_id or 0, digest=destination)
    return found[0] if found and found[0].is_readable else None


def start(
    request: ResetRequest,
    offer: Offer,
    visitor: Visitor,
    now: datetime,
    is_right_destination: bool = True,
    typed: str = "",
) -> None:
    """Open a challenge that can be answered, and send what the method sends. Raises TooOften or NotSent."""
    authenticator = authenticator_of(request, offer.authenticator_id, offer.destination)
    if authenticator is None and not request.is_decoy:
        end(request, State.FAILED, "account_changed", visitor, now)
        return
    is_real = authenticator is not None and is_right_destination
    goes_out = _may_go_out(request, offer, authenticator, typed, is_real, visitor, now)
    challenge = _challenge(request, offer, now)
    kept = Snapshot.from_json(request.snapshot)
    given = Start(
        challenge.pk,
        request,
        request.tenant,
        authenticator,
        is_right_destination and goes_out,
        now,
        questions_registered=kept.questions_registered,
        questions_asked=kept.questions_asked,
    )
    prepared = METHODS[offer.method].prepare(given)
    challenge.digest, challenge.questions, challenge.shown = prepared.digest, list(prepared.questions), prepared.shown
    challenge.is_deliverable = is_right_destination
    challenge.sent_at = now if prepared.drafts else None
    _make_current(request, challenge, prepared.drafts, visitor, now)


def ask_destination(request: ResetRequest, offer: Offer, visitor: Visitor, now: datetime) -> None:
    """Open a challenge that first wants the whole number typed; nothing is sent yet."""
    challenge = _challenge(request, offer, now)
    challenge.awaits_destination = True
    _make_current(request, challenge, (), visitor, now)


def _challenge(request: ResetRequest, offer: Offer, now: datetime) -> Challenge:
    return Challenge(
        tenant_id=request.tenant_id,
        request=request,
        method=offer.method,
        kind=offer.kind,
        destination=offer.destination,
        authenticator_id=offer.authenticator_id,
        mask=offer.mask,
        expires_at=min(now + CHALLENGE_LIFETIME, request.expires_at),
    )


def _may_go_out(
    request: ResetRequest,
    offer: Offer,
    authenticator: Authenticator | None,
    typed: str,
    is_real: bool,
    visitor: Visitor,
    now: datetime,
) -> bool:
    """Count what is about to be sent. Raises TooOften or NotSent."""
    number = typed or (authenticator.secret_value if authenticator and offer.kind == Kind.PHONE else "")
    try:
        return sending.count(
            Sending(
                method=offer.method,
                tenant_id=request.tenant_id,
                bucket=buckets.of_request(request),
                account=request.account_key,
                destination=offer.destination,
                number=number,
                is_typed=bool(typed),
                is_real=is_real,
            ),
            now,
        )
    except NotSent as stopped:
        audit.record(event(request, Activity.SEND_STOPPED, visitor, False, stopped.reason, method=offer.method))
        raise


def _make_current(
    request: ResetRequest, challenge: Challenge, drafts: tuple[Draft, ...], visitor: Visitor, now: datetime
) -> None:
    """Make it the request's only challenge, provided that everything still stands."""
    reason = "" if challenge.is_deliverable else "other_number"
    started = event(request, Activity.VERIFICATION_STARTED, visitor, not reason, reason, method=challenge.method)
    messages = outbox.rows(drafts, now)
    here = {"id": request.pk, "state": State.VERIFYING, "passed": request.passed}
    news = ([challenge], messages, audit.rows(started))
    if move_and_add(news, ResetRequest, {"challenge": challenge.pk}, still_stands(request), **here):
        outbox.announce(messages)
        request.challenge = challenge
    else:
        end(request, State.FAILED, "account_changed", visitor, now)
