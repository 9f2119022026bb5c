"""A reset from its first page to its last: every decision and every change of state starts here.

    begin → choose (→ type_destination) → answer … → submit_password (→ record_writeback)   (cancel until then)

Each step asserts the state it expects by a guarded update that must touch exactly one row. An attempt is counted in a
transaction of its own before anything is compared. Strangers walk the same steps by the same statements and get nowhere.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.db.models import Exists
from django.utils import timezone

from accounts import audit, facts, tenants
from accounts.audit import Activity, record
from accounts.identifiers import new_id
from accounts.methods import Method
from accounts.models import AuditEvent, Authenticator
from accounts.moving import move, move_and_add
from accounts.secrets import digest_matches
from accounts.visitor import Visitor
from policy import passwords, rules
from policy.decisions import Offer, Refusal, decide_reset, is_enough, open_offers
from policy.passwords import Rule
from reset import attempts, beginning, buckets, challenges, completion, decoys, stored, unlocking, writing
from reset.beginning import Beginning
from reset.methods import METHODS
from reset.methods.base import Verdict
from reset.models import Challenge, ResetRequest, State
from reset.models.requests import RUNNING
from reset.requests import NotOffered, TooOften, end, event, is_secret_of, new_secret
from reset.snapshot import Snapshot, passed_gates
from reset.standing import still_stands, still_unused
from writeback.models import WritebackJob

END_READABLE = timedelta(minutes=10)


class Step(StrEnum):
    """Where a person should be."""

    IDENTIFY = "identify"
    CHOOSE = "choose"
    DESTINATION = "destination"
    ANSWER = "answer"
    PASSWORD = "password"  # noqa: S105 - a step
    WRITING = "writing"
    END = "end"


class Answered(StrEnum):
    """What came of an answer."""

    RIGHT = "right"
    WRONG = "wrong"
    WAITING = "waiting"
    TOO_LATE = "too_late"
    STOPPED = "stopped"


class UnknownOrganisation(Exception):
    """The typed name's domain belongs to no organisation here."""


def begin(start: Beginning, now: datetime | None = None) -> tuple[ResetRequest, str]:
    """Start a request and return it with the secret for its cookie. Raises UnknownOrganisation or TooOften.

    Whoever can't reset gets a decoy (disclosure *private*) or a request that has ended with the reason (*helpful*).
    """
    now = now or timezone.now()
    found = beginning.find(start.typed, start.tenant)
    if found.tenant is None:
        beginning.count_start(start.visitor, "", now)
        raise UnknownOrganisation
    with tenants.opened(found.tenant):
        browser = start.browser.recognises(found.user)
        account = buckets.account_key(found.tenant.pk, start.typed, found.user)
        is_blocked = beginning.count_start(start.visitor, buckets.failures_subject(account, browser), now)
        known = facts.load([found.user] if found.user else [], found.tenant.imported_methods_count, now)
        policies = rules.load(found.tenant)
        authority = beginning.authority_of(found, now)
        unlock = start.trouble == ResetRequest.Trouble.LOCKED
        decision = decide_reset(
            known.get(found.user.pk) if found.user else None,
            policies,
            rules.tenant_facts(found.tenant),
            authority,
            unlock,
        )
        if is_blocked:
            decision = replace(decision, refusals=(*decision.refusals, Refusal.BLOCKED))
        request = ResetRequest(
            id=new_id(), tenant=found.tenant, account_key=account, browser=browser, typed_name=start.typed[:254]
        )
        beginning.shape(request, decision, found, authority)
        if request.user is None and request.state == State.VERIFYING:
            decoy, request.gates_required = decoys.snapshot(found.tenant.pk, start.typed, policies, now)
            request.snapshot = decoy.as_json()
        return request, beginning.store(request, start, decision, found.user, now)


def resume(request_id: str, secret: str, now: datetime | None = None) -> ResetRequest | None:
    """The request behind a cookie, with tenant, person and challenge, in one statement; None when there is none to see."""
    now = now or timezone.now()
    request = stored.find(request_id)
    if request is None or not is_secret_of(request, secret):
        return None
    if request.ended_at is not None and request.ended_at + END_READABLE <= now:
        return None
    if request.state in RUNNING:
        stored.see_whether_over(request, now)
    return request


def current_step(request: ResetRequest | None) -> Step:
    """Where this person should be. Every page asks, and redirects there when it is another."""
    if request is None:
        return Step.IDENTIFY
    if request.state == State.VERIFIED:
        return Step.PASSWORD
    if request.state == State.WRITING:
        return Step.WRITING
    if request.state != State.VERIFYING:
        return Step.END
    if request.challenge is None:
        return Step.CHOOSE
    return Step.DESTINATION if request.challenge.awaits_destination else Step.ANSWER


def offers_of(request: ResetRequest) -> tuple[Offer, ...]:
    """What may be chosen for the next gate."""
    return open_offers(Snapshot.from_json(request.snapshot).offers, passed_gates(request.passed))


