"""Look-alike names never reach another person."""

import pytest

from accounts.names import domain_of, is_plain, is_same_name, key_of


@pytest.mark.parametrize(
    "name",
    [
        "ａlice@acme.example",
        "\u212bngstrom@a.b",
        "al\u200bice@acme.example",
        "o\ufb03ce@a.b",
        "\u212aim@a.b",
        "a\x00b",
        "",
    ],
)
def test_a_name_with_compatibility_or_invisible_characters_is_not_plain(name: str) -> None:
    assert not is_plain(name)


@pytest.mark.parametrize(
    "name", ["alice@acme.example", "José@a.b", "Jose\u0301@a.b", "ıgor@a.b", "straße@a.b", "李雷@a.b"]
)
def test_a_name_in_any_script_is_plain(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ıgor@a.b", "igor@a.b"),
        ("straße@a.b", "strasse@a.b"),
        ("\u0130gor@a.b", "igor@a.b"),
        ("аlice@a.b", "alice@a.b"),
    ],
)
def test_a_look_alike_is_another_name(typed: str, stored: str) -> None:
    assert not is_same_name(typed, stored)


def test_upper_case_spaces_around_and_decomposed_accents_are_the_same_name() -> None:
    assert is_same_name(" ALICE@Acme.Example ", "alice@acme.example")
    assert is_same_name("jose\u0301@a.b", "José@a.b")
    assert key_of(" ALICE@Acme.Example ") == "alice@acme.example"


def test_the_domain_is_what_follows_the_last_at_sign() -> None:
    assert domain_of("a@b@Acme.Example ") == "acme.example"
    assert domain_of("alice") == ""
