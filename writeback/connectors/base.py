"""What every directory looks like to the rest: where it is, what is asked of it, what it answers. No Django here."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What speaks behind an address. The values are those of `accounts.models.Directory.Kind`."""

    ACTIVE_DIRECTORY = "active_directory"
    OPENLDAP = "openldap"
    DS389 = "ds389"


class Reason(StrEnum):
    """Why a directory, or our own care, said no, as far as a person can understand it."""

    TOO_SHORT = "too_short"
    IN_HISTORY = "in_history"
    COMPLEXITY = "complexity"
    POLICY = "policy"  # its rules, and it doesn't say which
    TOO_YOUNG = "too_young"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason
    MUST_CHANGE = "must_change"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - a reason
    LOCKED = "locked"
    TOO_FEW_TRIES = "too_few_tries"  # one more wrong password might lock the account
    DISABLED = "disabled"
    ACCOUNT_EXPIRED = "account_expired"
    PROTECTED = "protected"
    CANNOT_CHANGE = "cannot_change"
    NOT_FOUND = "not_found"
    NO_RIGHTS = "no_rights"
    NOT_SUPPORTED = "not_supported"
    NOT_TRUSTED = "not_trusted"  # its certificate
    UNREACHABLE = "unreachable"
    CHANGED_ELSEWHERE = "changed_elsewhere"  # somebody set another password meanwhile
    UNKNOWN = "unknown"


# Another password may be accepted.
PASSWORD_REASONS = frozenset({Reason.TOO_SHORT, Reason.IN_HISTORY, Reason.COMPLEXITY, Reason.POLICY})
# Nothing is wrong with the password: it is right, but doesn't open the account just now.
RIGHT_PASSWORD_REASONS = frozenset({Reason.MUST_CHANGE, Reason.PASSWORD_EXPIRED})


# What `Probe.warnings` may hold.
WARNINGS = frozenset(
    {
        "history_not_on_reset",  # a reset may set an earlier password again
        "account_is_privileged",  # the account could do far more than write passwords
        "policy_not_enforced",  # the directory's password policy doesn't hold for what the account sets
        "policy_unreadable",  # lengths and tries left are guessed: the account may not read the policy
        "no_password_policy",  # the directory has none
    }
)


class DirectoryError(Exception):
    """A directory's no. `code` is its raw answer for the operator: result and hex codes, printable characters only.

    `may_have_happened`: the connection broke after the operation had been sent, so nobody knows.
    """

    def __init__(self, reason: Reason, code: str = "", may_have_happened: bool = False) -> None:
        super().__init__(f"{reason}: {code}" if code else str(reason))
        self.reason, self.code, self.may_have_happened = reason, code, may_have_happened


@dataclass(frozen=True)
class Server:
    """One server of a directory. TLS from the first byte (LDAPS), or by StartTLS before anything else.

    `addresses`: where its name may lead, as whoever made this resolved and allowed them; empty: anywhere. No password is
    sent to another one.
    """

    host: str
    port: int = 636
    starttls: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldap' if self.starttls else 'ldaps'}://{host}:{self.port}"


@dataclass(frozen=True)
class Access:
    """How a directory is reached, as whom, and what of it is never touched.

    `servers` are tried in order. `ca_pem` is the text of trusted certificates; empty: the system's. `timeout` (seconds)
    holds for connecting and for each answer. `denied` are DNs: nothing at or below them is written.
    """

    kind: Kind
    servers: tuple[Server, ...]
    base_dn: str
    account: str
    password: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)
    timeout: float = 5.0
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """What a kind of directory can do. What it can't is said, not faked."""

    unlocks: bool
    requires_change: bool
    tells_tries_left: bool
    names_broken_rule: bool


@dataclass(frozen=True)
class Probe:
    """What one look at a directory found. `warnings` are ids of facts an administrator should know (see `WARNINGS`)."""

    server: str
    vendor: str
    honours_history_on_reset: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A user as the directory has them at this moment.

    `mark` changes with every password set, by whomever. `protected` says why nothing is written (empty: it may be).
    `tries_left` is how many wrong passwords the lock is away; None where there is no lock.
    """

    anchor: str
    dn: str
    mark: str
    is_disabled: bool = False
    is_locked: bool = False
    must_change: bool = False
    is_password_expired: bool = False
    cannot_change: bool = False
    never_expires: bool = False
    protected: str = ""
    tries_left: int | None = None
    password_set_at: datetime | None = None


class TooLate(DirectoryError):
    """The deadline passed while the connection was being made: nothing was written."""

    def __init__(self) -> None:
        super().__init__(Reason.UNREACHABLE, "too late")


class Connector(ABC):
    """One directory, reached as one account. Not shared between threads; each call raises DirectoryError.

    `set_password` without `current` is a reset by the account; with it a change on the person's behalf, to which the
    directory's rules of history and age apply.
    """

    capabilities: Capabilities
    _may_start: Callable[[], bool] = staticmethod(lambda: True)

    def __init__(self, access: Access) -> None:
        self.access = access

    def heed(self, may_start: Callable[[], bool]) -> None:
        """Ask this directly before anything is written, and raise TooLate where it says no: connecting may take long."""
        self._may_start = may_start

    def ensure_in_time(self) -> None:
        """For whoever is connected and about to write. Raises TooLate."""
        if not self._may_start():
            raise TooLate

    @abstractmethod
    def probe(self) -> Probe:
        """Reach it, bind, and see what it is and can do."""

    @abstractmethod
    def find(self, anchor: str) -> Entry:
        """The user of this anchor, wherever they are now. Raises DirectoryError with NOT_FOUND."""

    @abstractmethod
    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        """Set the password. Raises with WRONG_PASSWORD where `current` is not right."""

    @abstractmethod
    def unlock(self, entry: Entry) -> None:
        """End the directory's own lock after wrong passwords. Does no harm where there is none."""

    @abstractmethod
    def require_change(self, entry: Entry) -> None:
        """Let the directory ask for a new password at the next sign-in."""

    @abstractmethod
    def verify(self, entry: Entry, password: str) -> None:
        """Bind as the user. Raises with the reason; RIGHT_PASSWORD_REASONS say that the password was right."""

    def verify_nobody(self, password: str) -> None:
        """The same as somebody who isn't there, which is always refused: a new connection and a bind, with all their time."""
        self.verify(Entry(anchor="", dn=f"cn={secrets.token_hex(16)},{self.access.base_dn}", mark=""), password)
