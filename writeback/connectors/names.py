"""Distinguished names compared as a directory compares them (RFC 4514, RFC 4518). No Django here."""

from functools import lru_cache
from typing import Any

import ldap
import ldap.dn

from writeback.connectors.base import Access

# Other spellings of the attributes that names are made of (RFC 4519).
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

Rdn = tuple[tuple[str, str], ...]


class NotAName(ValueError):
    """Text that is no distinguished name."""


@lru_cache(maxsize=1024)
def parts(dn: str) -> tuple[Rdn, ...]:
    """A name's parts, the root first, without what doesn't count: case, repeated spaces, order within a part.

    Raises NotAName.
    """
    try:
        rdns = ldap.dn.str2dn(dn)
    except (ldap.LDAPError, ValueError) as error:
        raise NotAName(dn) from error
    return tuple(tuple(sorted(_pair(pair) for pair in rdn)) for rdn in reversed(rdns))


def _pair(pair: tuple[str, str, Any]) -> tuple[str, str]:
    attribute, value, _flags = pair
    name = attribute.lower().removeprefix("oid.")
    return SPELLINGS.get(name, name), " ".join(value.casefold().split())


def is_at_or_below(dn: str, above: str) -> bool:
    """Raises NotAName."""
    top = parts(above)
    return parts(dn)[: len(top)] == top


def protected_by_name(access: Access, dn: str) -> str:
    """Why nothing is written to this name: `account` (it is the account we come as), `denied`, or nothing.

    A name that can't be read, here or among the denied ones, protects: it can't be told what it covers.
    """
    try:
        if _is_the_account(access, dn):
            return "account"
        if any(is_at_or_below(dn, denied) for denied in access.denied):
            return "denied"
    except NotAName:
        return "denied"
    return ""


def _is_the_account(access: Access, dn: str) -> bool:
    """An account need not be a name (Active Directory also takes ann@example.test)."""
    try:
        return parts(access.account) == parts(dn)
    except NotAName:
        return False


def domain_of(base_dn: str) -> str:
    """example.test of dc=example,dc=test (RFC 2247); nothing where the base has no such parts."""
    pairs = [pair for rdn in reversed(parts(base_dn)) for pair in rdn]
    return ".".join(value for name, value in pairs if name == "dc")
