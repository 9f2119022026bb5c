"""Active Directory, and Samba's domain controller that speaks like it.

People are found by objectGUID and written to by it too, so that neither a new name nor a move comes between.
"""

import uuid
from datetime import UTC, datetime, timedelta

import ldap
from ldap.controls import RequestControl
from ldap.filter import escape_filter_chars

from writeback.connectors import protected
from writeback.connectors.access_rules import denies_change
from writeback.connectors.base import Access, Capabilities, Connector, DirectoryError, Entry, Probe, Reason
from writeback.connectors.connection import Change, Connection, Found, open_connection
from writeback.connectors.failures import LdapError
from writeback.connectors.password_rules import Rules, broken_rule, interval, moment
from writeback.connectors.pool import bound, reading

ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"  # of rootDSE.supportedCapabilities (MS-ADTS section 3.1.1.3.4.3)
# LDAP_SERVER_POLICY_HINTS (MS-ADTS section 3.1.1.3.4.1.27), the newer one first: history applies to resets too.
POLICY_HINTS = ("1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066")
SD_FLAGS = "1.2.840.113556.1.4.801"
ONE = b"\x30\x03\x02\x01\x01"  # a sequence of the integer 1
DACL_ONLY = b"\x30\x03\x02\x01\x04"

DISABLED, LOCKED, NEVER_EXPIRES, EXPIRED = 0x2, 0x10, 0x10000, 0x800000  # MS-ADTS section 2.2.16
COMPLEXITY = 1  # of pwdProperties
UNREADABLE_THRESHOLD = 3  # what is assumed of a lock that can't be read: the strictest that is in use
SMALLEST_TICK = timedelta(minutes=1)  # clocks differ

# Windows error numbers, in binds ("data") and in modifies alike (MS-ERREF section 2.2).
REASONS = {
    0x56: Reason.WRONG_PASSWORD,
    0x52E: Reason.WRONG_PASSWORD,
    0x525: Reason.NOT_FOUND,
    0x532: Reason.PASSWORD_EXPIRED,
    0x533: Reason.DISABLED,
    0x701: Reason.ACCOUNT_EXPIRED,
    0x773: Reason.MUST_CHANGE,
    0x775: Reason.LOCKED,
}
PASSWORD_RESTRICTION = 0x52D
DENIED_CHANGE = (19, 50)  # how Samba and Windows refuse it to who may not change their password

USER = [
    "objectClass",
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "pwdLastSet",
    "badPwdCount",
    "badPasswordTime",
    "msDS-KeyVersionNumber",
    "msDS-ResultantPSO",
    "adminCount",
    "tokenGroups",
    "nTSecurityDescriptor",
]
DOMAIN_RULES = ["minPwdLength", "minPwdAge", "pwdProperties", "lockoutThreshold", "lockOutObservationWindow"]
OWN_RULES = [
    "msDS-MinimumPasswordLength",
    "msDS-MinimumPasswordAge",
    "msDS-PasswordComplexityEnabled",
    "msDS-LockoutThreshold",
    "msDS-LockoutObservationWindow",
]
ROOT = ["defaultNamingContext", "supportedCapabilities", "supportedControl", "vendorName", "dnsHostName"]


def sd_flags() -> RequestControl:
    """Asks for the access rules only: the rest of a security descriptor needs more rights."""
    return RequestControl(SD_FLAGS, True, DACL_ONLY)


def as_unicode_pwd(password: str) -> bytes:
    """MS-ADTS section 3.1.1.3.1.5: quoted, UTF-16. Raises DirectoryError with POLICY for what that can't hold.

    Nor a NUL: it could be set, but a bind would end there.
    """
    if "\0" in password:
        raise DirectoryError(Reason.POLICY, "not encodable")
    try:
        return f'"{password}"'.encode("utf-16-le")
    except UnicodeEncodeError:
        raise DirectoryError(Reason.POLICY, "not encodable") from None


def by_guid(anchor: str) -> str:
    """A name that stays with its object. Raises DirectoryError with NOT_FOUND for what is no anchor."""
    try:
        return f"<GUID={uuid.UUID(anchor)}>"
    except ValueError:
        raise DirectoryError(Reason.NOT_FOUND, "not an objectGUID") from None


def known_reason(error: LdapError) -> DirectoryError:
    """The same no, for the reason that its Windows number names."""
    return error.because(REASONS.get(error.bind_data) or REASONS.get(error.windows) or error.reason)


