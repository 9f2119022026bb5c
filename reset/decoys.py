"""What a stranger is shown: methods and masks that look like somebody's, always the same for a name, shaped by the policy.

All of it comes from a keyed pseudo-random function of tenant and name, so nobody without the key can tell it from real.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts import secrets
from accounts.masks import mask_mail, mask_phone
from accounts.methods import (
    LASTING_METHODS,
    METHODS_OF,
    MOST_QUESTIONS,
    AuthenticatorType,
    Kind,
    Method,
    available_methods,
    kind_of,
)
from accounts.names import spelling_of
from policy.decisions import (
    ADMINISTRATOR_GATES,
    ADMINISTRATOR_METHODS,
    Offer,
    PolicyFacts,
    questions_asked_of,
    questions_registered_of,
)
from reset.snapshot import Snapshot

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# One decoy in so many looks like an administrator, so that two gates don't give one away.
ADMINISTRATORS_ONE_IN = 8
# So that two addresses on one page don't prove that somebody is there.
TWO_ADDRESSES_ONE_IN = 8
# So that an offer out of the policy's order, which people may choose to use first, doesn't prove that somebody is there.
CHOSE_FIRST_ONE_IN = 4
# So that somebody who registered when the policy asked for another number of questions isn't the only one with that many.
ANSWERED_OTHERWISE_ONE_IN = 4
# Of these there is one offer for everybody.
ONE_SET = (
    AuthenticatorType.OFFICE_PHONE,
    AuthenticatorType.QUESTIONS,
    AuthenticatorType.RECOVERY_CODES,
    AuthenticatorType.PASSKEY,
    AuthenticatorType.PHONE_APP,
    AuthenticatorType.ACCESS_PASS,
)
PHONES = (AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE)
# One stranger in so many seems to have been given a pass in this hour: passes come and go, for everybody.
PASSES_ONE_IN = 64
PASS_SECONDS = 3600


class Chance:
    """A stream of choices that are the same each time for one tenant and name."""

    def __init__(self, tenant_id: int, typed: str) -> None:
        self._seed = f"{tenant_id}|{spelling_of(typed)}"

    def number(self, purpose: str, below: int) -> int:
        return int.from_bytes(secrets.pseudo_random(f"decoy|{purpose}", self._seed)[:8], "big") % below

    def token(self, purpose: str) -> str:
        return secrets.pseudo_random(f"decoy|{purpose}", self._seed).hex()


def snapshot(
    tenant_id: int, typed: str, policies: Sequence[PolicyFacts], now: datetime | None = None
) -> tuple[Snapshot, int]:
    """A plausible snapshot and number of gates for a name that leads to nobody."""
    chance = Chance(tenant_id, typed)
    policy = _policy(chance, policies)
    if policy is None or chance.number("administrator", ADMINISTRATORS_ONE_IN) == 0:
        usable = [method for method in ADMINISTRATOR_METHODS if method in available_methods()]
        allowed, required, as_administrator = usable, ADMINISTRATOR_GATES, True
    else:
        allowed, required, as_administrator = list(policy.methods), policy.methods_required, False
        allowed = [*_lasting(allowed), *_passing(chance, allowed, required, now or timezone.now())]
    held = [(kind, method) for kind in _held(chance, allowed, required) for method in METHODS_OF[kind]]
    offers = [offer for kind, method in held if method in allowed for offer in _offers(chance, kind, method)]
    offers.sort(key=lambda offer: allowed.index(offer.method))
    made = Snapshot(
        _with_first(chance, tuple(offers)),
        policy.id if policy else None,
        as_administrator,
        questions_registered=_answered(chance, policy),
        questions_asked=questions_asked_of(policy),
    )
    return made, required


def _with_first(chance: Chance, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """What this nobody seems to have chosen to use first, where it has, before the others."""
    lasting = [offer for offer in offers if offer.method in LASTING_METHODS]
    if not lasting or chance.number("chose first", CHOSE_FIRST_ONE_IN):
        return offers
    chosen = lasting[chance.number("first", len(lasting))].authenticator_id
    return tuple(sorted(offers, key=lambda offer: offer.authenticator_id != chosen))


def _answered(chance: Chance, policy: PolicyFacts | None) -> int:
    """How many questions this nobody seems to have answered: as many as are registered now, or once were."""
    if chance.number("answered otherwise", ANSWERED_OTHERWISE_ONE_IN):
        return questions_registered_of(policy)
    fewest = questions_asked_of(policy)
    return fewest + chance.number("answered", MOST_QUESTIONS - fewest + 1)


def _lasting(allowed: Sequence[Method]) -> list[Method]:
    return [method for method in allowed if method in LASTING_METHODS]


def _passing(chance: Chance, allowed: Sequence[Method], required: int, now: datetime) -> list[Method]:
    """A pass, in the hour of this name's own in which it seems to have one, or where too little else could be held."""
    if Method.ACCESS_PASS not in allowed:
        return []
    hour = int(now.timestamp() + chance.number("phase of passes", PASS_SECONDS)) // PASS_SECONDS
    is_short = not _suffice(_possible(_lasting(allowed)), required)
    return [Method.ACCESS_PASS] if is_short or chance.number(f"pass {hour}", PASSES_ONE_IN) == 0 else []


