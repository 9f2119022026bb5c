"""`check`: what the agent's service account is, and where it may do more than it needs. Reads only."""

from collections.abc import Callable, Iterator
from itertools import islice

from writeback.agent.configuration import Configuration
from writeback.connectors import protected
from writeback.connectors.base import Connector, DirectoryError, Kind, Probe
from writeback.connectors.connection import Connection, Found
from writeback.connectors.pool import reading

WARNINGS = {
    "history_not_on_reset": "A reset may set an earlier password again: this server doesn't apply its history to resets.",
    "account_is_privileged": "The account is in a privileged group: it could do far more than set passwords.",
    "policy_not_enforced": "The directory's password policy doesn't hold for what this account sets.",
    "policy_unreadable": "The account may not read the password policy: lengths and tries left are guessed.",
    "no_password_policy": "The directory has no password policy.",
}
# What the account needs to write at a user; MS-ADTS section 3.1.1.4.5.22 lists what it may.
NEEDED = frozenset({"lockouttime", "pwdlastset"})
EFFECTIVE = "allowedAttributesEffective"
PEOPLE = "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE)))"
SAMPLE = 20
NAMES = ("sAMAccountName", "userPrincipalName")


class Finding(str):
    """A sentence about something that should be changed."""

    __slots__ = ()


def findings(configuration: Configuration, connect: Callable[[], Connector]) -> Iterator[str]:
    """Sentences, the ones to act on as Finding. Raises DirectoryError where nothing can be seen."""
    access = configuration.access
    probe = connect().probe()
    yield from _seen(configuration, probe)
    for warning in probe.warnings:
        yield Finding(WARNINGS.get(warning, warning))
    if protected.is_same(configuration.limit_dn, access.base_dn):
        yield "Within its reach is everybody below base_dn; limit_dn makes that narrower."
    if access.kind is Kind.ACTIVE_DIRECTORY:
        yield from reading(access, lambda connection: list(_rights_in_ad(connection, configuration)))


def _seen(configuration: Configuration, probe: Probe) -> Iterator[str]:
    access = configuration.access
    yield f"Reached: {probe.server} ({probe.vendor}), as {access.account}."
    yield f"Touches nobody outside of {configuration.limit_dn}."
    yield f"Writes at most {configuration.most_resets_per_minute} times a minute."
    for dn in access.denied:
        yield f"Never touches anything at or below {dn}."


def _rights_in_ad(connection: Connection, configuration: Configuration) -> Iterator[str]:
    """What Active Directory itself says that the account may write."""
    access = configuration.access
    if connection.read(access.base_dn, [EFFECTIVE]).values.get(EFFECTIVE.lower()):
        yield Finding(f"The account may change {access.base_dn} itself.")
    inside: set[str] = set()
    outside = False
    for found in islice(connection.pages(access.base_dn, PEOPLE, [EFFECTIVE, *NAMES], size=SAMPLE), SAMPLE):
        if _is_itself(found, access.account):
            continue  # everybody may write some of their own
        writable = {name.lower() for name in found.texts(EFFECTIVE.lower())}
        if protected.is_within(found.dn, configuration.limit_dn):
            inside |= writable
        elif writable:
            outside = True
    if outside:
        yield Finding(f"The account may write to people outside of {configuration.limit_dn}.")
    if inside - NEEDED:
        more = ", ".join(sorted(inside - NEEDED)[:5])
        yield Finding(f"The account may write more of people than it needs: {more}.")
    if inside and not inside >= NEEDED:
        yield Finding(f"The account can't write {', '.join(sorted(NEEDED - inside))}: unlock or must-change will fail.")


def _is_itself(found: Found, account: str) -> bool:
    names = [found.text(name.lower()).casefold() for name in NAMES]
    return protected.is_same(found.dn, account) or account.rpartition("\\")[2].casefold() in names


def explained(error: DirectoryError) -> str:
    """What to look at, where a directory can't be reached."""
    return f"The directory said no: {error.reason} ({error.code or 'no code'})."
