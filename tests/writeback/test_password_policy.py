"""The few octets in which a directory says what its password policy thinks."""

import pytest

from writeback.connectors.password_policy import POLICY_CONTROL, Said, password_modify, policy_said


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        (b"\x30\x03\x81\x01\x06", Said.PASSWORD_TOO_SHORT),
        (b"\x30\x84\x00\x00\x00\x03\x81\x01\x08", Said.PASSWORD_IN_HISTORY),
        (b"\x30\x08\xa0\x03\x80\x01\x05\x81\x01\x02", Said.CHANGE_AFTER_RESET),
        (b"\x30\x05\xa0\x03\x81\x01\x02", None),  # grace sign-ins left are a warning
        (b"\x30\x03\x81\x01\x63", None),
        (b"\x30\x00", None),
        (b"\x30\x84\xff", None),
        (b"\x81\x01\x06", None),
        (b"", None),
    ],
)
def test_what_the_control_says(encoded: bytes, said: Said | None) -> None:
    assert policy_said({POLICY_CONTROL: encoded}) is said


def test_a_long_password_has_its_length_in_the_long_form() -> None:
    value = password_modify("uid=a", "x" * 300)
    assert value.startswith(b"\x30\x82\x01\x37\x80\x05uid=a\x82\x82\x01\x2c")
    assert password_modify("uid=a", "b", "c") == b"\x30\x0d\x80\x05uid=a\x81\x01c\x82\x01b"
