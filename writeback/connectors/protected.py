"""Who is never written to, whatever rights the account has. Pure functions on what Active Directory tells of somebody.

The well-known identifiers are those of MS-DTYP section 2.4.2.4; the account flags those of MS-ADTS section 2.2.16.
"""

import struct
from collections.abc import Collection, Iterable

import ldap
import ldap.dn

ADMINISTRATOR, KRBTGT = 500, 502
PRIVILEGED_IN_DOMAIN = frozenset(
    {
        498,  # Enterprise Read-only Domain Controllers
        512,  # Domain Admins
        516,  # Domain Controllers
        517,  # Cert Publishers
        518,  # Schema Admins
        519,  # Enterprise Admins
        520,  # Group Policy Creator Owners
        521,  # Read-only Domain Controllers
        526,  # Key Admins
        527,  # Enterprise Key Admins
    }
)
PRIVILEGED_BUILTIN = frozenset(
    {
        544,  # Administrators
        548,  # Account Operators
        549,  # Server Operators
        550,  # Print Operators
        551,  # Backup Operators
        552,  # Replicator
    }
)
BUILTIN = "S-1-5-32-"
# Interdomain trust, workstation, server, read-only domain controller.
MACHINE_FLAGS = 0x0800 | 0x1000 | 0x2000 | 0x04000000
MACHINE_CLASSES = frozenset({"computer", "msds-managedserviceaccount", "msds-groupmanagedserviceaccount"})

# Other spellings of the attributes that names are made of (RFC 4519): a denied place may be written with them.
SPELLINGS = {
    "commonname": "cn",
    "2.5.4.3": "cn",
    "organizationalunitname": "ou",
    "2.5.4.11": "ou",
    "organizationname": "o",
    "2.5.4.10": "o",
    "domaincomponent": "dc",
    "0.9.2342.19200300.100.1.25": "dc",
    "userid": "uid",
    "0.9.2342.19200300.100.1.1": "uid",
}


def sid_text(sid: bytes) -> str:
    """S-1-… of a binary SID (MS-DTYP section 2.4.2.2). Raises ValueError."""
    if len(sid) < 8 or len(sid) != 8 + 4 * sid[1]:
        raise ValueError("not a SID")
    parts = struct.unpack(f"<{sid[1]}I", sid[8:])
    return "-".join(["S", str(sid[0]), str(int.from_bytes(sid[2:8], "big")), *map(str, parts)])


def rid(sid: str) -> int:
    return int(sid.rpartition("-")[2])


def is_privileged_group(sid: str) -> bool:
    """Of whatever domain of the forest: Enterprise Admins are the root domain's."""
    return rid(sid) in (PRIVILEGED_BUILTIN if sid.startswith(BUILTIN) else PRIVILEGED_IN_DOMAIN)


def privileged_groups(domain_sid: str) -> list[str]:
    """The SIDs to look for in one domain."""
    return [f"{BUILTIN}{number}" for number in sorted(PRIVILEGED_BUILTIN)] + [
        f"{domain_sid}-{number}" for number in sorted(PRIVILEGED_IN_DOMAIN)
    ]


def why_account_is_protected(sid: str, flags: int, admin_count: int, classes: Iterable[str]) -> str:
    """By what the account itself says; empty where it says nothing."""
    if rid(sid) in (ADMINISTRATOR, KRBTGT):
        return f"well-known account {rid(sid)}"
    if admin_count:
        return "adminCount is set"
    if flags & MACHINE_FLAGS or MACHINE_CLASSES & {name.lower() for name in classes}:
        return "not a person's account"
    return ""


def why_groups_protect(group_sids: Collection[str]) -> str:
    """By all groups, those inside groups included. None at all means that they couldn't be read: everybody has one."""
    if not group_sids:
        return "its groups can't be read"
    found = sorted(sid for sid in group_sids if is_privileged_group(sid))
    return f"member of {found[0]}" if found else ""


def why_place_is_protected(dn: str, denied: Iterable[str]) -> str:
    """By where the entry stands."""
    place = _parts(dn)
    for base in denied:
        parts = _parts(base)
        if not parts or not place or place[-len(parts) :] == parts:
            return "in a part that is denied"
    return ""


def is_within(dn: str, base: str) -> bool:
    """Whether a DN is `base` or below it; False where one of them is no DN."""
    place, parts = _parts(dn), _parts(base)
    return bool(place and parts) and place[-len(parts) :] == parts


def is_same(dn: str, other: str) -> bool:
    return bool(_parts(dn)) and _parts(dn) == _parts(other)


def _parts(dn: str) -> list[list[tuple[str, str]]]:
    """A DN to compare: whatever its case, its way of escaping and the order within a part. Empty: it is no DN."""
    try:
        parsed = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return []
    return [
        sorted((_attribute(name), " ".join(value.casefold().split())) for name, value, _flags in rdn) for rdn in parsed
    ]


def _attribute(name: str) -> str:
    lowered = name.lower()
    return SPELLINGS.get(lowered, lowered)
