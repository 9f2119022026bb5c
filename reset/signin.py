"""Signing in with a user name and a password, where the tenant's rule asks for it a second proof, and entering the console.

    attempt ──right──▶ signed in
       │         └───▶ a second proof is due: a mark, no session of a user ──proving.answer──▶ signed in
       └── a directory checks it: a job ──settle──▶ the same

Unknown and disabled people, and those without a password, run the same statements and one hash, and get the same answer
as a wrong password. Under a directory's domain every name becomes a job, whoever has it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit, facts, tenants, totp
from accounts.audit import Activity, Event
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Tenant, User
from accounts.visitor import Visitor
from policy import lockout, rules, throttle
from policy.signin import NOBODY_IS_ASKED, SignInDecision, decide_sign_in
from policy.throttle import Limit, Use
from reset import asking
from reset.asking import Answer, Waiting
from reset.claimed import Claimed, find
from reset.password_proof import Failure, Proof, account_key_of, compare

MARK_LIFETIME = timedelta(minutes=10)
NOTHING_MORE = SignInDecision(False)
APP_CODES_OF_ACCOUNT = Limit("app codes typed by one signed-in account", 5, timedelta(minutes=10))


@dataclass(frozen=True)
class Outcome:
    """How a sign-in ended: with a user, or with the reason a page may tell (and, for a lock, until when).

    With a user, `then` says what the tenant's rule asks for before anything else; with `password_is_due` the directory
    wants a new password first. `waiting`: the directory is being asked. `home_url`: these people sign in elsewhere.
    """

    user: User | None = None
    then: SignInDecision = NOTHING_MORE
    failure: Failure | None = None
    locked_until: datetime | None = None
    waiting: Waiting | None = None
    home_url: str = ""
    password_is_due: bool = False


@dataclass(frozen=True)
class Mark:
    """The password was right a moment ago. It signs nobody in: it lets one browser give the second proof, for ten minutes.

    `slug` is the tenant whose address the sign-in began at, empty at the common one.
    """

    user_id: int
    epoch: str
    at: datetime
    slug: str = ""

    def as_json(self) -> list[Any]:
        return [self.user_id, self.epoch, self.at.isoformat(), self.slug]

    @classmethod
    def from_json(cls, kept: Any) -> "Mark | None":
        """What a session keeps; None where it keeps none."""
        return cls(kept[0], kept[1], datetime.fromisoformat(kept[2]), kept[3]) if kept else None

    def find_user(self, now: datetime) -> User | None:
        """The person, while the mark holds and the account is as it was."""
        if not self.at <= now < self.at + MARK_LIFETIME:
            return None
        with tenants.all_opened():
            same = User.objects.select_related("tenant").filter(
                pk=self.user_id, credentials_epoch=self.epoch, is_enabled=True, tenant__is_active=True
            )
            user: User | None = same.first()
        return user


def attempt(
    typed: str, password: str, *, tenant: Tenant | None, visitor: Visitor, now: datetime | None = None
) -> Outcome:
    """Check a user name and a password. `tenant` is the one whose address the visitor is at, None at the common one."""
    now = now or timezone.now()
    from_address = Use(throttle.SIGN_INS_FROM_ADDRESS, visitor.network)
    if throttle.count(from_address, now=now)[0].is_over:
        return Outcome(failure=Failure.ADDRESS)
    claimed = find(typed, tenant)
    if claimed.home_url:
        return Outcome(home_url=claimed.home_url)
    proof = compare(claimed.account_key, password, claimed.encoded, now)
    if claimed.directory_id and proof.failure in (None, Failure.WRONG):
        return _ask_directory(claimed, proof, password, visitor, now)
    return _conclude(claimed, proof, password, visitor, now)


def _ask_directory(claimed: Claimed, proof: Proof, password: str, visitor: Visitor, now: datetime) -> Outcome:
    """A job for every name under the domain. Who keeps a password here all the same gets in while the directory is away."""
    is_right_here = proof.failure is None
    waiting = asking.begin(claimed, password, is_right_here, now)
    if waiting is not None:
        return Outcome(waiting=waiting)
    if is_right_here:
        return _conclude(claimed, proof, password, visitor, now)
    with tenants.opened_or_all(claimed.tenant):
        _record(claimed, visitor, Activity.SIGN_IN_FAILED, "directory_unreachable")
    return Outcome(failure=Failure.DIRECTORY)


def settle(waiting: Waiting, visitor: Visitor, now: datetime | None = None) -> Outcome | None:
    """What the directory said; None while it hasn't, or while its answer is held back to a step of time."""
    now = now or timezone.now()
    answer = asking.answer_to(waiting, now)
    if answer is None:
        return None
    tenant = Tenant.objects.filter(pk=waiting.tenant_id).first()
    user = Mark(waiting.user_id, waiting.epoch, waiting.at).find_user(now)
    claimed = Claimed(waiting.typed, tenant, user, was_obstacle=waiting.obstacle)
    counted = Proof(lockout.Try(waiting.account_key))
    if answer == Answer.AWAY and not waiting.is_right_here:
        with tenants.opened_or_all(tenant):
            _record(claimed, visitor, Activity.SIGN_IN_FAILED, "directory_unreachable")
        return Outcome(failure=Failure.DIRECTORY)
    is_right = user is not None and (waiting.is_right_here or answer in (Answer.RIGHT, Answer.DUE))
    proof = counted if is_right else replace(counted, failure=Failure.WRONG)
    gives_back = is_right and asking.use_up(waiting)
    if is_right and answer == Answer.DUE and not waiting.is_right_here:
        return _password_is_due(claimed, waiting, visitor, now, gives_back)
    return _conclude(claimed, proof, "", visitor, now, gives_back)


