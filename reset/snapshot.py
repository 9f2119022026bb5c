"""The decision a request started with, kept in its row as a floor: later changes of policy can only add to it."""

from dataclasses import asdict, dataclass
from typing import Any

from accounts.methods import QUESTIONS_ASKED, QUESTIONS_REGISTERED, Kind, Method
from policy.decisions import Decision, Offer, questions_asked_of, questions_registered_of


@dataclass(frozen=True)
class Snapshot:
    """What may be used, under which policy, how many questions are asked, and who is to be told in the end."""

    offers: tuple[Offer, ...] = ()
    policy_id: int | None = None
    as_administrator: bool = False
    notify_users: bool = True
    notify_administrators: bool = True
    questions_registered: int = QUESTIONS_REGISTERED
    questions_asked: int = QUESTIONS_ASKED

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Snapshot":
        offers = tuple(Offer(**{**offer, "method": Method(offer["method"])}) for offer in data.get("offers", ()))
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "offers": offers})

    def offer_for(self, method: Method, authenticator_id: int) -> Offer | None:
        return next(
            (offer for offer in self.offers if (offer.method, offer.authenticator_id) == (method, authenticator_id)),
            None,
        )


def of_decision(decision: Decision) -> Snapshot:
    policy = decision.policy
    return Snapshot(
        offers=decision.offers,
        policy_id=policy.id if policy else None,
        as_administrator=decision.as_administrator,
        notify_users=policy.notify_users if policy else True,
        notify_administrators=policy.notify_administrators if policy else True,
        questions_registered=questions_registered_of(policy),
        questions_asked=questions_asked_of(policy),
    )


def passed_gates(rows: list[list[str]]) -> list[tuple[Kind, str]]:
    """`ResetRequest.passed` as pairs of kind and destination."""
    return [(Kind(kind), destination) for kind, destination in rows]
