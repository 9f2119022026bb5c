"""The documents name what the code reads."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"""(?:env\.\w+\(|(?:secret|integer|boolean)\(env, )\s*f?"([A-Z_]+)\"""")


def names_read() -> set[str]:
    settings = (ROOT / "config" / "settings.py").read_text()
    return {*READ.findall(settings), "DATABASE_URL"}


def test_every_setting_is_in_the_table() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", table, flags=re.MULTILINE))
    assert len(names_read()) > 25
    assert names_read() - documented == set()


def test_every_check_is_explained() -> None:
    checks = (ROOT / "config" / "checks.py").read_text()
    explained = (ROOT / "docs" / "operating.md").read_text()
    ids = set(re.findall(r"rekey\.[EW]\d{3}", checks))
    assert len(ids) > 20
    assert {check for check in ids if check not in explained} == set()


def test_the_example_environment_holds_only_settings_that_exist() -> None:
    lines = (ROOT / "deploy" / "rekey.env.example").read_text().splitlines()
    names = {line.lstrip("# ").partition("=")[0] for line in lines if re.match(r"^(# )?[A-Z_]+=", line)}
    assert len(names) > 10
    assert {name.removesuffix("_FILE") for name in names} <= names_read()
