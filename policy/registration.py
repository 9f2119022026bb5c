"""What should this person register? Pure functions on plain data, beside `decisions.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.facts import UserFacts
from accounts.methods import KIND_OF, LASTING_METHODS, Kind, Method
from policy.decisions import (
    ADMINISTRATOR_GATES,
    ADMINISTRATOR_METHODS,
    PolicyFacts,
    TenantFacts,
    governing_policy,
    questions_asked_of,
    usable_offers,
)

# Most secure first: what interrupt mode proposes next. Source: Entra's order of combined registration.
SECURITY_ORDER = (
    Method.PASSKEY, Method.APP_CODE, Method.SMS, Method.CALL, Method.OFFICE_CALL, Method.EMAIL, Method.RECOVERY_CODE,
    Method.QUESTIONS,
)  # fmt: skip


@dataclass(frozen=True)
class Registration:
    """Where a person stands. `allowed`: what may be registered; nothing where no policy covers the person."""

    allowed: tuple[Method, ...]
    required: int
    held: frozenset[Kind]
    is_enabled: bool
    policy: PolicyFacts | None = None

    @property
    def missing(self) -> int:
        """How many kinds of method are still to be registered."""
        return max(0, self.required - len(self.held))

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
        """What to register next, most secure first: of another kind than everything held."""
        return tuple(method for method in SECURITY_ORDER if method in self.allowed and KIND_OF[method] not in self.held)

    def without(self, kind: Kind) -> "Registration":
        """The same person after losing the last method of a kind."""
        return Registration(self.allowed, self.required, self.held - {kind}, self.is_enabled, self.policy)


def decide_registration(user: UserFacts, policies: Sequence[PolicyFacts], tenant: TenantFacts) -> Registration:
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
    return Registration(allowed, required, frozenset(offer.kind for offer in counted), is_enabled, policy)


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
