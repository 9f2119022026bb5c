"""OpenLDAP with its ppolicy overlay (slapo-ppolicy(5)). No Django here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ldap
from ldap.controls import AssertionControl

from writeback.connectors.base import Capabilities, DirectoryError, Entry, Probe, Reason
from writeback.connectors.connection import Change, Connection, Found
from writeback.connectors.failures import LdapError
from writeback.connectors.ldap_directory import PERSON, LdapConnector, why_protected
from writeback.connectors.password_policy import (
    PASSWORD_MODIFY,
    POLICY_CONTROL,
    password_modify,
    policy_request,
    policy_said,
    refusal,
    time_of,
)
from writeback.connectors.pool import bound, reading

# An administrator's lock (draft-behera section 5.3.3). A reset would take it away with the others.
ADMINISTRATIVE_LOCK = "00000101"
# Where the policy can't be read: fewer tries than any sensible one allows.
ASSUMED_MAX_FAILURE = 3
NEVER = "(!(objectClass=*))"
ASSERTION_FAILED = 122  # RFC 4528
NO_SUCH_ATTRIBUTE, NO_RIGHTS, UNWILLING = 16, 50, 53
POLICY_ATTRIBUTES = (
    "pwdLockout",
    "pwdMaxFailure",
    "pwdLockoutDuration",
    "pwdFailureCountInterval",
    "pwdMaxAge",
    "pwdInHistory",
    "pwdMustChange",
    "pwdAllowUserChange",
)


@dataclass(frozen=True)
class Policy:
    """What counts of a pwdPolicy. Times in seconds, 0 for none; `max_failure` 0: nothing locks."""

    max_failure: int = ASSUMED_MAX_FAILURE
    lockout_duration: int = 0
    failure_interval: int = 0
    max_age: int = 0
    history: int = 1
    must_change: bool = True
    allows_change: bool = True
    is_known: bool = False


class OpenLdap(LdapConnector):
    """Sets passwords by RFC 3062, so that the overlay sees them in clear and its rules apply.

    They do only where the account has `write` access to userPassword: `manage`, and the rootdn, are above them.
    """

    capabilities = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)
    anchor_attribute = "entryUUID"
    # Not pwdHistory: it holds digests of passwords.
    attributes = ("pwdChangedTime", "pwdAccountLockedTime", "pwdFailureTime", "pwdReset", "pwdPolicySubentry")

    def probe(self) -> Probe:
        root, server = reading(self.access, lambda connection: (_root(connection), connection.server.url))
        reading(self.access, lambda connection: connection.read(self.access.base_dn, ["1.1"]))
        if PASSWORD_MODIFY not in root.texts("supportedextension"):
            raise DirectoryError(Reason.NOT_SUPPORTED, "RFC 3062")
        vendor = "OpenLDAP" if "OpenLDAProotDSE" in root.texts("objectclass") else root.text("vendorname")
        if POLICY_CONTROL not in root.texts("supportedcontrol"):
            return Probe(server, vendor, False, ("no_password_policy",))
        policy, is_bound = self._policy(""), self._is_bound_by_policy()
        warnings = (() if policy.is_known else ("policy_unreadable",)) + (() if is_bound else ("policy_not_enforced",))
        return Probe(server, vendor, is_bound and policy.history > 0, warnings)

    def _is_bound_by_policy(self) -> bool:
        """Whether the policy holds for what this account sets; True also where nobody is there to ask about.

        A password of one letter is set under the assertion (RFC 4528) that the entry is not there. The overlay judges
        the password before the database judges the assertion, so its no says that it looks; nothing is ever written.
        """
        with bound(self.access) as connection:
            person = next(connection.pages(self.access.base_dn, PERSON, ["1.1"], size=1), None)
            if person is None or why_protected(self.access, person.dn):
                return True
            impossible = AssertionControl(True, NEVER)
            letter: list[Change] = [(ldap.MOD_REPLACE, "userPassword", [b"x"])]
            try:
                connection.modify(person.dn, letter, [impossible, policy_request()])
            except LdapError as error:
                return error.result != ASSERTION_FAILED
        return False

    def marked_at(self, found: Found) -> datetime | None:
        return time_of(found.text("pwdchangedtime"))

    def entry(self, found: Found, now: datetime) -> Entry:
        """The mark is pwdChangedTime alone: a failed sign-in also moves entryCSN, and pwdHistory is not ours to read."""
        policy = self._policy(found.text("pwdpolicysubentry"))
        changed, locked = found.text("pwdchangedtime"), found.text("pwdaccountlockedtime")
        set_at = time_of(changed)
        return Entry(
            anchor=found.text("entryuuid").lower(),
            dn=found.dn,
            mark=changed,
            is_disabled=locked.startswith(ADMINISTRATIVE_LOCK),
            is_locked=_is_locked(locked, policy, now),
            must_change=policy.must_change and found.text("pwdreset") == "TRUE",
            is_password_expired=bool(policy.max_age and set_at and set_at + timedelta(seconds=policy.max_age) <= now),
            cannot_change=not policy.allows_change,
            protected=why_protected(self.access, found.dn),
            tries_left=_tries_left(found.texts("pwdfailuretime"), policy, now),
            password_set_at=set_at,
        )

    def _policy(self, dn: str) -> Policy:
        """The policy of this name, or the one for everybody, as far as the account may read it."""
        if dn:
            try:
                return _policy_of(reading(self.access, lambda connection: connection.read(dn, POLICY_ATTRIBUTES)))
            except DirectoryError as error:
                if error.reason is not Reason.NOT_FOUND:
                    raise
                return Policy()
        # Which of them is everybody's stands in slapd's own configuration, which is not ours to read.
        found = reading(
            self.access,
            lambda connection: connection.search(self.access.base_dn, "(objectClass=pwdPolicy)", POLICY_ATTRIBUTES),
        )
        policies = [_policy_of(each) for each in found]
        if len(policies) == 1:
            return policies[0]
        return Policy(min((each.max_failure for each in policies if each.max_failure), default=ASSUMED_MAX_FAILURE))

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        self.ensure_writable(entry)
        self.ensure_takable(new)
        if not current:
            return self._set_as_account(entry, new)
        try:
            with self.bound_as(entry, current) as connection:
                self.ensure_in_time()
                return _set(connection, entry, new, current)
        except LdapError as error:
            if error.result != NO_RIGHTS:
                raise
            # The person may not write their own; the account may, and the same rules hold.
        except DirectoryError as error:
            # slapd says so only of the right password.
            if error.reason is not Reason.PASSWORD_EXPIRED:
                raise
        return self._set_as_account(entry, new, current)

    def _set_as_account(self, entry: Entry, new: str, current: str = "") -> None:
        with bound(self.access) as connection:
            self.ensure_in_time()
            _set(connection, entry, new, current)

    def unlock(self, entry: Entry) -> None:
        self.ensure_writable(entry)
        # Deleted, not replaced by nothing: only then the failures that were counted go with it (seen with 2.5).
        try:
            self._modify(entry, (ldap.MOD_DELETE, "pwdAccountLockedTime", None))
        except LdapError as error:
            if error.result != NO_SUCH_ATTRIBUTE:
                raise

    def require_change(self, entry: Entry) -> None:
        """Raises DirectoryError with NOT_SUPPORTED where the person's policy has no pwdMustChange: pwdReset is ignored."""
        self.ensure_writable(entry)
        found = self._found(entry.anchor)
        if not self._policy(found.text("pwdpolicysubentry")).must_change:
            raise DirectoryError(Reason.NOT_SUPPORTED, "pwdMustChange")
        self._modify(entry, (ldap.MOD_REPLACE, "pwdReset", [b"TRUE"]))

    def _modify(self, entry: Entry, change: Change) -> None:
        with bound(self.access) as connection:
            self.ensure_in_time()
            connection.modify(entry.dn, [change])

    def bind_refusal(self, entry: Entry, error: LdapError) -> DirectoryError:
        """slapd tells a locked account from a wrong password only with ppolicy_use_lockout: the entry tells it too."""
        if error.reason is not Reason.WRONG_PASSWORD:
            return refusal(error)
        if entry.is_disabled:
            return error.because(Reason.DISABLED)
        return error.because(Reason.LOCKED) if entry.is_locked else refusal(error)


