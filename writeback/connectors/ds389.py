"""389 Directory Server, also sold as Red Hat Directory Server. No Django here."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime

import ldap

from writeback.connectors.base import Capabilities, DirectoryError, Entry, Probe, Reason
from writeback.connectors.connection import Change, Connection, Found
from writeback.connectors.failures import LdapError
from writeback.connectors.ldap_directory import PERSON, LdapConnector, why_protected
from writeback.connectors.password_policy import Said, policy_request, policy_said, refusal, time_of
from writeback.connectors.pool import bound, reading

# Read where the account may: everybody's policy stands in the server's configuration.
GLOBAL_POLICY = "cn=config"
ASSUMED_MAX_FAILURE = 3
# What "change after reset" looks like: the password's end at the very beginning of time. What "locked for good" looks like.
BEGINNING_OF_TIME = "19700101000000Z"
# Seconds. The server says that a password is set before it writes when that one ends: our own date may come between.
OVERWRITTEN_WITHIN = (0.05, 0.2)
CONSTRAINT, NO_SUCH_VALUE, UNWILLING, NO_RIGHTS = 19, 16, 53, 50
POLICY_ATTRIBUTES = (
    "passwordMinLength",
    "passwordHistory",
    "passwordLockout",
    "passwordMaxFailure",
    "passwordMustChange",
    "passwordChange",
)


@dataclass(frozen=True)
class Policy:
    """What counts of a password policy. `max_failure` 0: nothing locks. Unknown ones promise nothing."""

    min_length: int = 0
    keeps_history: bool = False
    max_failure: int = ASSUMED_MAX_FAILURE
    must_change: bool = False
    allows_change: bool = True
    is_known: bool = False


class Ds389(LdapConnector):
    """Sets passwords by replacing userPassword: RFC 3062 here hides why it says no."""

    capabilities = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)
    anchor_attribute = "nsUniqueId"
    # Not passwordHistory: it holds digests of passwords.
    attributes = (
        "modifyTimestamp",
        "pwdUpdateTime",
        "nsAccountLock",
        "accountUnlockTime",
        "passwordRetryCount",
        "retryCountResetTime",
        "passwordExpirationTime",
        "pwdPolicySubentry",
    )

    def probe(self) -> Probe:
        root, server = reading(self.access, lambda connection: (_root(connection), connection.server.url))
        reading(self.access, lambda connection: connection.read(self.access.base_dn, ["1.1"]))
        policy, is_bound = self._policy(""), self._is_bound_by_policy()
        warnings = (() if policy.is_known else ("policy_unreadable",)) + (() if is_bound else ("policy_not_enforced",))
        vendor = root.text("vendorversion") or root.text("vendorname")
        return Probe(server, vendor, is_bound and (policy.keeps_history or not policy.is_known), warnings)

    def _is_bound_by_policy(self) -> bool:
        """Whether the policy holds for what this account sets; True also where nobody is there to ask about.

        One modification sets a password of one letter and removes one that nobody has, so as a whole it can't succeed.
        The server judges the letter first: where it doesn't object, the policy doesn't hold (the account belongs to
        passwordAdminDN, or is the Directory Manager).
        """
        with bound(self.access) as connection:
            person = next(connection.pages(self.access.base_dn, PERSON, ["1.1"], size=1), None)
            if person is None or why_protected(self.access, person.dn):
                return True
            nobodys = secrets.token_hex(32).encode()
            changes: list[Change] = [
                (ldap.MOD_REPLACE, "userPassword", [b"x"]),
                (ldap.MOD_DELETE, "userPassword", [nobodys]),
            ]
            try:
                connection.modify(person.dn, changes)
            except LdapError as error:
                return error.result != NO_SUCH_VALUE
        return False

    def marked_at(self, found: Found) -> datetime | None:
        return time_of(_mark(found))

    def entry(self, found: Found, now: datetime) -> Entry:
        policy = self._policy(found.text("pwdpolicysubentry"))
        ends = found.text("passwordexpirationtime")
        ends_at, tries_left = time_of(ends), _tries_left(found, policy, now)
        must_change = ends == BEGINNING_OF_TIME
        return Entry(
            anchor=found.text("nsuniqueid").lower(),
            dn=found.dn,
            mark=_mark(found),
            is_disabled=found.text("nsaccountlock").lower() == "true",
            is_locked=tries_left == 0 and _is_locked(found.text("accountunlocktime"), now),
            must_change=must_change and policy.must_change,
            is_password_expired=not must_change and ends_at is not None and _FIRST_DAY_OVER < ends_at <= now,
            cannot_change=not policy.allows_change,
            protected=why_protected(self.access, found.dn),
            tries_left=tries_left,
            password_set_at=time_of(found.text("pwdupdatetime")),
        )

    def _policy(self, dn: str) -> Policy:
        """The policy of this name, or the one for everybody; an unknown one where the account may not read it."""
        try:
            found = reading(self.access, lambda connection: connection.read(dn or GLOBAL_POLICY, POLICY_ATTRIBUTES))
        except LdapError as error:
            if error.reason not in {Reason.NOT_FOUND, Reason.NO_RIGHTS}:
                raise
            return Policy()
        return _policy_of(found) if found.values else Policy()

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        self.ensure_writable(entry)
        self.ensure_takable(new)
        if new.startswith("{") and "}" in new:
            # It would be taken for a digest: refused, or kept as one that no password has.
            raise DirectoryError(Reason.COMPLEXITY, "begins like a digest")
        if not current:
            return self._set_as_account(entry, new)
        try:
            with self.bound_as(entry, current) as connection:
                return self._set(connection, entry, new, current)
        except LdapError as error:
            if error.result != NO_RIGHTS:
                raise
            # The person may not write their own; the account may, and the same rules hold.
        except DirectoryError as error:
            # The server says so only of the right password.
            if error.reason is not Reason.PASSWORD_EXPIRED:
                raise
        return self._set_as_account(entry, new)

    def _set_as_account(self, entry: Entry, new: str) -> None:
        with bound(self.access) as connection:
            self._set(connection, entry, new)

    def _set(self, connection: Connection, entry: Entry, new: str, current: str = "") -> None:
        self.ensure_in_time()
        try:
            connection.modify(entry.dn, [(ldap.MOD_REPLACE, "userPassword", [new.encode()])], [policy_request()])
        except LdapError as error:
            said = policy_said(error.controls)
            if error.result == NO_RIGHTS:
                raise self._without_rights(entry, error) from None
            if said is Said.INSUFFICIENT_PASSWORD_QUALITY:
                raise error.because(self._broken_rule(entry, new)) from None
            if said is None and error.result == CONSTRAINT and new == current:
                # The current one again is refused like an earlier one, but without a word.
                raise error.because(Reason.IN_HISTORY) from None
            raise refusal(error) from None

    def _without_rights(self, entry: Entry, error: LdapError) -> DirectoryError:
        """The same answer stands for three things. The control says "not allowed" then, of whichever of them."""
        if self._found(entry.anchor).dn != entry.dn:
            return error.because(Reason.NOT_FOUND)  # moved meanwhile
        return error.because(Reason.CANNOT_CHANGE) if entry.cannot_change else error

    def _broken_rule(self, entry: Entry, new: str) -> Reason:
        """The server says "quality" of every rule of syntax: its length is told apart by counting.

        Looked up after the refusal, for the reason only: a failure here must not hide it.
        """
        try:
            policy = self._policy(self._found(entry.anchor).text("pwdpolicysubentry"))
        except DirectoryError:
            return Reason.COMPLEXITY
        return Reason.TOO_SHORT if len(new) < policy.min_length else Reason.COMPLEXITY

    def unlock(self, entry: Entry) -> None:
        self.ensure_writable(entry)
        # Replacing by nothing succeeds where there is no lock.
        changes: list[Change] = [
            (ldap.MOD_REPLACE, "accountUnlockTime", None),
            (ldap.MOD_REPLACE, "passwordRetryCount", None),
        ]
        with bound(self.access) as connection:
            self.ensure_in_time()
            connection.modify(entry.dn, changes)

    def require_change(self, entry: Entry) -> None:
        """Raises DirectoryError with NOT_SUPPORTED unless the person's policy has passwordMustChange: else it is ignored."""
        self.ensure_writable(entry)
        if not self._policy(self._found(entry.anchor).text("pwdpolicysubentry")).must_change:
            raise DirectoryError(Reason.NOT_SUPPORTED, "passwordMustChange")
        change: list[Change] = [(ldap.MOD_REPLACE, "passwordExpirationTime", [BEGINNING_OF_TIME.encode()])]
        for pause in OVERWRITTEN_WITHIN:
            with bound(self.access) as connection:
                self.ensure_in_time()
                connection.modify(entry.dn, change)
            time.sleep(pause)
            if self._found(entry.anchor).text("passwordexpirationtime") == BEGINNING_OF_TIME:
                return
        raise DirectoryError(Reason.UNKNOWN, "passwordExpirationTime was overwritten")

    def bind_refusal(self, entry: Entry, error: LdapError) -> DirectoryError:
        """Locked is 19 here and inactivated 53, the latter with a wrong password too."""
        if error.result == UNWILLING and policy_said(error.controls) is Said.ACCOUNT_LOCKED:
            return error.because(Reason.DISABLED)
        if error.result == CONSTRAINT and policy_said(error.controls) is None:
            return error.because(Reason.LOCKED)
        return refusal(error)


