"""A proof of somebody whose password was right: at sign-in, and fresh before they change how they prove who they are.

    is_fresh? ──no──▶ ways → begin → answer ──right──▶ fresh for ten minutes

Before a change, who holds no method yet proves it with the password. Source: Entra asks for a proof no older than ten
minutes. At sign-in not every method counts, and a right answer is what signs the person in.
"""

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit, facts, totp
from accounts.audit import Activity
from accounts.methods import LASTING_METHODS, Method
from accounts.models import Authenticator, User
from accounts.visitor import Visitor
from policy import lockout, rules
from policy.decisions import governing_policy, questions_asked_of, usable_offers
from policy.signin import SIGN_IN_METHODS
from reset import own_challenges, signin
from reset.methods import METHODS
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.password_change import is_possible
from reset.password_proof import Proof, account_key_of, compare
from reset.requests import NotOffered

FRESH_FOR = timedelta(minutes=10)
COUNTING: dict[str, tuple[Method, ...]] = {Purpose.PROVE: LASTING_METHODS, Purpose.SIGN_IN: SIGN_IN_METHODS}
GIVEN: dict[str, str] = {Purpose.PROVE: Activity.PROOF_GIVEN, Purpose.SIGN_IN: Activity.SIGNED_IN}


def is_fresh(proved_at: str, epoch: str, user: User, now: datetime) -> bool:
    """Whether what a session remembers (an ISO time and the epoch it was proved under) is a proof still."""
    try:
        moment = datetime.fromisoformat(proved_at)
    except ValueError:
        return False
    return epoch == user.credentials_epoch and moment.tzinfo is not None and moment <= now < moment + FRESH_FOR


def ways(
    user: User, imported_counts: bool, now: datetime, purpose: str = Purpose.PROVE
) -> list[tuple[Method, Authenticator]]:
    """The methods already held that count, with what they would use. Before a change, none: the password proves it.

    Never a temporary access pass: that is staff's word, for a reset only.
    """
    return _ways(user, imported_counts, now, purpose)[0]


def _ways(
    user: User, imported_counts: bool, now: datetime, purpose: str
) -> tuple[list[tuple[Method, Authenticator]], int]:
    """The methods held, and how many questions are asked."""
    known = facts.load([user], imported_counts, now)[user.pk]
    asked = questions_asked_of(governing_policy(known, rules.load(user.tenant) if user.tenant else ()))
    offers = usable_offers(known.authenticators, COUNTING[purpose], asked)
    rows = Authenticator.objects.in_bulk([offer.authenticator_id for offer in offers])
    return [(offer.method, rows[offer.authenticator_id]) for offer in offers], asked


def begin(
    user: User,
    method: str,
    authenticator_id: int,
    imported_counts: bool,
    language: str,
    visitor: Visitor,
    now: datetime,
    purpose: str = Purpose.PROVE,
) -> OwnChallenge:
    """Ask for a proof with a method held. Raises NotOffered, TooOften or accounts.executors.NoExecutor."""
    found, asked = _ways(user, imported_counts, now, purpose)
    for held, row in found:
        if (held, row.pk) == (method, authenticator_id):
            challenge = own_challenges.new(
                user,
                purpose,
                held,
                now,
                type=row.type,
                authenticator_id=row.pk,
                destination=row.digest,
                language=language,
                client_address=visitor.address,
                user_agent=visitor.user_agent[:300],
            )
            own_challenges.start(challenge, row, visitor, now, asked)
            return challenge
    raise NotOffered


def authenticator_of(challenge: OwnChallenge) -> Authenticator | None:
    """What is being proved with, while it is still theirs and has the value it had then."""
    found: Authenticator | None = Authenticator.objects.filter(
        pk=challenge.authenticator_id or 0, user=challenge.user, digest=challenge.destination
    ).first()
    return found if found and found.is_readable else None


def send_again(challenge: OwnChallenge, visitor: Visitor, now: datetime) -> None:
    """Raises NotOffered, TooOften or accounts.executors.NoExecutor."""
    row = authenticator_of(challenge)
    if row is None:
        raise NotOffered
    own_challenges.send_again(challenge, row, visitor, now)


def answer(challenge: OwnChallenge, answers: list[str], visitor: Visitor, now: datetime) -> Checked:
    """Check an answer and use it up. Raises NotOffered, TooOften or policy.hashing.Busy."""
    row = authenticator_of(challenge)
    checked, verdict = own_challenges.check(challenge, row, answers, visitor, now)
    if verdict is None:
        return checked
    with transaction.atomic():
        # The person first, then what is theirs: in the order of whoever registers, removes or deletes.
        held = _leads_on(challenge, now) and authenticator_of(challenge) is not None
        taken = (
            held and own_challenges.use_up(challenge, now) and METHODS[Method(challenge.method)].consume(row, verdict)
        )
        if not taken:
            transaction.set_rollback(True)
            return Checked.WRONG
        audit.record(own_challenges.event(challenge.user, GIVEN[challenge.purpose], visitor, challenge))
    return Checked.RIGHT


def _leads_on(challenge: OwnChallenge, now: datetime) -> bool:
    """Whether the account may still be signed in to, where that is what the proof is for."""
    return challenge.purpose != Purpose.SIGN_IN or signin.note_sign_in(challenge.user, now)


def clock_skew(challenge: OwnChallenge, code: str, now: datetime) -> int:
    """By how many minutes the app's phone is ahead, or behind (below zero); 0 where a wrong code tells nothing.

    Of a phone that is ahead it would tell that the code will be right soon: it is burnt, so that no guess gains by it.
    """
    row = authenticator_of(challenge) if challenge.method == Method.APP_CODE else None
    skew = totp.find_skew(row.secret_value, code, now) if row else None
    if not row or not skew:
        return 0
    if skew > 0:
        totp.burn(row, totp.step_at(now) + skew)
    return totp.minutes_of(skew)


def by_password(user: User, password: str, visitor: Visitor, now: datetime) -> Proof:
    """Prove it with the password, under the sign-in's lockout: for people who hold no method yet."""
    proof = compare(account_key_of(user), password, user.password if is_possible(user) else "", now)
    with transaction.atomic():
        if proof.failure is None:
            lockout.clear(proof.counted.account_key)
        elif proof.failure == "wrong":
            lockout.remember_wrong(proof.counted, password)
        activity = Activity.PROOF_FAILED if proof.failure else Activity.PROOF_GIVEN
        reason = f"password_{proof.failure}" if proof.failure else ""
        audit.record(own_challenges.event(user, activity, visitor, reason=reason, method="password"))
    return proof