def choose(
    request: ResetRequest, method: str, authenticator_id: int, visitor: Visitor, now: datetime | None = None
) -> None:
    """Open a challenge with an offered method. Raises NotOffered, TooOften or NotSent; a changed account ends the request."""
    now = now or timezone.now()
    chosen = [
        offer for offer in offers_of(request) if (offer.method, offer.authenticator_id) == (method, authenticator_id)
    ]
    if request.state != State.VERIFYING or not chosen:
        raise NotOffered
    if METHODS[chosen[0].method].asks_destination:
        challenges.ask_destination(request, chosen[0], visitor, now)
    else:
        challenges.start(request, chosen[0], visitor, now)


def type_destination(request: ResetRequest, typed: str, visitor: Visitor, now: datetime | None = None) -> None:
    """Compare the typed number (E.164) with the one on file, and send to that. Right or wrong costs and shows the same.

    Raises NotOffered, TooOften or NotSent.
    """
    now = now or timezone.now()
    challenge, offer = _running(request)
    if not challenge.awaits_destination:
        raise NotOffered
    attempts.count_number(request, now)
    is_right = digest_matches(offer.destination, f"authenticator|{request.tenant_id}|mobile_phone", typed)
    challenges.start(request, offer, visitor, now, is_right and not request.is_decoy, typed)


def send_again(request: ResetRequest, visitor: Visitor, now: datetime | None = None) -> None:
    """Send a new code the same way, after the cool-down. The old code dies; failures stay counted.

    Raises NotOffered, TooOften or NotSent.
    """
    now = now or timezone.now()
    challenge, offer = _running(request)
    again_at = challenges.again_at(challenge)
    if again_at is None:
        raise NotOffered
    if now < again_at:
        raise TooOften(again_at)
    challenges.start(request, offer, visitor, now, challenge.is_deliverable)


def _running(request: ResetRequest) -> tuple[Challenge, Offer]:
    """The running challenge and the offer it came from. Raises NotOffered."""
    challenge = request.challenge
    if challenge is None or request.state != State.VERIFYING:
        raise NotOffered
    offer = Snapshot.from_json(request.snapshot).offer_for(Method(challenge.method), challenge.authenticator_id or 0)
    if offer is None:
        raise NotOffered
    return challenge, offer


def choose_another(request: ResetRequest) -> None:
    """Leave the running challenge; its code dies."""
    if ResetRequest.objects.filter(pk=request.pk, state=State.VERIFYING).update(challenge=None) == 1:
        request.challenge = None


def answer(
    request: ResetRequest, answers: list[str], visitor: Visitor, now: datetime | None = None
) -> tuple[Answered, str]:
    """Check an answer. Returns what came of it, and the request's new secret when all gates are passed (else empty).

    Raises TooOften, hashing.Busy or accounts.executors.NoExecutor.

    Counted first, in a transaction of its own; compared in constant time; consumed by a guarded update.
    """
    now = now or timezone.now()
    challenge = request.challenge
    if challenge is None or challenge.awaits_destination or request.state != State.VERIFYING:
        return Answered.STOPPED, ""
    if challenge.expires_at <= now:
        return Answered.TOO_LATE, ""
    method = METHODS[Method(challenge.method)]
    if method.confirmed_elsewhere and challenge.confirmed_at is None:
        return Answered.WAITING, ""
    _count_try(request, visitor, now)
    authenticator = (
        challenges.authenticator_of(request, challenge.authenticator_id, challenge.destination)
        if method.needs_authenticator
        else None
    )
    verdict = method.check(challenge, authenticator, answers, now)
    if not verdict.is_right or request.is_decoy:
        return _miss(request, challenge, visitor, now), ""
    if not method.takes_from(verdict, [Visitor(request.client_address), visitor]):
        return _miss(request, challenge, visitor, now, "issuers_own"), ""
    return _pass_gate(request, challenge, authenticator, verdict, visitor, now)


def _count_try(request: ResetRequest, visitor: Visitor, now: datetime) -> None:
    """Count an attempt, or raise TooOften when it is one too many.

    That ends nothing: an attempt counted before it may be on its way, and right.
    """
    counted = attempts.count(request, visitor, now)
    if counted.count == counted.limit.events + 1:
        record(event(request, Activity.RESET_BLOCKED, visitor, False, "too_many_failures"))
    if counted.is_over:
        raise TooOften(counted.ends_at)
    request.tries_left = counted.limit.events - counted.count  # type: ignore[attr-defined]


def _miss(
    request: ResetRequest, challenge: Challenge, visitor: Visitor, now: datetime, reason: str = "wrong_answer"
) -> Answered:
    """A wrong answer: told, recorded, and after the last one the request is blocked. Questions are drawn anew."""
    record(event(request, Activity.VERIFICATION_FAILED, visitor, False, reason, method=challenge.method))
    if request.tries_left == 0:  # type: ignore[attr-defined]
        end(request, State.BLOCKED, "too_many_failures", visitor, now)
        return Answered.STOPPED
    if challenge.method == Method.QUESTIONS:
        challenges.start(request, _running(request)[1], visitor, now)
    return Answered.WRONG


