"""From a typed or imported phone number to the form it is stored in: E.164, or a reason why not.

Numbers are written as Entra writes them: `+1 4255551234x123`, country code first. The rules are libphonenumber's.
"""

import re

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

# ASCII only: digits of other scripts and look-alike signs would be read as numbers too.
WRITTEN = re.compile(r"^\+[1-9][0-9 ().\-/]{4,30}(?P<extension> ?(?:x|ext\.? ?)[0-9]{1,7})?$", re.IGNORECASE | re.ASCII)
MAX_LENGTH = 40
# A whole number in digits, as most files have it, and the lengths of country codes.
PLAIN = re.compile(r"^\+([1-9][0-9]{0,2} ?[0-9]{6,12})$", re.ASCII)
COUNTRY_CODE_DIGITS = (1, 2, 3)

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


def readable(stored: str) -> str:
    """A stored number in groups, as `+49 1511 2345647`."""
    number, mark, extension = stored.partition("x")
    grouped = phonenumbers.format_number(phonenumbers.parse(number, None), PhoneNumberFormat.INTERNATIONAL)
    return f"{grouped}{mark and ' x'}{extension}"


def with_country_code(text: str, region: str) -> str:
    """A number typed as people of a region (ISO 3166, may be empty) dial it, as `+1 4255551234`; others stay as they are."""
    text = "+" + text[2:] if text.startswith("00") else text
    if text.startswith("+") or not region:
        return text
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return text
    return f"+{number.country_code} {phonenumbers.national_significant_number(number)}"


def mobile(text: str) -> str:
    """A mobile phone as E.164. An extension is dropped: mobile phones have none. Raises PhoneRefused."""
    return phonenumbers.format_number(_parse(text), PhoneNumberFormat.E164)


def office(text: str) -> str:
    """An office phone as E.164, with its extension as `+14255551234x123`. Raises PhoneRefused."""
    number = _parse(text)
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{written}x{number.extension}" if number.extension else written


def typed_mobile(text: str) -> str:
    """A mobile phone as its owner types it, as E.164; what is a fixed line for certain is none. Raises PhoneRefused."""
    if phonenumbers.number_type(_parse(text)) in (PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP):
        raise PhoneRefused(_("this is not the number of a mobile phone"))
    return mobile(text)


def typed_office(text: str) -> str:
    """An office phone as its owner types it: a mobile phone is none. Raises PhoneRefused."""
    if phonenumbers.number_type(_parse(text)) == PhoneNumberType.MOBILE:
        raise PhoneRefused(_("this is the number of a mobile phone, not of an office phone"))
    return office(text)


def _parse(text: str) -> PhoneNumber:
    text = text.strip()
    if not text.startswith("+"):
        raise PhoneRefused(_("write the number with its country code, as +1 4255551234"))
    if len(text) > MAX_LENGTH or not WRITTEN.match(text):
        raise PhoneRefused(_("write the number as +1 4255551234 or +1 4255551234x123"))
    try:
        number = read_plain(text) or phonenumbers.parse(text, None)
    except NumberParseException as error:
        raise PhoneRefused(_reason_of_parser(error)) from None
    kind = phonenumbers.number_type(number)
    if kind in REFUSED_TYPES:
        raise PhoneRefused(_("this is a service, premium-rate or shared-cost number, not a person's phone"))
    # libphonenumber calls a number valid exactly when its type is known; asking for the type once is half the work.
    if kind == PhoneNumberType.UNKNOWN:
        raise PhoneRefused(_reason_of_unknown(number))
    return number


def read_plain(text: str) -> PhoneNumber | None:
    """What `phonenumbers.parse` makes of a plain number, in a tenth of its time; None where only it can tell.

    For a number with +, country code and digits the parser does one thing more: it takes a national prefix away (the 0
    in +44 020…). Where the digits don't begin with one, there is nothing to take.
    """
    match = PLAIN.match(text)
    if match is None:
        return None
    digits = match[1].replace(" ", "")
    for length in COUNTRY_CODE_DIGITS:
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:length]))
        if regions is not None:
            return _without_national_prefix(int(digits[:length]), regions[0], digits[length:])
    return None


def _without_national_prefix(country_code: int, region: str, national: str) -> PhoneNumber | None:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
    prefix = metadata.national_prefix_for_parsing if metadata else ""
    # A leading zero may be part of the number (Italy); how many are is the parser's to say.
    if metadata is None or national.startswith("0") or (prefix and re.match(prefix, national)):
        return None
    return PhoneNumber(country_code=country_code, national_number=int(national))


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
