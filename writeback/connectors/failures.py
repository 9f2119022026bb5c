"""What LDAP says no with, in our own words. Only numbers decide: texts differ by version and by language."""

import re
from collections.abc import Iterable
from typing import Any

import ldap

from writeback.connectors.base import DirectoryError, Reason

# RFC 4511 section 4.1.9; the negative ones are libldap's own (see ldap.h).
REASONS = {
    -11: Reason.UNREACHABLE,
    -5: Reason.UNREACHABLE,
    -1: Reason.UNREACHABLE,
    3: Reason.UNREACHABLE,
    12: Reason.NOT_SUPPORTED,
    19: Reason.POLICY,
    32: Reason.NOT_FOUND,
    34: Reason.NOT_FOUND,
    49: Reason.WRONG_PASSWORD,
    50: Reason.NO_RIGHTS,
    51: Reason.UNREACHABLE,
    52: Reason.UNREACHABLE,
}
CONNECTION_LOST = frozenset({-11, -5, -1})
WINDOWS_CODE = re.compile(r"\A([0-9A-Fa-f]{8}):")
BIND_CODE = re.compile(r"\bdata ([0-9A-Fa-f]{1,8})\b")
CODE_LENGTH = 200


class LdapError(DirectoryError):
    """A directory's no with the numbers that the connectors look at.

    `windows` is Active Directory's error number (0 where there is none), `bind_data` what it says of a refused bind.
    `controls` are the response controls: encoded values by their OID.
    """

    def __init__(self, reason: Reason, code: str, result: int, may_have_happened: bool = False) -> None:
        super().__init__(reason, code, may_have_happened)
        self.result = result
        self.windows, self.bind_data = 0, 0
        self.controls: dict[str, bytes] = {}

    @property
    def is_connection_lost(self) -> bool:
        return self.result in CONNECTION_LOST

    def because(self, reason: Reason) -> DirectoryError:
        """The same no for a better known reason."""
        return DirectoryError(reason, self.code, self.may_have_happened)


def ldap_error(error: ldap.LDAPError, was_sent: bool = False) -> LdapError:
    """What python-ldap raised. `was_sent`: a write was on its way, so a lost connection leaves it open whether it arrived.

    The diagnostic text is only searched for numbers and not kept: nobody can promise that it doesn't repeat a password.
    """
    said: dict[str, Any] = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    result = int(said.get("result", -1))
    info = str(said.get("info", ""))
    windows, bind_data = _hexadecimal(WINDOWS_CODE, info), _hexadecimal(BIND_CODE, info)
    words = [str(result)]
    words += [f"{windows:08X}"] if windows else []
    words += [f"data {bind_data:x}"] if bind_data else []
    lost = result in CONNECTION_LOST
    failure = LdapError(REASONS.get(result, Reason.UNKNOWN), printable(" ".join(words)), result, was_sent and lost)
    failure.windows, failure.bind_data = windows, bind_data
    failure.controls = {oid: value or b"" for oid, _critical, value in _raw_controls(said)}
    return failure


def printable(text: str) -> str:
    """Nothing that could end a line, colour a terminal or fill a log."""
    return "".join(letter for letter in text if letter.isprintable())[:CODE_LENGTH]


def _hexadecimal(pattern: re.Pattern[str], info: str) -> int:
    found = pattern.search(info)
    return int(found[1], 16) if found else 0


def _raw_controls(said: dict[str, Any]) -> Iterable[tuple[str, bool, bytes | None]]:
    return said.get("ctrls") or []