class ActiveDirectory(Connector):
    """It doesn't name the rule that a password breaks; this class works it out from the policy that applies."""

    capabilities = Capabilities(unlocks=True, requires_change=True, tells_tries_left=True, names_broken_rule=True)

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._root: Found | None = None

    def probe(self) -> Probe:
        def look(connection: Connection) -> tuple[Found, str, str]:
            return connection.read("", ROOT), connection.server.url, self._why_account_is_privileged(connection)

        root, url, privileged = reading(self.access, look)
        if ACTIVE_DIRECTORY not in root.texts("supportedcapabilities"):
            raise DirectoryError(Reason.NOT_SUPPORTED, "not Active Directory")
        honours = self._hints(root) is not None
        warnings = {"history_not_on_reset": not honours, "account_is_privileged": bool(privileged)}
        shown = tuple(warning for warning, applies in warnings.items() if applies)
        return Probe(url, root.text("vendorname") or "Microsoft", honours, shown)

    def find(self, anchor: str) -> Entry:
        return reading(self.access, lambda connection: self._find(connection, anchor))

    def find_anchor(self, login: str) -> str:
        """Of whom this name signs in: userPrincipalName before sAMAccountName. Raises DirectoryError with NOT_FOUND."""
        if not login.isprintable():
            raise DirectoryError(Reason.NOT_FOUND, "not a name")
        name = escape_filter_chars(login)
        person = f"(&(objectCategory=person)(objectClass=user)(|(userPrincipalName={name})(sAMAccountName={name})))"
        attributes = ["objectGUID", "userPrincipalName"]
        found = reading(self.access, lambda connection: connection.search(self.access.base_dn, person, attributes))
        exact = [user for user in found if user.text("userprincipalname").casefold() == login.casefold()] or found
        if len(exact) != 1:
            raise DirectoryError(Reason.NOT_FOUND, f"{len(exact)} found")
        return anchor_of(exact[0])

    def set_password(self, entry: Entry, new: str, current: str = "") -> None:
        attribute = "unicodePwd"
        changes: list[Change] = [(ldap.MOD_REPLACE, attribute, [as_unicode_pwd(new)])]
        if current:
            changes = [
                (ldap.MOD_DELETE, attribute, [as_unicode_pwd(current)]),
                (ldap.MOD_ADD, attribute, [as_unicode_pwd(new)]),
            ]
        hints = None if current else reading(self.access, lambda connection: self._hints(self._root_of(connection)))
        controls = [RequestControl(hints, True, ONE)] if hints else []
        try:
            self._modify(entry, changes, controls)
        except LdapError as error:
            if error.windows == PASSWORD_RESTRICTION:
                raise error.because(self._broken_rule(entry, new, bool(current), bool(hints))) from None
            if current and entry.cannot_change and error.result in DENIED_CHANGE and error.windows not in REASONS:
                raise error.because(Reason.CANNOT_CHANGE) from None
            raise known_reason(error) from None

    def unlock(self, entry: Entry) -> None:
        self._write(entry, "lockoutTime")

    def require_change(self, entry: Entry) -> None:
        self._write(entry, "pwdLastSet")

    def verify(self, entry: Entry, password: str) -> None:
        try:
            open_connection(self.access, entry.dn, password).close()
        except LdapError as error:
            raise known_reason(error) from None

    def _write(self, entry: Entry, attribute: str) -> None:
        try:
            self._modify(entry, [(ldap.MOD_REPLACE, attribute, [b"0"])], [])
        except LdapError as error:
            raise known_reason(error) from None

    def _modify(self, entry: Entry, changes: list[Change], controls: list[RequestControl]) -> None:
        with bound(self.access) as connection:
            self.ensure_in_time()
            connection.modify(by_guid(entry.anchor), changes, controls)

    def _root_of(self, connection: Connection) -> Found:
        self._root = self._root or connection.read("", ROOT)
        return self._root

    def _hints(self, root: Found) -> str | None:
        offered = root.texts("supportedcontrol")
        return next((oid for oid in POLICY_HINTS if oid in offered), None)

    def _find(self, connection: Connection, anchor: str) -> Entry:
        user = connection.read(by_guid(anchor), USER, "(objectClass=user)", [sd_flags()])
        if not protected.is_within(user.dn, self.access.base_dn):
            raise DirectoryError(Reason.NOT_FOUND, "outside of the base")
        return entry_of(user, self._rules(connection, user), self._why_protected(user), datetime.now(UTC))

    def _why_protected(self, user: Found) -> str:
        sids = [protected.sid_text(sid) for sid in user.values.get("tokengroups", ())]
        account = self.access.account
        is_own = protected.is_same(user.dn, account) or account.rpartition("\\")[2].casefold() in (
            user.text("userprincipalname").casefold(),
            user.text("samaccountname").casefold(),
        )
        return (
            ("the account that writes" if is_own else "")
            or protected.why_account_is_protected(
                protected.sid_text(user.values["objectsid"][0]),
                user.number("useraccountcontrol"),
                user.number("admincount"),
                user.texts("objectclass"),
            )
            or protected.why_groups_protect(sids)
            or protected.why_place_is_protected(user.dn, self.access.denied)
        )

    def _why_account_is_privileged(self, connection: Connection) -> str:
        """Whether the account could do far more than it needs to. Empty also where it can't be seen."""
        account = self.access.account
        try:
            if "=" not in account:
                name = escape_filter_chars(account.rpartition("\\")[2])
                domain = self._root_of(connection).text("defaultnamingcontext")
                found = connection.search(domain, f"(|(userPrincipalName={name})(sAMAccountName={name}))", ["1.1"])
                account = found[0].dn if found else ""
            own = connection.read(account, ["tokenGroups"])
        except LdapError:
            return ""
        sids = [protected.sid_text(sid) for sid in own.values.get("tokengroups", ())]
        return protected.why_groups_protect(sids) if sids else ""

    def _rules(self, connection: Connection, user: Found) -> Rules:
        """The person's own policy where there is one, else the domain's."""
        domain = connection.read(self._root_of(connection).text("defaultnamingcontext"), DOMAIN_RULES)
        own = user.text("msds-resultantpso")
        if not own:
            return domain_rules(domain)
        try:
            return own_rules(connection.read(own, OWN_RULES))
        except LdapError as error:
            if error.is_connection_lost:
                raise
            return unreadable_rules(domain_rules(domain))

    def _broken_rule(self, entry: Entry, new: str, is_change: bool, has_hints: bool) -> Reason:
        """Looked up after the refusal, for the reason only: a failure here must not hide it."""
        try:
            user, rules = reading(self.access, lambda connection: self._names_and_rules(connection, entry))
        except DirectoryError:
            return Reason.POLICY
        names = user.text("samaccountname"), user.text("displayname")
        set_at = moment(user.number("pwdlastset")) if is_change else None
        return broken_rule(new, rules, names, set_at, is_change or has_hints, datetime.now(UTC))

    def _names_and_rules(self, connection: Connection, entry: Entry) -> tuple[Found, Rules]:
        attributes = ["sAMAccountName", "displayName", "pwdLastSet", "msDS-ResultantPSO"]
        user = connection.read(by_guid(entry.anchor), attributes)
        return user, self._rules(connection, user)


