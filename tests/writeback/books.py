"""A directory kept in memory that counts what is asked of it, and orders carried out in it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from writeback.connectors.base import Capabilities, Connector, DirectoryError, Entry, Probe, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Operation, Order, Report, Step, StepResult

ALICE = Entry(anchor="a1", dn="CN=Alice", mark="1", tries_left=5)
LOST = DirectoryError(Reason.UNREACHABLE, "-1", may_have_happened=True)
ALL = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)
RESET = Order(Operation.RESET, "a1", new="new")
CHANGE = Order(Operation.CHANGE, "a1", new="new", current="old")
UNLOCK = Order(Operation.UNLOCK, "a1")
VERIFY = Order(Operation.VERIFY, "a1", current="old")
PASSWORD_DONE = {Step.PASSWORD: StepResult.DONE}
PASSWORD_UNKNOWN = {Step.PASSWORD: StepResult.UNKNOWN}


@dataclass
class Books(Connector):
    """A directory kept in memory. `fails`: what the next calls of a method say; `writes_first`: they do their work before."""

    entry: Entry = ALICE
    password: str = "old"
    fails: dict[str, list[DirectoryError]] = field(default_factory=dict)
    writes_first: bool = False
    calls: list[str] = field(default_factory=list)
    capabilities: Capabilities = ALL

    def _call(self, name: str, write: Callable[[], None] = lambda: None) -> None:
        self.calls.append(name)
        errors = self.fails.get(name, [])
        if errors:
            if self.writes_first:
                write()
            raise errors.pop(0)
        write()

    def probe(self) -> Probe:
        raise NotImplementedError

    def find(self, anchor: str) -> Entry:
        self._call("find")
        return self.entry

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        def write() -> None:
            self.password = new
            self.entry = replace(self.entry, mark=self.entry.mark + "+")

        if current and current != self.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "19")
        self._call("set_password", write)

    def unlock(self, entry: Entry) -> None:
        self._call("unlock", lambda: setattr(self, "entry", replace(self.entry, is_locked=False, tries_left=5)))

    def require_change(self, entry: Entry) -> None:
        self._call("require_change", lambda: setattr(self, "entry", replace(self.entry, must_change=True)))

    def verify(self, entry: Entry, password: str) -> None:
        self._call("verify")
        if self.entry.is_locked:
            raise DirectoryError(Reason.LOCKED, "49")
        if password != self.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "49")
        if self.entry.must_change:
            raise DirectoryError(Reason.MUST_CHANGE, "49")

    def verify_nobody(self, password: str) -> None:
        self._call("verify_nobody")
        raise DirectoryError(Reason.WRONG_PASSWORD, "49")

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call not in ("find", "verify_nobody")]


def carried_out(books: Books, order: Order, *, may_note: bool = True, starts: int = 99) -> Report:
    """`starts`: how many operations begin before the deadline."""
    left = iter([True] * starts)
    told: dict[Step, StepResult] = {}
    report = carry_out(books, order, lambda _mark: may_note, lambda: next(left, False), told.__setitem__)
    assert told == report.steps
    return report


def again(order: Order) -> Order:
    return replace(order, first_mark="1")