def _password_is_due(claimed: Claimed, waiting: Waiting, visitor: Visitor, now: datetime, gives_back: bool) -> Outcome:
    """The password was right, and opens nothing before it is changed: nobody is signed in yet."""
    with tenants.opened_or_all(claimed.tenant), transaction.atomic():
        lockout.clear(waiting.account_key)
        _record(claimed, visitor, Activity.PASSWORD_IS_DUE)
        if gives_back:
            _give_back(visitor, now)
    return Outcome(claimed.user, password_is_due=True)


def let_in(user: User, visitor: Visitor, now: datetime) -> Outcome:
    """After a password that was due was changed: in, or on to the second proof."""
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        then = what_then(user, now)
        if not then.asks_for_proof:
            note_sign_in(user, now)
        claimed = Claimed(user.principal_name, user.tenant, user)
        _record(claimed, visitor, Activity.SECOND_PROOF_ASKED if then.asks_for_proof else Activity.SIGNED_IN)
    return Outcome(user, then)


def _conclude(
    claimed: Claimed, proof: Proof, password: str, visitor: Visitor, now: datetime, gives_back: bool = True
) -> Outcome:
    """The password was compared: in, on to the second proof, or not. `password` is empty where it is not known any more.

    `gives_back`: a right one is not counted against its address.
    """
    with tenants.opened_or_all(claimed.tenant), transaction.atomic():
        if proof.failure is None and claimed.user:
            then = what_then(claimed.user, now)
            if then.asks_for_proof or note_sign_in(claimed.user, now):
                lockout.clear(proof.counted.account_key)
                _record(claimed, visitor, Activity.SECOND_PROOF_ASKED if then.asks_for_proof else Activity.SIGNED_IN)
                if gives_back:
                    _give_back(visitor, now)
                return Outcome(claimed.user, then)
        return _failed(claimed, proof, password, visitor)


def _give_back(visitor: Visitor, now: datetime) -> None:
    throttle.count(Use(throttle.SIGN_INS_FROM_ADDRESS, visitor.network, amount=-1), now=now)


