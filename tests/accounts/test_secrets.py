"""Sealing and digests: bound to a place or a purpose, several keys side by side, closed to everything changed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts import secrets
from accounts.secrets import Damaged, UnknownKey


@dataclass(frozen=True)
class Key:
    id: str
    value: bytes = field(repr=False)


OLD, NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)


@pytest.fixture
def keys(settings: Any) -> Any:
    settings.SEALING_KEYS = settings.DIGEST_KEYS = (OLD,)
    return settings


def rotate(settings: Any) -> None:
    settings.SEALING_KEYS = settings.DIGEST_KEYS = (NEW, OLD)


def test_what_is_sealed_opens_at_its_place_only(keys: Any) -> None:
    sealed = secrets.seal(b"a number", "user|1")
    assert secrets.open_sealed(sealed, "user|1") == b"a number"
    assert b"a number" not in sealed
    with pytest.raises(Damaged):
        secrets.open_sealed(sealed, "user|2")


def test_the_same_thing_sealed_twice_looks_different(keys: Any) -> None:
    assert secrets.seal(b"x", "p") != secrets.seal(b"x", "p")


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s + b"x", lambda s: s[:10] + b"?" + s[11:], lambda s: b"", lambda s: b"old:"]
)
def test_anything_changed_does_not_open(spoil: Any, keys: Any) -> None:
    with pytest.raises(Damaged):
        secrets.open_sealed(spoil(secrets.seal(b"secret text", "p")), "p")


def test_old_keys_open_and_check_and_new_ones_make(keys: Any) -> None:
    sealed, digest = secrets.seal(b"x", "p"), secrets.digest("purpose", "value")
    assert secrets.is_sealed_with_newest_key(sealed)
    rotate(keys)
    assert secrets.open_sealed(sealed, "p") == b"x"
    assert not secrets.is_sealed_with_newest_key(sealed)
    assert secrets.seal(b"x", "p").startswith(b"new:")
    assert secrets.digest_matches(digest, "purpose", "value")
    assert digest in secrets.digests("purpose", "value")
    assert secrets.digest("purpose", "value").startswith("new:")


def test_a_key_that_is_gone_opens_nothing_and_matches_nothing(keys: Any) -> None:
    sealed, digest = secrets.seal(b"x", "p"), secrets.digest("purpose", "value")
    keys.SEALING_KEYS = keys.DIGEST_KEYS = (NEW,)
    with pytest.raises(UnknownKey, match="old"):
        secrets.open_sealed(sealed, "p")
    assert not secrets.digest_matches(digest, "purpose", "value")


def test_without_keys_nothing_is_made(keys: Any) -> None:
    keys.SEALING_KEYS = keys.DIGEST_KEYS = ()
    with pytest.raises(UnknownKey):
        secrets.seal(b"x", "p")
    with pytest.raises(UnknownKey):
        secrets.digest("purpose", "value")


def test_purpose_and_value_do_not_run_into_each_other(keys: Any) -> None:
    assert secrets.digest("ab", "c") != secrets.digest("a", "bc")
    assert secrets.digest("a", "b") != secrets.digest("b", "a")


@pytest.mark.parametrize("stored", ["", "x", "old:", "old:00", "new:00", ":", "old", "OLD:00"])
def test_what_is_no_digest_matches_nothing(stored: str, keys: Any) -> None:
    assert not secrets.digest_matches(stored, "purpose", "value")


def test_decoys_look_the_same_after_a_new_key(keys: Any) -> None:
    before = secrets.pseudo_random("decoy", "nobody")
    rotate(keys)
    assert secrets.pseudo_random("decoy", "nobody") == before
    assert secrets.pseudo_random("decoy", "somebody") != before


@pytest.mark.parametrize("digits", [1, 6, 8])
def test_codes_have_so_many_digits_with_leading_zeros(digits: int) -> None:
    codes = [secrets.one_time_passcode(digits) for _ in range(300)]
    assert {len(code) for code in codes} == {digits}
    assert any(code.startswith("0") for code in codes)
