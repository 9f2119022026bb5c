"""How much of an address or a number is shown to somebody who has proved nothing yet: two digits, or one letter."""

from accounts.methods import AuthenticatorType

DOT = "•"


def mask_phone(last_two: str) -> str:
    return DOT * 6 + " " + last_two


def mask_mail(first_letter: str) -> str:
    return first_letter + DOT * 5 + "@" + DOT * 5


def mask_of(kind: AuthenticatorType, value: str) -> str:
    """The mask of a stored value; empty for types that have nothing to show."""
    if kind in (AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE):
        return mask_phone("".join(char for char in value.partition("x")[0] if char.isdigit())[-2:])
    if kind == AuthenticatorType.EMAIL:
        return mask_mail(value[:1].lower())
    return ""
