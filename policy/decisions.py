"""May this person reset, and how? Pure functions on plain data: no clock, no database, no request.

The wizard, decoys, `explain_user` and the console all ask here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from accounts.facts import AuthenticatorFacts, UserFacts
from accounts.methods import KIND_OF, QUESTIONS_ASKED, QUESTIONS_REGISTERED, Kind, Method

ADMINISTRATOR_METHODS = (
    Method.EMAIL,
    Method.SMS,
    Method.CALL,
    Method.OFFICE_CALL,
    Method.APP_NOTIFICATION,
    Method.APP_CODE,
)
# One offer however many are held: which passkey or phone answers is for the device to say, or for whoever holds it.
OFFERED_ONCE = (Method.PASSKEY, Method.APP_NOTIFICATION)
ADMINISTRATOR_GATES = 2


class Refusal(StrEnum):
    """Why somebody can't reset. In `helpful` disclosure the page says so, with Entra's code where there is one."""

    UNKNOWN = "unknown"
    DISABLED = "disabled"
    PROTECTED = "protected"
    EXTERNAL = "external"
    PAUSED = "paused"
    ADMINISTRATORS_MAY_NOT = "administrators_may_not"
    NO_POLICY = "no_policy"
    OUT_OF_SCOPE = "out_of_scope"
    TOO_FEW_METHODS = "too_few_methods"
    UNLOCK_NOT_ALLOWED = "unlock_not_allowed"
    DIRECTORY_NOT_CONNECTED = "directory_not_connected"
    DIRECTORY_UNREACHABLE = "directory_unreachable"
    CANNOT_CHANGE_PASSWORD = "cannot_change_password"  # noqa: S105 - a reason
    BLOCKED = "blocked"


ENTRA_CODES: dict[Refusal, str] = {
    Refusal.ADMINISTRATORS_MAY_NOT: "SSPR_0009",
    Refusal.DIRECTORY_NOT_CONNECTED: "SSPR_0010",
    Refusal.DIRECTORY_UNREACHABLE: "SSPR_0030",
    Refusal.NO_POLICY: "SSPR_0011",
    Refusal.OUT_OF_SCOPE: "SSPR_0013",
    Refusal.TOO_FEW_METHODS: "SSPR_0014",
}


@dataclass(frozen=True)
class PolicyFacts:
    """A reset policy as decisions see it."""

    id: int
    name: str
    audience: str
    group_ids: frozenset[int]
    methods: tuple[Method, ...]
    methods_required: int
    unlock_without_reset: bool
    notify_users: bool
    notify_administrators: bool
    registration_required: bool = True
    registration_skippable: bool = True
    registration_skip_days: int = 14
    reconfirm_days: int = 180
    questions_registered: int = QUESTIONS_REGISTERED
    questions_asked: int = QUESTIONS_ASKED


@dataclass(frozen=True)
class TenantFacts:
    """What holds for a whole tenant."""

    id: int
    administrators_may_reset: bool


@dataclass(frozen=True)
class Authority:
    """Who keeps the password of a name, and whether it can be written there now.

    `is_domains_writable` holds for every name under the domain, known or not. `is_connected`: writeback is set up and on.
    """

    external_name: str = ""
    external_url: str = ""
    is_directory: bool = False
    is_writable: bool = True
    is_domains_writable: bool = True
    is_connected: bool = True

    @property
    def refusal(self) -> Refusal:
        """Why nothing can be written, where nothing can."""
        return Refusal.DIRECTORY_UNREACHABLE if self.is_connected else Refusal.DIRECTORY_NOT_CONNECTED


@dataclass(frozen=True)
class Offer:
    """A method with the authenticator it would use. `stands_alone`: a pass that needs no second proof beside it."""

    method: Method
    authenticator_id: int
    mask: str
    destination: str
    stands_alone: bool = False

    @property
    def kind(self) -> Kind:
        return KIND_OF[self.method]


@dataclass(frozen=True)
class Decision:
    """The answer: allowed with these offers and so many gates, or refused for these reasons (all of them, first first)."""

    refusals: tuple[Refusal, ...]
    gates_required: int = 0
    offers: tuple[Offer, ...] = ()
    policy: PolicyFacts | None = None
    as_administrator: bool = False

    @property
    def is_allowed(self) -> bool:
        return not self.refusals


def decide_reset(
    user: UserFacts | None,
    policies: Sequence[PolicyFacts],
    tenant: TenantFacts,
    authority: Authority,
    unlock: bool = False,
) -> Decision:
    """Decide for one person. `policies` come ordered by priority; `user` None is an unknown name."""
    if user is None:
        return Decision((Refusal.UNKNOWN,))
    refusals = _refusals_of_account(user, authority, unlock)
    if user.is_administrator:
        return _decide_for_administrator(user, policies, tenant, refusals)
    policy = governing_policy(user, policies)
    if policy is None:
        enabled = any(candidate.audience != "nobody" for candidate in policies)
        return Decision((*refusals, Refusal.OUT_OF_SCOPE if enabled else Refusal.NO_POLICY))
    offers = usable_offers(user.authenticators, policy.methods, policy.questions_asked)
    if not can_be_enough(offers, policy.methods_required):
        refusals.append(Refusal.TOO_FEW_METHODS)
    if unlock and not policy.unlock_without_reset:
        refusals.append(Refusal.UNLOCK_NOT_ALLOWED)
    return Decision(tuple(refusals), policy.methods_required, offers, policy)


def _decide_for_administrator(
    user: UserFacts, policies: Sequence[PolicyFacts], tenant: TenantFacts, refusals: list[Refusal]
) -> Decision:
    """Administrators stand outside the policies' audiences: one switch, two kinds, never questions."""
    if not tenant.administrators_may_reset:
        refusals.append(Refusal.ADMINISTRATORS_MAY_NOT)
    offers = usable_offers(user.authenticators, ADMINISTRATOR_METHODS)
    if len({offer.kind for offer in offers}) < ADMINISTRATOR_GATES:
        refusals.append(Refusal.TOO_FEW_METHODS)
    return Decision(
        tuple(refusals), ADMINISTRATOR_GATES, offers, governing_policy(user, policies), as_administrator=True
    )


