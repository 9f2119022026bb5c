"""What an authentication method has to do in a reset. A method decides nothing: `reset/flow.py` counts, compares and moves."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from accounts.methods import QUESTIONS_ASKED, QUESTIONS_REGISTERED, Method
from accounts.models import Authenticator, Tenant
from accounts.visitor import Visitor
from notifications.outbox import Draft


class Journey(Protocol):
    """What a challenge belongs to: a stranger's reset request, or a challenge of somebody signed in."""

    @property
    def pk(self) -> Any: ...
    @property
    def tenant_id(self) -> int: ...
    @property
    def user_id(self) -> int | None: ...
    @property
    def language(self) -> str: ...
    @property
    def typed_name(self) -> str: ...


class Asked(Protocol):
    """What a challenge keeps for the comparison. `request_id` is its journey's key: what a code is bound to."""

    @property
    def pk(self) -> Any: ...
    @property
    def request_id(self) -> Any: ...
    @property
    def digest(self) -> str: ...
    @property
    def questions(self) -> list[str]: ...
    @property
    def confirmed_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Start:
    """A challenge about to be made. `authenticator` None, or `is_right_destination` False: nobody will hear of it."""

    challenge_id: UUID
    request: Journey
    tenant: Tenant
    authenticator: Authenticator | None
    is_right_destination: bool
    now: datetime
    questions_registered: int = QUESTIONS_REGISTERED
    questions_asked: int = QUESTIONS_ASKED

    @property
    def is_real(self) -> bool:
        return self.authenticator is not None and self.is_right_destination


@dataclass(frozen=True)
class Prepared:
    """What the challenge row keeps, and what is to be sent."""

    digest: str = ""
    questions: tuple[str, ...] = ()
    shown: str = ""
    drafts: tuple[Draft, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right.

    `uses_up` says which step of an app, which recovery code, which pass or which count of a passkey it is; `by` which one
    of several passkeys gave it.
    """

    is_right: bool
    uses_up: int | None = None
    by: Authenticator | None = None


WRONG = Verdict(False)


class AuthenticationMethod(ABC):
    """One way to prove who one is: prepare, check and, where something is used up, consume."""

    method: Method
    template: str
    asks_destination = False
    needs_authenticator = False
    confirmed_elsewhere = False
    """The answer comes in a call or from a phone (`reset/confirming.py`); the page waits for it and sends none."""
    again_after = timedelta(seconds=30)
    """Until what was sent may be sent once more."""

    def prepare(self, start: Start) -> Prepared:
        """Make what the challenge needs, if anything. Runs before the transaction that stores it."""
        return Prepared()

    @abstractmethod
    def check(
        self, challenge: Asked, authenticator: Authenticator | None, answers: list[str], now: datetime
    ) -> Verdict:
        """Compare an answer that has been counted already. Slow hashing belongs here: no transaction is open."""

    def takes_from(self, verdict: Verdict, visitors: Sequence[Visitor]) -> bool:
        """Whether a right answer may come from there: where the reset was begun, and where it was answered."""
        return True

    def consume(self, authenticator: Authenticator | None, verdict: Verdict) -> bool:
        """Use up what may be used once only, inside the transaction that passes the gate. False: somebody was faster."""
        return True