def what_then(user: User, now: datetime) -> SignInDecision:
    """What the tenant's rule asks for now. Asked only after a right password: strangers neither see nor time a difference."""
    rule = rules.sign_in_rule(user.tenant) if user.tenant else NOBODY_IS_ASKED
    if user.tenant is None or rule.asks_nobody:
        return NOTHING_MORE
    return decide_sign_in(facts.load([user], user.tenant.imported_methods_count, now)[user.pk], rule)


def note_sign_in(user: User, now: datetime) -> bool:
    """Note the time. False: the account is not as it was when its password was compared."""
    same = User.objects.filter(pk=user.pk, is_enabled=True, credentials_epoch=user.credentials_epoch)
    touched: int = same.update(last_login=now)
    return touched == 1


def _failed(claimed: Claimed, proof: Proof, password: str, visitor: Visitor) -> Outcome:
    """Note a failure. A right password whose account changed meanwhile fails as a wrong one does, but is not noted."""
    if proof.failure == Failure.WRONG and password:
        lockout.remember_wrong(proof.counted, password)
    failure = proof.failure or Failure.WRONG
    reasons = {Failure.LOCKED: "locked", Failure.BUSY: "busy", None: "account_changed"}
    reason = reasons.get(proof.failure) or claimed.obstacle or "wrong_password"
    _record(claimed, visitor, Activity.SIGN_IN_FAILED, reason)
    return Outcome(failure=failure, locked_until=proof.counted.locked_until)


def _record(claimed: Claimed, visitor: Visitor, activity: str, reason: str = "") -> None:
    audit.record(
        Event(
            activity,
            claimed.tenant.pk if claimed.tenant else None,
            succeeded=not reason,
            reason=reason,
            actor=claimed.user if activity == Activity.SIGNED_IN else None,
            target=claimed.user,
            target_name=claimed.typed.strip(),
            visitor=visitor,
        )
    )


def record_sign_out(user: User, visitor: Visitor) -> None:
    with tenants.opened_or_all(user.tenant):
        audit.record(Event(Activity.SIGNED_OUT, user.tenant_id, actor=user, target=user, visitor=visitor))


class CodeResult(StrEnum):
    """What became of an app code."""

    RIGHT = "right"
    WRONG = "wrong"
    THROTTLED = "throttled"


def apps_of(user: User) -> list[Authenticator]:
    """The authenticator apps that a person has confirmed."""
    with tenants.opened_or_all(user.tenant):
        apps = Authenticator.objects.filter(user=user, type=AuthenticatorType.APP, confirmed_at__isnull=False)
        return [app for app in apps.order_by("pk") if app.is_readable]


def enter_console(user: User, code: str, visitor: Visitor, now: datetime | None = None) -> CodeResult:
    """Check an app code of somebody signed in. Counted before it is compared; each code works once for all purposes."""
    now = now or timezone.now()
    counted = Use(APP_CODES_OF_ACCOUNT, account_key_of(user))
    if throttle.count(counted, now=now)[0].is_over:
        result = CodeResult.THROTTLED
    else:
        right = any(_is_right(app, code, now) for app in apps_of(user))
        result = CodeResult.RIGHT if right else CodeResult.WRONG
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        if result == CodeResult.RIGHT:
            throttle.clear([counted])
        audit.record(_console_event(user, result, visitor))
    return result


def _is_right(app: Authenticator, code: str, now: datetime) -> bool:
    step = totp.find_step(app.secret_value, code, now)
    with tenants.opened_or_all(app.tenant):
        return step is not None and totp.consume(app, step, now)


def _console_event(user: User, result: CodeResult, visitor: Visitor) -> Event:
    right = result == CodeResult.RIGHT
    return Event(
        Activity.SIGNED_IN if right else Activity.SIGN_IN_FAILED,
        user.tenant_id,
        succeeded=right,
        reason="" if right else f"app_code_{result}",
        actor=user,
        target=user,
        visitor=visitor,
        details={"for": "console"},
    )
