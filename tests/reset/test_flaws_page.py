"""docs/flaws.md tells the truth: the files it names exist, and the first of each row holds a test named for the flaw."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| ([A-Z]\d+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "flaws.md").read_text(), re.MULTILINE)
EXPECTED = {"S": 10, "O": 12, "E": 7, "W": 10, "Q": 11, "P": 10}


def named_for(flaw: str, text: str) -> list[str]:
    return re.findall(rf"def test_(?:[a-z]\d+_)*{flaw.lower()}_\w+", text)


def test_every_flaw_has_a_row() -> None:
    named = [flaw for flaw, _, _ in ROWS]
    assert named == [f"{group}{number}" for group, count in EXPECTED.items() for number in range(1, count + 1)]


def test_every_file_named_exists() -> None:
    for flaw, _, where in ROWS:
        for name in re.findall(r"`(tests/[\w/.]*)`", where):
            assert (ROOT / name).exists(), (flaw, name)


def test_the_first_file_of_a_row_holds_a_test_named_for_the_flaw() -> None:
    for flaw, _, where in ROWS:
        files = re.findall(r"`(tests/[\w/]*\.py)`", where)
        if files and flaw[0] in "SOEW":
            assert named_for(flaw, (ROOT / files[0]).read_text()), (flaw, files[0])


def test_what_has_no_test_names_the_feature_that_brings_it() -> None:
    for flaw, _, where in ROWS:
        assert "`tests/" in where or re.search(r"writeback|agents|federation|helpdesk|phone|callbacks|calls", where), (
            flaw
        )