def _policy(chance: Chance, policies: Sequence[PolicyFacts]) -> PolicyFacts | None:
    """The policy most people are under: one for everybody, else one of those for groups."""
    for policy in policies:
        if policy.audience == "everybody":
            return policy
    for_groups = [policy for policy in policies if policy.audience == "groups"]
    return for_groups[chance.number("policy", len(for_groups))] if for_groups else None


def _possible(allowed: Sequence[Method]) -> list[AuthenticatorType]:
    return [kind for kind, methods in METHODS_OF.items() if set(methods) & set(allowed)]


def _held(chance: Chance, allowed: list[Method], required: int) -> list[AuthenticatorType]:
    """What this nobody seems to have registered: at least as many kinds as are required.

    By the registered thing, not by the method: who has a mobile phone is offered a text and a call, as far as allowed.
    """
    possible, always = _possible(allowed), AuthenticatorType.ACCESS_PASS
    chosen = [kind for kind in possible if kind == always or chance.number(f"holds {kind}", 2)]
    missing = sorted((kind for kind in possible if kind not in chosen), key=lambda kind: chance.token(f"order {kind}"))
    while not _suffice(chosen, required) and missing:
        chosen.append(missing.pop())
    return chosen


def _suffice(chosen: Sequence[AuthenticatorType], required: int) -> bool:
    """Whether somebody who holds these could reset: a pass needs something beside it."""
    kinds = {kind_of(kind) for kind in chosen}
    return len(kinds) >= required and bool(kinds - {Kind.PASS})


def _offers(chance: Chance, kind: AuthenticatorType, method: Method) -> list[Offer]:
    """One authenticator of this type, seldom two."""
    may_have_two = kind not in ONE_SET and chance.number(f"two {kind}", TWO_ADDRESSES_ONE_IN) == 0
    return [_offer(chance, kind, method, which) for which in (("", " too") if may_have_two else ("",))]


def _offer(chance: Chance, kind: AuthenticatorType, method: Method, which: str) -> Offer:
    mask = ""
    if kind == AuthenticatorType.EMAIL:
        mask = mask_mail(LETTERS[chance.number(f"letter{which}", len(LETTERS))])
    elif kind in PHONES:
        mask = mask_phone(f"{chance.number(f'digits {kind}{which}', 100):02d}")
    identifier = 1 + chance.number(f"id {kind}{which}", 1_000_000)
    return Offer(method, identifier, mask, chance.token(f"destination {kind}{which}"))


def question_order(tenant_id: int, typed: str, questions: Sequence[str], count: int) -> list[str]:
    """The questions a nobody seems to have answered, the same ones each time."""
    chance = Chance(tenant_id, typed)
    return sorted(questions, key=lambda question: chance.token(f"question {question}"))[:count]
