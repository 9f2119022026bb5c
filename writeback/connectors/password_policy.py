"""The password policy as OpenLDAP and 389 speak of it: draft-behera-ldap-password-policy-10, RFC 3062. No Django here."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum

from ldap.controls.ppolicy import PasswordPolicyControl

from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.failures import LdapError, printable

PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1"  # noqa: S105 - RFC 3062
POLICY_CONTROL = "1.3.6.1.4.1.42.2.27.8.5.1"
SEQUENCE, ERROR = 0x30, 0x81


class Said(IntEnum):
    """The error of the policy's response control (section 6.2 of the draft; the last one is OpenLDAP's)."""

    PASSWORD_EXPIRED = 0
    ACCOUNT_LOCKED = 1
    CHANGE_AFTER_RESET = 2
    PASSWORD_MOD_NOT_ALLOWED = 3
    MUST_SUPPLY_OLD_PASSWORD = 4
    INSUFFICIENT_PASSWORD_QUALITY = 5
    PASSWORD_TOO_SHORT = 6
    PASSWORD_TOO_YOUNG = 7
    PASSWORD_IN_HISTORY = 8
    PASSWORD_TOO_LONG = 9


REASONS = {
    Said.PASSWORD_EXPIRED: Reason.PASSWORD_EXPIRED,
    Said.ACCOUNT_LOCKED: Reason.LOCKED,
    Said.CHANGE_AFTER_RESET: Reason.MUST_CHANGE,
    Said.PASSWORD_MOD_NOT_ALLOWED: Reason.CANNOT_CHANGE,
    # The policy lets nobody set a password without the old one (pwdSafeModify), so this account can't reset.
    Said.MUST_SUPPLY_OLD_PASSWORD: Reason.NO_RIGHTS,
    Said.INSUFFICIENT_PASSWORD_QUALITY: Reason.COMPLEXITY,
    Said.PASSWORD_TOO_SHORT: Reason.TOO_SHORT,
    Said.PASSWORD_TOO_YOUNG: Reason.TOO_YOUNG,
    Said.PASSWORD_IN_HISTORY: Reason.IN_HISTORY,
    Said.PASSWORD_TOO_LONG: Reason.POLICY,
}


def policy_request() -> PasswordPolicyControl:
    """Asks the directory to say what its policy thinks."""
    return PasswordPolicyControl()


def policy_said(controls: Mapping[str, bytes]) -> Said | None:
    """What the response controls say is wrong, if anything. What can't be read says nothing."""
    # A sequence of [0] a warning, and [1] the error (section 6.2).
    for tag, sequence in _elements(controls.get(POLICY_CONTROL, b"")):
        for inner, content in _elements(sequence) if tag == SEQUENCE else ():
            number = int.from_bytes(content, "big")
            if inner == ERROR and number in set(Said):
                return Said(number)
    return None


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents (X.690 section 8.1); 389 writes short lengths in the long form, too."""
    place = 0
    while place + 1 < len(encoded):
        tag, length, place = encoded[place], encoded[place + 1], place + 2
        if length & 0x80:
            octets = length & 0x7F
            length, place = int.from_bytes(encoded[place : place + octets], "big"), place + octets
        yield tag, encoded[place : place + length]
        place += length


def refusal(error: LdapError) -> DirectoryError:
    """The same no for the reason that the policy's control names, if it names one; its number joins the code."""
    said = policy_said(error.controls)
    if said is None:
        return error
    return DirectoryError(REASONS[said], printable(f"{error.code} ppolicy {said}"), error.may_have_happened)


def password_modify(dn: str, new: str, current: str = "") -> bytes:
    """The value of an RFC 3062 request."""
    fields = _tagged(0x80, dn) + (_tagged(0x81, current) if current else b"") + _tagged(0x82, new)
    return b"\x30" + _length(len(fields)) + fields


def _tagged(tag: int, text: str) -> bytes:
    octets = text.encode()
    return bytes([tag]) + _length(len(octets)) + octets


def _length(count: int) -> bytes:
    """A length in BER's definite form (X.690 section 8.1.3)."""
    if count < 0x80:
        return bytes([count])
    octets = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def time_of(text: str) -> datetime | None:
    """A GeneralizedTime in UTC, with or without parts of a second; None where it is none."""
    try:
        return datetime.strptime(text[:14] + "Z", "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
