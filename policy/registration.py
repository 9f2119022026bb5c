"""What should this person register? Pure functions on plain data, beside `decisions.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accounts.facts import UserFacts
from accounts.methods import KIND_OF, LASTING_METHODS, Kind, Method
from policy.decisions import (
    ADMINISTRATOR_GATES,
    ADMINISTRATOR_METHODS,
    Offer,
    PolicyFacts,
    TenantFacts,
    governing_policy,
    questions_asked_of,
    usable_offers,
)
from policy.signin import NOBODY_IS_ASKED, SignInRuleFacts, decide_sign_in

# Most secure first: what interrupt mode proposes next. Source: Entra's order of combined registration.
SECURITY_ORDER = (
    Method.PASSKEY, Method.APP_NOTIFICATION, Method.APP_CODE, Method.SMS, Method.CALL, Method.OFFICE_CALL, Method.EMAIL,
    Method.RECOVERY_CODE, Method.QUESTIONS,
)  # fmt: skip


@dataclass(frozen=True)
class Registration:
    """Where a person stands: `held` are the kinds that count in a reset, `sign_in_held` those that count at sign-in.

    `for_reset` are the methods a reset takes, none where no policy covers the person; `for_sign_in` those a second proof
    at sign-in takes, none where nobody asks the person for one. `hangs_on_itself`: what counts in a reset can be read
    with the lost password only.
    """

    for_reset: tuple[Method, ...]
    required: int
    held: frozenset[Kind]
    is_enabled: bool
    policy: PolicyFacts | None = None
    for_sign_in: tuple[Method, ...] = ()
    sign_in_held: frozenset[Kind] = frozenset()
    hangs_on_itself: bool = False

    @property
    def allowed(self) -> tuple[Method, ...]:
        """What may be registered: for a reset, and for sign-in alone."""
        only = [method for method in self.for_sign_in if method not in self.for_reset]
        return (*self.for_reset, *only)

    @property
    def missing(self) -> int:
        """How many kinds of method a reset still needs."""
        return max(0, self.required - len(self.held))

    @property
    def sign_in_missing(self) -> bool:
        """Whether sign-in asks for a second proof that the person could not give."""
        return bool(self.for_sign_in) and not self.sign_in_held

    @property
    def is_registered(self) -> bool:
        """Holds as many usable methods as a reset requires, whether or not a policy lets the person reset (Entra)."""
        return bool(self.held) and not self.missing

    @property
    def is_capable(self) -> bool:
        """Registered and enabled: a reset would work."""
        return self.is_registered and self.is_enabled

    @property
    def proposed(self) -> tuple[Method, ...]:
        """What to register next, most secure first: of another kind than everything held.

        While sign-in lacks a method, only what counts there; what a reset needs too comes before what it doesn't.
        """
        if not self.sign_in_missing:
            return _in_order(method for method in self.for_reset if KIND_OF[method] not in self.held)
        both, only = self._serving_both, _in_order(self.for_sign_in)
        return (*both, *(method for method in only if method not in both))

    @property
    def to_register(self) -> int:
        """The fewest methods that satisfy all that is asked for; 0 where nothing more can be registered."""
        left = {KIND_OF[method] for method in self.for_reset} - self.held
        for_reset = min(self.missing, len(left)) if self._asks_for_reset else 0
        return for_reset + (1 if self.sign_in_missing and not self._serving_both else 0)

    @property
    def one_more(self) -> Method | None:
        """The most secure method of a kind not held at all, for whoever wants more than is asked for."""
        held = self.held | self.sign_in_held
        return next((method for method in _in_order(self.allowed) if KIND_OF[method] not in held), None)

    @property
    def _asks_for_reset(self) -> bool:
        return self.is_enabled and (self.policy is None or self.policy.registration_required)

    @property
    def _serving_both(self) -> tuple[Method, ...]:
        """What counts at sign-in and brings a reset nearer too."""
        if not (self.missing and self._asks_for_reset):
            return ()
        return _in_order(
            method for method in self.for_sign_in if method in self.for_reset and KIND_OF[method] not in self.held
        )

    def without(self, kind: Kind) -> "Registration":
        """The same person after losing the last method of a kind."""
        return replace(self, held=self.held - {kind}, sign_in_held=self.sign_in_held - {kind})


def _in_order(methods: Iterable[Method]) -> tuple[Method, ...]:
    return tuple(sorted(methods, key=SECURITY_ORDER.index))


def decide_registration(
    user: UserFacts, policies: Sequence[PolicyFacts], tenant: TenantFacts, rule: SignInRuleFacts = NOBODY_IS_ASKED
) -> Registration:
    """Decide for one person. Administrators have their own fixed set and number, whatever the policies say."""
    policy = governing_policy(user, policies)
    usable = user.is_enabled and not (user.is_protected or user.is_external or user.is_paused)
    if user.is_administrator:
        allowed: tuple[Method, ...] = ADMINISTRATOR_METHODS if tenant.administrators_may_reset else ()
        required, is_enabled = ADMINISTRATOR_GATES, usable and tenant.administrators_may_reset
    else:
        allowed = policy.methods if policy else ()
        required, is_enabled = policy.methods_required if policy else 1, usable and policy is not None
    allowed = tuple(method for method in allowed if method in LASTING_METHODS)
    counted = usable_offers(user.authenticators, allowed or LASTING_METHODS, questions_asked_of(policy))
    sign_in = decide_sign_in(user, rule)
    return Registration(
        allowed,
        required,
        frozenset(offer.kind for offer in counted),
        is_enabled,
        policy,
        rule.methods if sign_in.is_covered else (),
        frozenset(offer.kind for offer in sign_in.offers),
        hangs_on_itself(user, counted),
    )


def hangs_on_itself(user: UserFacts, offers: Iterable[Offer]) -> bool:
    """Whether all that a reset could use are mailboxes of the organisation: they need the very password that is lost."""
    own = {row.id for row in user.authenticators if row.in_own_domain}
    used = [offer.authenticator_id for offer in offers]
    return bool(used) and own.issuperset(used)


def is_due_again(confirmed_at: datetime | None, reconfirm_days: int, now: datetime) -> bool:
    """Whether the methods are to be looked at again. 0 days: never. Source: Entra's reconfirmation."""
    if not reconfirm_days:
        return False
    return confirmed_at is None or confirmed_at + timedelta(days=reconfirm_days) <= now


def may_skip(policy: PolicyFacts | None, asked_since: datetime | None, now: datetime) -> bool:
    """Whether registering may be put off once more: the policy allows it, and its days are not over."""
    if policy is None or not policy.registration_skippable:
        return policy is None
    days = policy.registration_skip_days
    return not days or asked_since is None or now < asked_since + timedelta(days=days)
