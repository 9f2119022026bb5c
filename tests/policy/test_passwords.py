"""What a new password has to be, and the slots in which passwords are hashed."""

import os
import threading
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from accounts.hashers import OwaspArgon2PasswordHasher
from accounts.models import Tenant, User
from policy import hashing, passwords

GOOD = "violet harbour kettle"


def broken(password: str, user: User | None = None, tenant: Tenant | None = None) -> list[str]:
    return [rule.id for rule in passwords.validate(password, user=user, tenant=tenant)]


def person() -> tuple[User, Tenant]:
    tenant = Tenant(slug="acme", name="Acme University")
    user = User(
        tenant=tenant,
        principal_name="alice.larsen@acme.example",
        mail="anna-mail@home.example",
        given_name="Alice",
        family_name="Larsen",
        display_name="Dr. Alíce Larsen",
    )
    return user, tenant


def test_a_long_uncommon_password_breaks_no_rule() -> None:
    assert broken(GOOD) == []
    assert broken("пароль-скворец") == []
    assert broken("🦊🐢🦉🐝🦔🐙🦜🐌") == []


def test_all_broken_rules_are_listed_at_once() -> None:
    assert broken("ééé") == ["short", "repeated"]
    assert broken("1111111") == ["short", "common", "repeated"]
    assert broken("alice\x00", *person()) == ["short", "personal", "control"]


@pytest.mark.parametrize(("length", "rules"), [(7, ["short"]), (8, []), (256, []), (257, ["long"])])
def test_length_is_counted_in_characters_from_8_to_256(length: int, rules: list[str]) -> None:
    password = ("šđčćž" * 60)[:length]
    assert broken(password) == rules


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "Qwertyuiop", " 12345678 "])
def test_common_passwords_are_refused_whatever_their_case(password: str) -> None:
    assert broken(password) == ["common"]


def test_one_character_repeated_is_refused() -> None:
    assert "repeated" in broken("zzzzzzzzzzzzz")
    assert "repeated" in broken("zZzZzZzZzZzZz")
    assert broken("zzzzzzzzzzzzy") == []


@pytest.mark.parametrize(
    "password",
    [
        "my-ALICE-password",
        "xxlarsenxx",
        "alice.larsen!!",
        "anna-mail-99",
        "i-love-ACME-much",
        "the acme university",
        "ａｌｉｃｅ-by-the-sea",
    ],
)
def test_names_and_the_organisation_inside_are_refused(password: str) -> None:
    assert broken(password, *person()) == ["personal"]


def test_names_shorter_than_four_letters_are_no_obstacle() -> None:
    user = User(principal_name="bo@acme.example", given_name="Bo", family_name="Li")
    assert broken("bo likes limes at noon", user) == []


@pytest.mark.parametrize("character", ["\x00", "\n", "\t", "\x7f", "\u0085", "\u2028", "\ud800"])
def test_w3_control_characters_are_refused_with_their_reason(character: str) -> None:
    rules = passwords.validate(f"violet{character}harbour", user=None, tenant=None)
    assert [rule.id for rule in rules] == ["control"]
    assert "control characters" in rules[0].text


@pytest.mark.parametrize("password", ["quo\"te'd $(reboot) `x`", "back\\slash;--", "tab-free but 🧀 cheesy"])
def test_w3_quotes_and_shell_signs_are_ordinary_characters(password: str) -> None:
    assert broken(password) == []
    assert passwords.verify(password, passwords.hash_password(password))


def test_the_page_lists_the_very_rules_that_are_checked() -> None:
    user, tenant = person()
    shown = passwords.rules(tenant)
    checked = passwords.check(GOOD, user=user, tenant=tenant)
    assert [(rule.id, rule.text) for rule in shown] == [(rule.id, rule.text) for rule in checked]
    assert {rule.met for rule in shown} == {None}
    assert {rule.met for rule in checked} == {True}
    assert "Acme University" in shown[-1].text


def test_a_stranger_is_shown_the_same_rules_as_a_person() -> None:
    user, tenant = person()
    assert passwords.check(GOOD, user=None, tenant=tenant) == passwords.check(GOOD, user=user, tenant=tenant)


def test_every_keyboard_types_the_same_password() -> None:
    composed, decomposed = "Blåbärsgröt igår", unicodedata.normalize("NFD", "Blåbärsgröt igår")
    assert passwords.verify(decomposed, passwords.hash_password(composed))
    assert passwords.verify("ｆｕｌｌ-ｗｉｄｔｈ", passwords.hash_password("full-width"))


def test_a_password_of_a_megabyte_is_never_right_and_not_normalised() -> None:
    huge = "ﷺ" * 300_000
    assert passwords.normalise(huge) is huge
    assert not passwords.verify(huge, passwords.hash_password(huge[:256]))
    assert "long" in broken(huge)


@pytest.mark.parametrize("encoded", ["", "!unusable", "gibberish"])
def test_s8_no_password_matches_an_unusable_hash(encoded: str) -> None:
    assert not passwords.verify("", encoded)
    assert not passwords.verify(encoded, encoded)
    assert not passwords.verify("anything", encoded)


def test_s8_an_empty_password_is_never_right() -> None:
    assert not passwords.verify("", make_password(""))


def _noting(hashes: list[str], original: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: OwaspArgon2PasswordHasher, *given: Any) -> Any:
        hashes.append(original.__name__)
        return original(self, *given)

    return noting


def test_e2_every_verification_costs_exactly_one_hash(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashers.OwaspArgon2PasswordHasher"]
    stored = passwords.hash_password(GOOD)
    hashes: list[str] = []
    for name in ("encode", "verify"):
        monkeypatch.setattr(OwaspArgon2PasswordHasher, name, _noting(hashes, getattr(OwaspArgon2PasswordHasher, name)))
    for encoded in (stored, "", "!unusable"):
        hashes.clear()
        passwords.verify("wrong horse battery", encoded)
        assert len(hashes) == 1
    hashes.clear()
    passwords.burn()
    assert len(hashes) == 1


@pytest.mark.parametrize(("cores", "processes", "slots"), [(2, 2, 1), (8, 2, 4), (1, 4, 1), (4, 1, 4), (4, 0, 4)])
def test_slots_share_the_cores_among_the_processes(cores: int, processes: int, slots: int) -> None:
    assert hashing.slots_for(cores, processes) == slots


def test_a_hash_that_finds_no_slot_in_time_is_refused_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = threading.BoundedSemaphore(1)
    monkeypatch.setattr(hashing, "_slots", taken)
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)
    with taken:
        with pytest.raises(hashing.Busy):
            passwords.hash_password(GOOD)
        with pytest.raises(hashing.Busy):
            passwords.verify(GOOD, "")
        with pytest.raises(hashing.Busy):
            passwords.burn()
    assert passwords.verify(GOOD, passwords.hash_password(GOOD))


def test_a_slot_is_given_back_when_hashing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(hashing, "_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)
    with pytest.raises(RuntimeError, match="broken"):
        hashing.run(broken)
    assert passwords.hash_password(GOOD)


def test_a_hash_yields_to_the_pages_and_leaves_their_own_priority_alone() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    here = niceness()
    assert hashing.run(niceness) == min(here + hashing.NICENESS, 19)
    assert niceness() == here
