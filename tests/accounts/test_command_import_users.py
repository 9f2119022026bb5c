"""The import as an operator runs it: one sentence, exit codes, a file of refused rows, nothing shown in full."""

import csv
import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.importing.runs import Import
from accounts.models import Tenant, User
from accounts.tenants import opened

TEXT = (
    "principal_name,mobile_phone\nalice@acme.example,+1 4255551234\nbob@acme.example,+1 425555\n"
    'carol@acme.example,"+1 9002345678"\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(*arguments: Any, **options: Any) -> tuple[str, str, int]:
    """What is said, what is complained about, and the exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_users", *arguments, stdout=out, stderr=err, **options)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return out.getvalue(), err.getvalue(), code


def test_refused_rows_are_reported_and_the_exit_code_says_so(acme: Tenant, file: Path) -> None:
    out, err, code = run(file, "--tenant", "acme")
    assert out == "Acme: 1 added, 0 changed, 0 unchanged, 2 refused, 0 new groups.\n"
    assert err.splitlines() == [
        "line 3: mobile_phone: the number is too short",
        "line 4: mobile_phone: this is a service, premium-rate or shared-cost number, not a person's phone",
    ]
    assert code == 1


def test_e6_no_number_address_or_name_is_shown(acme: Tenant, file: Path) -> None:
    out, err, _ = run(file, "--tenant", "acme")
    assert not any(value in out + err for value in ("5551234", "425555", "2345678", "bob@", "alice@"))


def test_all_good_is_exit_code_zero_and_the_only_tenant_needs_no_name(acme: Tenant, file: Path) -> None:
    file.write_text("principal_name\nalice@acme.example\n", encoding="utf-8")
    assert run(file) == ("Acme: 1 added, 0 changed, 0 unchanged, 0 refused, 0 new groups.\n", "", 0)
    assert run(file)[0] == "Acme: 0 added, 0 changed, 1 unchanged, 0 refused, 0 new groups.\n"


def test_a_dry_run_says_the_same_and_writes_nothing(acme: Tenant, file: Path) -> None:
    out, err, code = run(file, "--dry-run")
    assert out == "Acme: a dry run would give 1 added, 0 changed, 0 unchanged, 2 refused, 0 new groups.\n"
    assert (len(err.splitlines()), code) == (2, 1)
    with opened(acme):
        assert not User.objects.exists()


def test_refused_rows_are_kept_in_a_private_file_that_can_be_corrected_and_imported(
    acme: Tenant, file: Path, tmp_path: Path
) -> None:
    refused = tmp_path / "refused.csv"
    run(file, "--refused", refused)
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    rows = list(csv.DictReader(refused.read_text(encoding="utf-8").splitlines()))
    assert [(row["line"], row["principal_name"], row["mobile_phone"]) for row in rows] == [
        ("3", "bob@acme.example", "+1 425555"),
        ("4", "carol@acme.example", "+1 9002345678"),
    ]
    corrected = refused.read_text(encoding="utf-8").replace("+1 425555", "+1 4255550102").replace("+1 9002345678", "")
    refused.write_text(corrected, encoding="utf-8")
    assert run(refused)[0] == "Acme: 2 added, 0 changed, 0 unchanged, 0 refused, 0 new groups.\n"


def test_the_file_of_refused_rows_overwrites_nothing(acme: Tenant, file: Path) -> None:
    with pytest.raises(CommandError, match="can't be written") as error:
        run(file, "--refused", file)
    assert error.value.returncode == 2
    assert file.read_text(encoding="utf-8") == TEXT
    with opened(acme):
        assert not User.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"principal_name\n\xff\n", "UTF-8"), (b"principal_name,roles\n", "Roles are never imported")],
)
def test_an_unusable_file_ends_with_exit_code_two(acme: Tenant, file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(CommandError, match=reason) as error:
        run(file)
    assert error.value.returncode == 2
    assert str(error.value).startswith("Nothing was imported.")


def test_a_missing_file_a_folder_and_an_unknown_tenant_end_with_exit_code_two(
    acme: Tenant, file: Path, tmp_path: Path
) -> None:
    for arguments, reason in (
        ([tmp_path / "none.csv"], "can't be read"),
        ([tmp_path], "is not a file"),
        ([file, "--tenant", "umbrella"], "no active tenant.*There are: acme"),
    ):
        with pytest.raises(CommandError, match=reason) as error:
            run(*arguments)
        assert error.value.returncode == 2


def test_several_tenants_have_to_be_told_apart(acme: Tenant, globex: Tenant, file: Path) -> None:
    with pytest.raises(CommandError, match="--tenant"):
        run(file)


def test_a_database_that_stops_is_said_without_its_words(
    acme: Tenant, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: Import) -> None:
        raise OperationalError("server at 10.0.0.1 closed the connection")

    monkeypatch.setattr(Import, "run", broken)
    with pytest.raises(CommandError, match="Run it again") as error:
        run(file)
    assert "10.0.0.1" not in str(error.value)
