"""Phone numbers in Entra's formats, and why others are refused."""

import secrets
from collections.abc import Iterator

import phonenumbers
import pytest

from accounts import phones
from accounts.phones import PhoneRefused


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+1 4255551234x123", "+14255551234"),
        ("+1 4255551234", "+14255551234"),
        ("+14255551234", "+14255551234"),
        ("+49 1511 2345647", "+4915112345647"),
        ("+1 (425) 555-1234 ext. 9", "+14255551234"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+44 07400123456", "+447400123456"),
    ],
)
def test_a_mobile_phone_becomes_e164_and_loses_its_extension(written: str, stored: str) -> None:
    assert phones.mobile(written) == stored


def test_an_office_phone_keeps_its_extension() -> None:
    assert phones.office("+1 4255551234x123") == "+14255551234x123"
    assert phones.office("+1 4255551234") == "+14255551234"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("4255551234", "country code"),
        ("004915112345647", "country code"),
        ("", "country code"),
        ("+49 151", "too short"),
        ("+1 42555512345678", "too many digits"),
        ("+1 425555", "too short"),
        ("+999 123456789", "no such country code"),
        ("+1 0255551234", "not in use"),
        ("+49 900 1234567", "service, premium-rate"),
        ("+1 900 2345678", "service, premium-rate"),
        ("+1 800 2345678", "service, premium-rate"),
        ("+1 4255551234;phone-context=evil.example", "write the number as"),
        ("+１ ４２５５５５１２３４", "write the number as"),
        ("+1 425555١٢٣٤", "write the number as"),
        ("call +1 4255551234", "country code"),
        ("+1 4255551234\n+1 4255559999", "write the number as"),
        ("+" + "1" * 5000, "write the number as"),
    ],
)
def test_a_number_that_cannot_be_used_is_refused_with_a_reason_that_does_not_repeat_it(
    written: str, reason: str
) -> None:
    with pytest.raises(PhoneRefused) as refused:
        phones.mobile(written)
    assert reason in str(refused.value)
    assert "5551" not in str(refused.value).replace("+1 4255551234", "")


def _numbers() -> Iterator[str]:
    """Every country's example numbers of every type, as they are and with up to three digits changed or one added."""
    random = secrets.SystemRandom()
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            for kind in range(11):
                example = phonenumbers.example_number_for_type(region, kind)
                if example is None:
                    continue
                digits = phonenumbers.national_significant_number(example)
                yield f"+{code} {digits}"
                for changes in range(1, 4):
                    changed = list(digits)
                    for _ in range(changes):
                        changed[random.randrange(len(changed))] = random.choice("0123456789")
                    yield f"+{code}{''.join(changed)}"
                yield f"+{code} {random.choice('0123456789')}{digits}"


def test_the_short_way_reads_a_number_as_the_library_does() -> None:
    read = 0
    for text in _numbers():
        short = phones.read_plain(text)
        if short is not None:
            read += 1
            library = phonenumbers.parse(text, None)
            assert (short, phonenumbers.number_type(short)) == (library, phonenumbers.number_type(library)), text
    assert read > 5000
