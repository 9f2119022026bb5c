"""A directory that lives in this process: passwords, a lock, a version mark, and answers a test can choose."""

from collections.abc import Callable
from dataclasses import dataclass, field

from writeback.connectors.base import Access, Capabilities, Connector, DirectoryError, Entry, Probe, Reason


@dataclass
class Account:
    """One account. `mark` counts the passwords set."""

    password: str
    mark: int = 1
    is_locked: bool = False
    is_disabled: bool = False
    must_change: bool = False
    cannot_change: bool = False
    protected: str = ""
    tries_left: int | None = 10


@dataclass
class InMemoryDirectory:
    """`refuses` is what the next passwords meet; `before_writing` runs between the last look and the write."""

    accounts: dict[str, Account] = field(default_factory=dict)
    refuses: DirectoryError | None = None
    is_away: bool = False
    before_writing: Callable[[], None] | None = None
    writes: list[str] = field(default_factory=list)

    def connector_for(self, access: Access) -> "InMemoryConnector":
        return InMemoryConnector(self)


class InMemoryConnector(Connector):
    capabilities = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)

    def __init__(self, directory: InMemoryDirectory) -> None:
        self.directory = directory

    def _account(self, anchor: str) -> Account:
        if self.directory.is_away:
            raise DirectoryError(Reason.UNREACHABLE, "-1")
        try:
            return self.directory.accounts[anchor]
        except KeyError:
            raise DirectoryError(Reason.NOT_FOUND, "32") from None

    def probe(self) -> Probe:
        if self.directory.is_away:
            raise DirectoryError(Reason.UNREACHABLE, "-1")
        return Probe("memory", "tests", True)

    def find(self, anchor: str) -> Entry:
        account = self._account(anchor)
        return Entry(
            anchor=anchor,
            dn=f"cn={anchor}",
            mark=str(account.mark),
            is_disabled=account.is_disabled,
            is_locked=account.is_locked,
            must_change=account.must_change,
            cannot_change=account.cannot_change,
            protected=account.protected,
            tries_left=account.tries_left,
        )

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        if self.directory.before_writing:
            self.directory.before_writing()
        account = self._account(entry.anchor)
        if self.directory.refuses:
            raise self.directory.refuses
        if current and current != account.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "19 00000056")
        account.password, account.must_change = new, False
        account.mark += 1
        self.directory.writes.append(new)

    def unlock(self, entry: Entry) -> None:
        self._account(entry.anchor).is_locked = False

    def require_change(self, entry: Entry) -> None:
        self._account(entry.anchor).must_change = True

    def verify(self, entry: Entry, password: str) -> None:
        account = self._account(entry.anchor)
        if account.is_disabled:
            raise DirectoryError(Reason.DISABLED, "49 533")
        if password != account.password:
            raise DirectoryError(Reason.WRONG_PASSWORD, "49 52e")
        if account.must_change:
            raise DirectoryError(Reason.MUST_CHANGE, "49 773")

    def verify_nobody(self, password: str) -> None:
        raise DirectoryError(Reason.WRONG_PASSWORD, "49 525")
