"""Whose imported phone or address gave way to another one, and at which addresses these people can be told.

Source: what anybody but the person changes is announced to the addresses known before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from accounts.importing.planning import Plan, any_of
from accounts.methods import AuthenticatorType, Kind, kind_of
from accounts.models import Authenticator

PEOPLE_AT_ONCE = 200


@dataclass(frozen=True)
class Replaced:
    """A person, what was replaced, and every e-mail address that was on file before."""

    user_id: int
    kinds: tuple[Kind, ...]
    addresses: tuple[str, ...] = field(repr=False)


def tell_nobody(_: Sequence[Replaced]) -> int:
    """For imports that nobody listens to."""
    return 0


def addresses_before(plan: Plan) -> dict[int, list[str]]:
    """The addresses on file, by id of the people whose values are to be replaced. Asked before anything is written."""
    if not plan.mails_before:
        return {}
    found: dict[int, list[str]] = {owner: [] for owner in plan.mails_before}
    rows = Authenticator.objects.filter(any_of("user_id", list(found)), type=AuthenticatorType.EMAIL).order_by("id")
    for row in rows.only("tenant_id", "user_id", "type", "sealed"):
        # An address that nobody can read any more stops no import that brings a new one.
        if row.readable_value is not None:
            found[row.user_id].append(row.readable_value)
    for owner, mail in plan.mails_before.items():
        if mail:
            found[owner].append(mail)
    return found


def replaced_people(plan: Plan, before: Mapping[int, list[str]]) -> list[Replaced]:
    """The people whose values were replaced indeed; asked after the plan is written."""
    kinds: dict[int, list[Kind]] = {}
    for new in plan.changed_proofs:
        kinds.setdefault(plan.ids[new.owner], []).append(kind_of(new.proof.type))
    return [Replaced(owner, tuple(dict.fromkeys(what)), tuple(before[owner])) for owner, what in kinds.items()]


def tell(people: Sequence[Replaced], on_replaced: Callable[[Sequence[Replaced]], int]) -> tuple[int, int]:
    """Tell these people, some at a time so that memory stays flat. Returns how many are told, and how many are not."""
    portions = (people[start : start + PEOPLE_AT_ONCE] for start in range(0, len(people), PEOPLE_AT_ONCE))
    told = sum(on_replaced(portion) for portion in portions)
    return told, len(people) - told
