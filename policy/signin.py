"""Who gives a second proof at sign-in, and with what. Pure functions on plain data, beside `decisions.py`."""

from dataclasses import dataclass

from accounts.facts import AuthenticatorFacts, UserFacts
from accounts.methods import METHODS_OF, Method
from policy.decisions import Offer, usable_offers

# An e-mail code often arrives where the password opens the door; answers to questions can be found out. Neither counts.
# Source: Entra, which takes both for a reset only.
SIGN_IN_METHODS = (
    Method.PASSKEY, Method.APP_NOTIFICATION, Method.APP_CODE, Method.SMS, Method.CALL, Method.OFFICE_CALL,
    Method.RECOVERY_CODE,
)  # fmt: skip


@dataclass(frozen=True)
class SignInRuleFacts:
    """A tenant's rule as decisions see it. `methods` are those of SIGN_IN_METHODS that the installation can carry out."""

    audience: str = "nobody"
    group_ids: frozenset[int] = frozenset()
    methods: tuple[Method, ...] = SIGN_IN_METHODS

    @property
    def asks_nobody(self) -> bool:
        return self.audience != "everybody" and not (self.audience == "groups" and self.group_ids)

    def covers(self, user: UserFacts) -> bool:
        return self.audience == "everybody" or (self.audience == "groups" and bool(self.group_ids & user.group_ids))


NOBODY_IS_ASKED = SignInRuleFacts()


@dataclass(frozen=True)
class SignInDecision:
    """What comes after a right password: nothing, a proof by one of `offers`, or registering what one could be given with.

    `is_stranded`: the person holds what would count, and the installation can't carry it out, or read it, just now. A
    password alone opens nothing then: whoever has it could register a method of their own.
    """

    is_covered: bool
    offers: tuple[Offer, ...] = ()
    is_stranded: bool = False

    @property
    def asks_for_proof(self) -> bool:
        return bool(self.offers) or self.is_stranded

    @property
    def asks_to_register(self) -> bool:
        return self.is_covered and not self.asks_for_proof


def decide_sign_in(user: UserFacts, rule: SignInRuleFacts) -> SignInDecision:
    """Decide for one person whose password was right."""
    if not rule.covers(user):
        return SignInDecision(False)
    offers = usable_offers(user.authenticators, rule.methods)
    return SignInDecision(True, offers, is_stranded=not offers and any(map(_is_away, user.authenticators)))


def _is_away(row: AuthenticatorFacts) -> bool:
    """Whether it would count at sign-in, and can't be used just now."""
    methods = {*METHODS_OF[row.type]} & {*SIGN_IN_METHODS}
    return bool(methods) if row.is_lost else row.counts and not methods <= {*row.methods}