def _refusals_of_account(user: UserFacts, authority: Authority, unlock: bool) -> list[Refusal]:
    checks = (
        (not user.is_enabled, Refusal.DISABLED),
        (user.is_protected, Refusal.PROTECTED),
        (user.is_external or bool(authority.external_name), Refusal.EXTERNAL),
        (user.is_paused, Refusal.PAUSED),
        ((user.in_directory or authority.is_directory) and not authority.is_writable, authority.refusal),
        (user.cannot_change and not unlock, Refusal.CANNOT_CHANGE_PASSWORD),
    )
    return [refusal for applies, refusal in checks if applies]


def governing_policy(user: UserFacts, policies: Iterable[PolicyFacts]) -> PolicyFacts | None:
    """The first policy by priority whose audience the person belongs to."""
    for policy in policies:
        if policy.audience == "everybody" or (policy.audience == "groups" and policy.group_ids & user.group_ids):
            return policy
    return None


def questions_asked_of(policy: PolicyFacts | None) -> int:
    """How many questions a person under this policy, or under none, is asked."""
    return policy.questions_asked if policy else QUESTIONS_ASKED


def questions_registered_of(policy: PolicyFacts | None) -> int:
    """How many questions a person under this policy, or under none, registers."""
    return policy.questions_registered if policy else QUESTIONS_REGISTERED


def usable_offers(
    authenticators: Iterable[AuthenticatorFacts], allowed: Sequence[Method], questions_asked: int = QUESTIONS_ASKED
) -> tuple[Offer, ...]:
    """What may be used as a proof: first what the person chose to use first, then in the order the methods are allowed in.

    OFFERED_ONCE are one offer, however many are held.
    """
    held = sorted(authenticators, key=lambda authenticator: not authenticator.is_first)
    first = {authenticator.id for authenticator in held if authenticator.is_first}
    offers = [
        Offer(method, authenticator.id, authenticator.mask, authenticator.destination, authenticator.stands_alone)
        for authenticator in held
        if authenticator.proves(questions_asked)
        for method in authenticator.methods
        if method in allowed
    ]
    repeated = [offer for method in OFFERED_ONCE for offer in [offer for offer in offers if offer.method == method][1:]]
    distinct = [offer for offer in offers if offer not in repeated]
    return tuple(sorted(distinct, key=lambda offer: (offer.authenticator_id not in first, allowed.index(offer.method))))


def can_be_enough(offers: Iterable[Offer], required: int) -> bool:
    """Whether these offers could lead to an end. A pass needs another kind beside it, or a second person's approval."""
    offers = list(offers)
    kinds = {offer.kind for offer in offers}
    return is_enough({Kind.PASS}, required, offers) or (kinds != {Kind.PASS} and len(kinds) >= required)


def is_enough(passed: Collection[Kind], required: int, offers: Iterable[Offer]) -> bool:
    """Whether the gates passed suffice.

    A pass alone never does, however few the policy requires; where a second member of staff approved it and the waiting
    time is over, that stands in for every other gate.
    """
    if set(passed) == {Kind.PASS}:
        return any(offer.kind == Kind.PASS and offer.stands_alone for offer in offers)
    return len(passed) >= required


def open_offers(offers: Iterable[Offer], passed: Iterable[tuple[Kind, str]]) -> tuple[Offer, ...]:
    """Offers for the next gate: another kind and another destination than every gate passed so far."""
    passed = list(passed)
    kinds = {kind for kind, _ in passed}
    destinations = {destination for _, destination in passed if destination}
    return tuple(offer for offer in offers if offer.kind not in kinds and offer.destination not in destinations)
