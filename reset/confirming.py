"""What is confirmed elsewhere: by keys pressed in a call, or on a phone. The browser shows digits and waits.

    the page shows two digits ── they are keyed in elsewhere ──▶ answer: counted, compared, noted on the challenge
    the page asks again ──▶ `flow.answer`, or `own_challenges.check`, takes what was noted

Nothing here passes a gate: whoever confirms doesn't hold the browser's secret, and the browser can't confirm.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from uuid import UUID

from django.db import transaction

from accounts import audit, tenants
from accounts.audit import Activity, Event
from accounts.methods import Method
from accounts.models import Authenticator
from accounts.visitor import Visitor
from policy import throttle
from policy.throttle import Use
from reset import buckets, own_challenges
from reset.models import Challenge, OwnChallenge, State
from reset.own_challenges import FAILED
from reset.requests import end, event

Waiting = Challenge | OwnChallenge


class Keyed(StrEnum):
    """What became of the digits that were keyed in."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"


def find(challenge_id: UUID, methods: Collection[Method], now: datetime) -> Waiting | None:
    """A challenge of one of these methods while somebody waits for it: unused, unconfirmed, in time, current."""
    running = {"pk": challenge_id, "method__in": methods, "used_at": None, "confirmed_at": None, "expires_at__gt": now}
    with tenants.all_opened():
        of_reset: Waiting | None = (
            Challenge.objects.filter(
                **running, request__challenge=challenge_id, request__state=State.VERIFYING, is_deliverable=True
            )
            .select_related("request__tenant", "request__user")
            .first()
        )
        return of_reset or OwnChallenge.objects.filter(**running).select_related("user__tenant").first()


def answer(challenge: Waiting, typed: str, now: datetime, by: Authenticator | None = None) -> Keyed:
    """Count an attempt, compare the digits with those that the page shows, and note it where they are right.

    `by` is the one of several authenticators that answers: from then on it is the one that the gate is passed with.

    The attempt counts against the account alone: where a call or a phone reaches us from tells nothing of a person.
    """
    with tenants.all_opened():
        states = throttle.count(*_attempts(challenge), now=now)
        if any(counted.is_over for counted in states):
            return Keyed.OVER
        if not compare_digest(typed.encode(), challenge.shown.encode()):
            return _miss(challenge, is_last=any(counted.is_used_up for counted in states), now=now)
        return _confirm(challenge, by, now)


def _attempts(challenge: Waiting, amount: int = 1) -> list[Use]:
    if isinstance(challenge, OwnChallenge):
        return own_challenges.attempts_at(challenge, amount)
    return [Use(throttle.FAILURES_OF_ACCOUNT, buckets.of_request(challenge.request), amount)]


def _miss(challenge: Waiting, is_last: bool, now: datetime) -> Keyed:
    """Wrong digits are recorded as a wrong answer is; after the last attempt a reset is blocked."""
    failed = FAILED[challenge.purpose] if isinstance(challenge, OwnChallenge) else Activity.VERIFICATION_FAILED
    audit.record(event_of(challenge, failed, reason="wrong_digits"))
    if is_last and isinstance(challenge, Challenge):
        end(challenge.request, State.BLOCKED, "too_many_failures", browser_of(challenge), now)
    return Keyed.OVER if is_last else Keyed.WRONG


def _confirm(challenge: Waiting, by: Authenticator | None, now: datetime) -> Keyed:
    answerer = {"authenticator_id": by.pk, "destination": by.digest} if by is not None else {}
    waiting = type(challenge).objects.filter(pk=challenge.pk, used_at=None, confirmed_at=None, expires_at__gt=now)
    with transaction.atomic():
        # The digits that were compared, and not others that the page shows by now.
        if waiting.filter(shown=challenge.shown).update(confirmed_at=now, **answerer) != 1:
            return Keyed.OVER
        throttle.count(*_attempts(challenge, -1), now=now)
        audit.record(event_of(challenge, Activity.CONFIRMED_ELSEWHERE))
    return Keyed.RIGHT


def event_of(challenge: Waiting, activity: str, reason: str = "") -> Event:
    """An audit event of the journey that waits."""
    if isinstance(challenge, OwnChallenge):
        return own_challenges.event(challenge.user, activity, browser_of(challenge), challenge, reason)
    return event(challenge.request, activity, browser_of(challenge), not reason, reason, method=challenge.method)


def browser_of(challenge: Waiting) -> Visitor:
    """Who asked, as far as it is known: the browser that waits."""
    if isinstance(challenge, OwnChallenge):
        return Visitor(challenge.client_address, challenge.user_agent)
    return Visitor(challenge.request.client_address, challenge.request.user_agent)
