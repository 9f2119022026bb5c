"""Bad rows are reported with line and reason and stop nothing; files that can't be used change nothing."""

from pathlib import Path

import pytest

from accounts.importing.reading import UnusableFile
from accounts.models import Tenant, User
from tests.accounts.importing import everything, import_text
from tests.conftest import make_user

GOOD = "last@acme.example"


@pytest.mark.parametrize(
    ("columns", "row", "reason"),
    [
        ("given_name", ",Nobody", "principal_name is empty"),
        ("given_name", "ａlice@acme.example,A", "full-width letters"),
        ("given_name", "al\u200bice@acme.example,A", "full-width letters"),
        ("given_name", "\u212aim@acme.example,A", "full-width letters"),
        ("given_name", f"{'a' * 250}@acme.example,A", "longer than 254"),
        ("given_name", "a@elsewhere.example,A", "does not end in a domain"),
        ("given_name", "a@acme.example.evil.example,A", "does not end in a domain"),
        ("given_name", "alice,A", "does not end in a domain"),
        ("given_name", "a@acme.example", "1 cells where 2"),
        ("given_name", "a@acme.example,A,B", "3 cells where 2"),
        ("given_name", f"a@acme.example,{'x' * 101}", "given_name: longer than 100"),
        ("given_name", "a@acme.example,A\x07B", "given_name: there are characters"),
        ("given_name", "a@acme.example,A\x00B", "NUL"),
        ("given_name", 'a@acme.example,"never closed', "quotation mark"),
        ("given_name", 'a@acme.example,"a"b', "quotation mark"),
        ("given_name", f"a@acme.example,{'x' * 70_000}", "the line is too long"),
        ("mail", "a@acme.example,nobody", "mail: this is not an e-mail address"),
        ("mail", "a@acme.example,a@b@c", "mail: this is not an e-mail address"),
        ("language", "a@acme.example,xx", "language: this is none of"),
        ("enabled", "a@acme.example,perhaps", "enabled: write true or false"),
        ("groups", f"a@acme.example,{'g' * 201}", "groups: a group's name is longer"),
        ("mobile_phone", "a@acme.example,+1 425555", "mobile_phone: the number is too short"),
        ("mobile_phone", "a@acme.example,0151 2345678", "mobile_phone: write the number with its country code"),
        ("office_phone", "a@acme.example,+49 900 1234567", "office_phone: this is a service"),
        ("authentication_email", "a@acme.example,a@acme.example", "own domains"),
        ("authentication_email", "a@acme.example,a@mail.ACME.example", "own domains"),
        ("authentication_email", 'a@acme.example,"a@home.example,b@home.example"', "not an e-mail address"),
        ("authentication_email", "a@acme.example,a@home.example cc:b@home.example", "not an e-mail address"),
        ("authentication_email", "a@acme.example,a@ＡＣＭＥ.example", "not an e-mail address"),
        ("authentication_email", "a@acme.example,a@[127.0.0.1]", "not an e-mail address"),
        ("authentication_email", "a@acme.example,al\u0131ce@home.example", "not an e-mail address"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_reason_and_stops_nothing(
    acme: Tenant, tmp_path: Path, columns: str, row: str, reason: str
) -> None:
    result = import_text(tmp_path, acme, f"principal_name,{columns}\n{row}\n{GOOD},\n")
    assert list(result.reasons) == [2]
    assert reason in result.reasons[2]
    assert [user["name"] for user in everything(acme)] == [GOOD]
    assert (result.counts.added, result.counts.refused) == (1, 1)


def test_reasons_never_repeat_numbers_or_addresses(acme: Tenant, tmp_path: Path) -> None:
    columns = "principal_name,mobile_phone,authentication_email\n"
    text = columns + "a@acme.example,+1 900 2345678,\nb@acme.example,,x@acme.example\n"
    result = import_text(tmp_path, acme, text)
    assert len(result.refused) == 2
    for line in result.refused:
        assert not any(value in line.reason + repr(line) for value in ("2345678", "x@acme", "a@acme", "b@acme"))


@pytest.mark.parametrize("twin", ["ALICE@acme.example", "alice@acme.example"])
def test_s6_two_lines_with_one_key_are_both_refused_and_name_each_other(
    acme: Tenant, tmp_path: Path, twin: str
) -> None:
    result = import_text(tmp_path, acme, f"principal_name\nalice@acme.example\n{GOOD}\n{twin}\n")
    assert ("line 4" in result.reasons[2], "line 2" in result.reasons[4]) == (True, True)
    assert [user["name"] for user in everything(acme)] == [GOOD]


def test_s6_a_look_alike_of_an_existing_person_is_refused(acme: Tenant, tmp_path: Path) -> None:
    make_user(acme, "strasse@acme.example", given_name="Real")
    result = import_text(tmp_path, acme, "principal_name,given_name\nstraße@acme.example,Fake\n")
    assert "looks like the name of another person" in result.reasons[2]
    assert everything(acme)[0]["names"] == ("Real", "", "")


def test_a_quotation_mark_that_is_never_closed_costs_one_line_only(acme: Tenant, tmp_path: Path) -> None:
    result = import_text(
        tmp_path, acme, 'principal_name,given_name\na@acme.example,"open\nb@acme.example,B\nc@acme.example,C\n'
    )
    assert (result.counts.added, list(result.reasons)) == (2, [2])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_fine(
    acme: Tenant, tmp_path: Path, ending: str
) -> None:
    text = ending.join(
        ["Principal_Name, given_name", "", '"alice@acme.example"," Alice "', ",", "bob@acme.example,José"]
    )
    result = import_text(tmp_path, acme, b"\xef\xbb\xbf" + text.encode())
    assert (result.counts.added, result.refused) == (2, [])
    assert [user["names"][0] for user in everything(acme)] == ["Alice", "José"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        ("principal_name,given_name\na@acme.example,Jos\xe9\n".encode("latin-1"), "Line 2 is not UTF-8"),
        ("principal_name\na@acme.example\n".encode("utf-16"), "not UTF-8"),
        ("principal_name\na@acme.example\n".encode("utf-16-le"), "not UTF-8"),
        (b"principal_name;mail\na@acme.example;\n", "semicolons"),
        (b"principal_name,shoe_size\na@acme.example,44\n", "do not exist: shoe_size"),
        (b"principal_name,mail,mail\na@acme.example,,\n", "twice: mail"),
        (b"mail\na@acme.example\n", "must name the column principal_name"),
        (b"principal_name,roles\na@acme.example,global_administrator\n", "Roles are never imported"),
        (b"principal_name,Role\na@acme.example,global_administrator\n", "Roles are never imported"),
        (b"principal_name,password\na@acme.example,secret\n", "Passwords are never imported"),
        (b"\x00\x01\x02", "not UTF-8"),
        (b'"principal_name\n', "quotation mark"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_changes_nothing(
    acme: Tenant, tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(UnusableFile) as problem:
        import_text(tmp_path, acme, content)
    assert reason in str(problem.value)
    assert everything(acme) == []


def test_wrong_bytes_at_the_end_of_a_long_file_are_found_before_anything_is_written(
    acme: Tenant, tmp_path: Path
) -> None:
    rows = "".join(f"user{number}@acme.example\n" for number in range(1500)).encode()
    with pytest.raises(UnusableFile, match="Line 1502"):
        import_text(tmp_path, acme, b"principal_name\n" + rows + b"jos\xe9@acme.example\n")
    assert everything(acme) == []


def test_names_are_data_and_never_statements(acme: Tenant, alice: User, tmp_path: Path) -> None:
    name = "x');DROP TABLE accounts_user;--@acme.example"
    evil = "\\N\t\\."
    result = import_text(tmp_path, acme, f'principal_name,given_name\n"{name}","{evil}"\n=1+1@acme.example,\\\\.\n')
    assert result.counts.added + result.counts.refused == 2
    names = [user["name"] for user in everything(acme)]
    assert "alice@acme.example" in names
    assert "=1+1@acme.example" in names