def anchor_of(found: Found) -> str:
    """objectGUID as Windows writes it: its first three parts are little-endian."""
    return str(uuid.UUID(bytes_le=found.values["objectguid"][0]))


def domain_rules(domain: Found) -> Rules:
    return Rules(
        domain.number("minpwdlength"),
        interval(domain.number("minpwdage")),
        bool(domain.number("pwdproperties") & COMPLEXITY),
        domain.number("lockoutthreshold"),
        interval(domain.number("lockoutobservationwindow")),
    )


def own_rules(policy: Found) -> Rules:
    """Raises LdapError with NO_RIGHTS where it shows nothing of itself."""
    if "msds-minimumpasswordlength" not in policy.values:
        raise LdapError(Reason.NO_RIGHTS, "50", 50)
    return Rules(
        policy.number("msds-minimumpasswordlength"),
        interval(policy.number("msds-minimumpasswordage")),
        policy.text("msds-passwordcomplexityenabled") == "TRUE",
        policy.number("msds-lockoutthreshold"),
        interval(policy.number("msds-lockoutobservationwindow")),
    )


def unreadable_rules(domain: Rules) -> Rules:
    threshold = min(domain.lock_threshold or UNREADABLE_THRESHOLD, UNREADABLE_THRESHOLD)
    return Rules(0, timedelta(), False, threshold, domain.lock_window, is_known=False)


def tries_left(user: Found, rules: Rules, is_locked: bool, now: datetime) -> int | None:
    """How many wrong passwords the lock is away. The count of wrong ones stays after its window and counts no more."""
    if not rules.lock_threshold:
        return None
    if is_locked:
        return 0
    last = moment(user.number("badpasswordtime"))
    counts = rules.is_known is False or last is None or now <= last + rules.lock_window + SMALLEST_TICK
    return max(0, rules.lock_threshold - (user.number("badpwdcount") if counts else 0))


def entry_of(user: Found, rules: Rules, why_protected: str, now: datetime) -> Entry:
    flags, computed = user.number("useraccountcontrol"), user.number("msds-user-account-control-computed")
    is_locked = bool(computed & LOCKED)
    never_expires = bool(flags & NEVER_EXPIRES)
    must_change = user.text("pwdlastset") == "0" and not never_expires
    return Entry(
        anchor=anchor_of(user),
        dn=user.dn,
        mark=f"{user.number('pwdlastset')}.{user.number('msds-keyversionnumber')}",
        is_disabled=bool(flags & DISABLED),
        is_locked=is_locked,
        must_change=must_change,
        is_password_expired=bool(computed & EXPIRED) and not must_change,
        cannot_change=any(denies_change(each) for each in user.values.get("ntsecuritydescriptor", ())),
        never_expires=never_expires,
        protected=why_protected,
        tries_left=tries_left(user, rules, is_locked, now),
        password_set_at=moment(user.number("pwdlastset")),
    )