def _root(connection: Connection) -> Found:
    return connection.read("", ["objectClass", "vendorName", "supportedControl", "supportedExtension"])


def _set(connection: Connection, entry: Entry, new: str, current: str) -> None:
    value = password_modify(entry.dn, new, current)
    try:
        connection.extended(PASSWORD_MODIFY, value, [policy_request()])
    except LdapError as error:
        if current and error.result == UNWILLING and policy_said(error.controls) is None:
            raise error.because(Reason.WRONG_PASSWORD) from None
        if error.result == NO_RIGHTS and policy_said(error.controls) is None:
            raise
        raise refusal(error) from None


def _policy_of(found: Found) -> Policy:
    locks = found.text("pwdlockout") == "TRUE"
    return Policy(
        max_failure=found.number("pwdmaxfailure") if locks else 0,
        lockout_duration=found.number("pwdlockoutduration"),
        failure_interval=found.number("pwdfailurecountinterval"),
        max_age=found.number("pwdmaxage"),
        history=found.number("pwdinhistory"),
        must_change=found.text("pwdmustchange") == "TRUE",
        allows_change=found.text("pwdallowuserchange") != "FALSE",
        is_known=True,
    )


def _is_locked(locked: str, policy: Policy, now: datetime) -> bool:
    since = time_of(locked)
    if not locked or locked.startswith(ADMINISTRATIVE_LOCK):
        return False
    ends = policy.lockout_duration and since and since + timedelta(seconds=policy.lockout_duration)
    return not ends or now < ends


def _tries_left(failures: list[str], policy: Policy, now: datetime) -> int | None:
    if not policy.max_failure:
        return None
    oldest = now - timedelta(seconds=policy.failure_interval) if policy.failure_interval else None
    times = [time_of(failure) for failure in failures]
    counted = [each for each in times if oldest is None or each is None or each > oldest]
    return max(0, policy.max_failure - len(counted))