# Passwords that never end say so with the first second of 1970 plus one.
_FIRST_DAY_OVER = datetime.fromisoformat("1970-01-02T00:00:00+00:00")


def _root(connection: Connection) -> Found:
    return connection.read("", ["vendorName", "vendorVersion"])


def _mark(found: Found) -> str:
    """When the password was set, where the server keeps that (passwordTrackUpdateTime), else when anything was.

    Failed sign-ins move neither: the server writes their count without touching modifyTimestamp.
    """
    return found.text("pwdupdatetime") or found.text("modifytimestamp")


def _policy_of(found: Found) -> Policy:
    return Policy(
        min_length=found.number("passwordminlength"),
        keeps_history=_is_on(found, "passwordhistory"),
        max_failure=found.number("passwordmaxfailure") if _is_on(found, "passwordlockout") else 0,
        must_change=_is_on(found, "passwordmustchange"),
        allows_change=found.text("passwordchange").lower() != "off",
        is_known=True,
    )


def _is_on(found: Found, attribute: str) -> bool:
    return found.text(attribute).lower() in {"on", "true"}


def _is_locked(unlock: str, now: datetime) -> bool:
    """As far as accountUnlockTime tells. It stays behind after a reset, which only takes back the count of failures."""
    ends = time_of(unlock)
    return bool(unlock) and (unlock == BEGINNING_OF_TIME or ends is None or now < ends)


def _tries_left(found: Found, policy: Policy, now: datetime) -> int | None:
    if not policy.max_failure:
        return None
    forgotten_at = time_of(found.text("retrycountresettime"))
    failures = 0 if forgotten_at and forgotten_at <= now else found.number("passwordretrycount")
    return max(0, policy.max_failure - failures)
