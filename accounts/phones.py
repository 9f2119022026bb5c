"""From a typed or imported phone number to the form it is stored in: E.164, or a reason why not.

Numbers are written as Entra writes them: `+1 4255551234x123`, country code first. The rules are libphonenumber's.
"""

import re

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

# ASCII only: digits of other scripts and look-alike signs would be read as numbers too.
WRITTEN = re.compile(r"^\+[1-9][0-9 ().\-/]{4,30}(?P<extension> ?(?:x|ext\.? ?)[0-9]{1,7})?$", re.IGNORECASE | re.ASCII)
MAX_LENGTH = 40

# Ranges that cost their caller extra, or that no single person holds.
REFUSED_TYPES = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.UAN,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
    }
)


class PhoneRefused(ValueError):
    """Why a number can't be used, as a sentence for people. It never carries the number."""


def mobile(text: str) -> str:
    """A mobile phone as E.164. An extension is dropped: mobile phones have none. Raises PhoneRefused."""
    return phonenumbers.format_number(_parse(text), PhoneNumberFormat.E164)


def office(text: str) -> str:
    """An office phone as E.164, with its extension as `+14255551234x123`. Raises PhoneRefused."""
    number = _parse(text)
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{written}x{number.extension}" if number.extension else written


def _parse(text: str) -> PhoneNumber:
    text = text.strip()
    if not text.startswith("+"):
        raise PhoneRefused(_("write the number with its country code, as +1 4255551234"))
    if len(text) > MAX_LENGTH or not WRITTEN.match(text):
        raise PhoneRefused(_("write the number as +1 4255551234 or +1 4255551234x123"))
    try:
        number = phonenumbers.parse(text, None)
    except NumberParseException as error:
        raise PhoneRefused(_reason_of_parser(error)) from None
    kind = phonenumbers.number_type(number)
    if kind in REFUSED_TYPES:
        raise PhoneRefused(_("this is a service, premium-rate or shared-cost number, not a person's phone"))
    # libphonenumber calls a number valid exactly when its type is known; asking for the type once is half the work.
    if kind == PhoneNumberType.UNKNOWN:
        raise PhoneRefused(_reason_of_unknown(number))
    return number


def _reason_of_parser(error: NumberParseException) -> str:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return _("there is no such country code")
    if error.error_type == NumberParseException.TOO_LONG:
        return _("the number is too long")
    return _("the number is too short")


def _reason_of_unknown(number: PhoneNumber) -> str:
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return _("the number is too short")
    if possible in (ValidationResult.TOO_LONG, ValidationResult.INVALID_LENGTH):
        return _("the number has too many digits or a length that its country does not use")
    if possible == ValidationResult.INVALID_COUNTRY_CODE:
        return _("there is no such country code")
    return _("this number is in a range that is not in use")