def _pass_gate(
    request: ResetRequest,
    challenge: Challenge,
    authenticator: Authenticator | None,
    verdict: Verdict,
    visitor: Visitor,
    now: datetime,
) -> tuple[Answered, str]:
    """Consume the challenge and note the gate; after the last one the request is verified and its secret new."""
    passed = [*request.passed, [challenge.kind, challenge.destination]]
    offers = Snapshot.from_json(request.snapshot).offers
    is_last = is_enough({kind for kind, _ in passed_gates(passed)}, request.gates_required, offers)
    if is_last and request.is_unlock and unlocking.is_too_often(request, now):
        end(request, State.FAILED, unlocking.TOO_OFTEN, visitor, now)
        return Answered.STOPPED, ""
    secret = new_secret(request) if is_last else ""
    done = [event(request, Activity.VERIFICATION_COMPLETED, visitor, method=challenge.method)]
    if is_last:
        done.append(event(request, Activity.ALL_VERIFIED, visitor, gates=len(passed)))
    try:
        with transaction.atomic():
            moved = _consume(request, challenge, authenticator, verdict, now) and _note_gate(
                request, challenge, passed, is_last, audit.rows(*done)
            )
            if moved:
                attempts.give_back(request, challenge, visitor, now)
                request.passed = passed
                request.gates_required = _gates_required(request, passed, is_last)
                if is_last and request.is_unlock:
                    moved = unlocking.unlock(request, visitor, now)
            if not moved:
                transaction.set_rollback(True)
    except IntegrityError:  # a gate of this kind or destination was passed a moment ago
        moved = False
    if not moved:
        request.passed = passed[:-1]
        return _explain_miss(request, challenge, visitor, now), ""
    request.challenge = None
    if is_last and not request.is_unlock:
        request.state = State.VERIFIED
    return Answered.RIGHT, secret


def _consume(
    request: ResetRequest, challenge: Challenge, authenticator: Authenticator | None, verdict: Verdict, now: datetime
) -> bool:
    unused = move(Challenge, {"used_at": now}, still_unused(request, challenge, now), id=challenge.pk)
    return unused and METHODS[Method(challenge.method)].consume(authenticator, verdict)


def _note_gate(
    request: ResetRequest, challenge: Challenge, passed: list[list[str]], is_last: bool, told: list[AuditEvent]
) -> bool:
    state = State.VERIFIED if is_last else State.VERIFYING
    changes = {
        "passed": passed,
        "state": state,
        "challenge": None,
        "secret_digest": request.secret_digest,
        "gates_required": _gates_required(request, passed, is_last),
    }
    here = {"id": request.pk, "state": State.VERIFYING, "challenge": challenge.pk, "passed": request.passed}
    return move_and_add([told], ResetRequest, changes, still_stands(request), **here)


def _gates_required(request: ResetRequest, passed: list[list[str]], is_last: bool) -> int:
    """One more than the policy asks for, where the gate just passed is none to stand alone."""
    return max(request.gates_required, len(passed) + (not is_last))


def _explain_miss(request: ResetRequest, challenge: Challenge, visitor: Visitor, now: datetime) -> Answered:
    """A right answer that moved nothing: another click was faster, the code was used elsewhere, or the account changed."""
    here = ResetRequest.objects.filter(pk=request.pk, state=State.VERIFYING, challenge=challenge)
    if not here.exists():
        return Answered.STOPPED
    still_held = Exists(challenges.held(request, challenge.authenticator_id, challenge.destination))
    if here.filter(still_stands(request), still_held).exists():
        return Answered.WRONG
    end(request, State.FAILED, "account_changed", visitor, now)
    return Answered.STOPPED


def submit_password(
    request: ResetRequest, password: str, visitor: Visitor, now: datetime | None = None
) -> tuple[list[Rule], str]:
    """Set the new password, or hand it over to be written into the directory that keeps it.

    Returns the rules it breaks, or none and the request's new secret (empty when it was stopped). Raises NotOffered,
    hashing.Busy or accounts.executors.NoExecutor.

    The hash is made outside the transaction. Sessions, other requests and codes die by the new credentials epoch.
    """
    now = now or timezone.now()
    if request.state != State.VERIFIED or request.user is None or request.is_unlock:
        raise NotOffered
    broken = passwords.validate(password, user=request.user, tenant=request.tenant)
    if broken:
        record(event(request, Activity.PASSWORD_SUBMITTED, visitor, False, "rules", rules=[rule.id for rule in broken]))
        return broken, ""
    secret = new_secret(request)
    if request.user.directory_id is not None:
        is_moved = writing.hand_over(request, password, visitor, now)
    else:
        is_moved = completion.set_password(request, passwords.hash_password(password), visitor, now)
    if not is_moved:
        end(request, State.FAILED, "account_changed", visitor, now)
        return [], ""
    return [], secret


def record_writeback(job: WritebackJob, now: datetime | None = None) -> None:
    """What came of a job in a directory: the end, or (where another password may be accepted) back to choosing one.

    Called inside the transaction that ended the job. A job that no request waits for is none of ours.
    """
    writing.record(job, now or timezone.now())


def cancel(request: ResetRequest, visitor: Visitor, now: datetime | None = None) -> None:
    """The person leaves."""
    end(request, State.CANCELLED, "cancelled", visitor, now or timezone.now())
