"""What a person's phone is asked, and what it answers.

    pending ──▶ answer: the number typed in ──▶ counted, compared, noted (`confirming.py`); the browser goes on by itself
           └──▶ refuse: *it's not me* ──▶ the reset is blocked (a proof, before a change or at sign-in: all sessions end),
                                          owner and administrators are told

The number is never sent here: without looking at the page nobody can approve.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts import audit, tenants
from accounts.audit import Activity
from accounts.executors import NoExecutor
from accounts.methods import Method
from accounts.models import Authenticator, User
from accounts.models.users import new_epoch
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import Draft, enqueue
from policy import throttle
from policy.throttle import Use
from reset import administrators, confirming
from reset.addresses import addresses_of
from reset.confirming import Keyed, Waiting
from reset.models import Challenge, OwnChallenge, State
from reset.own_challenges import Purpose
from reset.requests import end

NOT_ME = "not_me"
# What somebody proves who they are for, whose password was right.
PROOFS = (Purpose.PROVE, Purpose.SIGN_IN)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prompt:
    """What the phone shows. `what` is the trouble a reset is for, or the purpose of another proof."""

    challenge: Waiting

    @property
    def what(self) -> str:
        if isinstance(self.challenge, OwnChallenge):
            return self.challenge.purpose
        return self.challenge.request.trouble

    @property
    def name(self) -> str:
        """As it was typed."""
        if isinstance(self.challenge, OwnChallenge):
            return self.challenge.user.principal_name
        return self.challenge.request.typed_name

    @property
    def browser(self) -> Visitor:
        return confirming.browser_of(self.challenge)

    @property
    def asked_at(self) -> datetime:
        asked = self.challenge.sent_at
        assert asked is not None
        return asked


def pending(phone: Authenticator, now: datetime) -> list[Prompt]:
    """What waits for an answer of this phone's person, oldest first."""
    user = phone.user
    running = {
        "method": Method.APP_NOTIFICATION,
        "used_at": None,
        "confirmed_at": None,
        "sent_at__isnull": False,
        "expires_at__gt": now,
    }
    of_resets = Challenge.objects.filter(
        **running,
        request__user=user,
        request__challenge=F("pk"),
        request__state=State.VERIFYING,
        request__epoch=user.credentials_epoch,
    )
    own = OwnChallenge.objects.filter(**running, user=user, purpose__in=PROOFS, epoch=user.credentials_epoch)
    found: list[Waiting] = [*of_resets.select_related("request"), *own.select_related("user")]
    return [Prompt(challenge) for challenge in _with_tries_left(sorted(found, key=lambda each: each.pk), now)]


def _with_tries_left(challenges: Sequence[Waiting], now: datetime) -> list[Waiting]:
    states = throttle.look(*(_tries_of(each, 0) for each in challenges), now=now)
    return [each for each, state in zip(challenges, states, strict=True) if not state.is_used_up]


def _tries_of(challenge: Waiting, amount: int = 1) -> Use:
    return Use(throttle.NUMBERS_OF_PROMPT, str(challenge.pk), amount)


def answer(phone: Authenticator, challenge_id: UUID, number: str, now: datetime) -> Keyed:
    """Take a number that was typed into the phone: counted, then compared. The third wrong one ends the prompt.

    The page goes on waiting then, as a stranger's would.
    """
    challenge = _asked_of(phone, challenge_id, now)
    if challenge is None:
        return Keyed.OVER
    tries = throttle.count(_tries_of(challenge), now=now)[0]
    if tries.is_over:
        return Keyed.OVER
    keyed = confirming.answer(challenge, number, now, by=phone)
    return Keyed.OVER if keyed == Keyed.WRONG and tries.is_used_up else keyed


def _asked_of(phone: Authenticator, challenge_id: UUID, now: datetime) -> Waiting | None:
    """The waiting challenge, if it is this phone's person who is asked."""
    challenge = confirming.find(challenge_id, (Method.APP_NOTIFICATION,), now)
    if challenge is None:
        return None
    if isinstance(challenge, OwnChallenge):
        is_asked = challenge.user_id == phone.user_id and challenge.purpose in PROOFS
    else:
        is_asked = challenge.request.user_id == phone.user_id
    return challenge if is_asked else None


def refuse(phone: Authenticator, challenge_id: UUID, now: datetime) -> bool:
    """*No, it's not me.* False: it was over already."""
    challenge = _asked_of(phone, challenge_id, now)
    if challenge is None or not _stop(challenge, now):
        return False
    audit.record(confirming.event_of(challenge, Activity.PROMPT_REFUSED, NOT_ME))
    try:
        enqueue(_alerts(phone.user, challenge, now), now)
    except NoExecutor:
        logger.error("Nobody could be told that a request was refused on a phone: no worker is running")
    return True


def _stop(challenge: Waiting, now: datetime) -> bool:
    """A reset is blocked. Who asks for another proof knows the password, and is not this person: every session ends."""
    if isinstance(challenge, Challenge):
        return end(challenge.request, State.BLOCKED, NOT_ME, confirming.browser_of(challenge), now)
    epoch = challenge.user.credentials_epoch
    same = User.objects.filter(pk=challenge.user_id, credentials_epoch=epoch)
    unused = OwnChallenge.objects.filter(pk=challenge.pk, used_at=None, epoch=epoch)
    with transaction.atomic():
        # The person first, then what is theirs: in the order of a sign-in.
        stopped: bool = same.update(credentials_epoch=new_epoch()) == 1 and unused.update(used_at=now) == 1
        if not stopped:
            transaction.set_rollback(True)
    return stopped


def _alerts(user: User, challenge: Waiting, now: datetime) -> list[Draft]:
    tenant = user.tenant
    assert tenant is not None
    browser = confirming.browser_of(challenge)

    def draft(recipient: str, language: str, reader_is_owner: bool, user_id: int) -> Draft:
        return messages.prompt_was_refused(
            reader_is_owner=reader_is_owner,
            was_signed_in=isinstance(challenge, OwnChallenge),
            tenant_id=tenant.pk,
            language=language or tenant.language,
            recipient=recipient,
            principal_name=user.principal_name,
            at=now,
            address=browser.address,
            client=browser.client,
            correlation_id=challenge.pk if isinstance(challenge, OwnChallenge) else challenge.request_id,
            user_id=user_id,
        )

    with tenants.opened(tenant):
        others = [other for other in administrators.who_hears_alarms(tenant) if other.pk != user.pk]
        return [
            *(draft(address, user.language, True, user.pk) for address in addresses_of(user)),
            *(draft(administrators.address_of(other), other.language, False, other.pk) for other in others),
        ]
