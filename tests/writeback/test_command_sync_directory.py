"""The sync as an operator runs it: one sentence, exit codes, a dry run that lists, no values shown."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant, User
from accounts.tenants import opened
from tests.writeback.directory import FakeDirectory, bring_in, names
from writeback.management.commands import sync_directory
from writeback.models import Connector


@pytest.fixture
def reached(connector: Connector, corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch) -> FakeDirectory:
    """The directory in memory, in the place of the one that the connector would lead to."""
    monkeypatch.setattr(sync_directory, "source_of", lambda _: corp)
    return corp


def run(*arguments: Any, **options: Any) -> tuple[str, str, int]:
    """What is said, what is complained about, and the exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("sync_directory", *arguments, stdout=out, stderr=err, **options)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return out.getvalue(), err.getvalue(), code


def test_one_sentence_says_what_came_in(acme: Tenant, reached: FakeDirectory) -> None:
    reached.put("a1")
    reached.put_group("g", "Sales", "a1")
    assert run("Corp", "--tenant", "acme") == (
        "Corp (everything): 1 added, 0 changed, 0 unchanged, 0 disabled, 0 conflicts; 1 groups read, "
        "1 memberships added, 0 removed.\n",
        "",
        0,
    )
    assert run("Corp")[0].startswith("Corp (what changed): 0 added")
    assert run("Corp", "--full")[0].startswith("Corp (everything): 0 added, 0 changed, 1 unchanged")


def test_conflicts_and_values_that_cant_be_used_are_said_without_the_value(
    acme: Tenant, reached: FakeDirectory, alice: User
) -> None:
    reached.put("a1", "alice")
    reached.put("a2", "bea", mobile_phone="0151 2345647")
    out, err, code = run("Corp")
    assert err.splitlines() == [
        "! skip bea@acme.example (mobile_phone: write the number with its country code, as +1 4255551234)",
        "! conflict alice@acme.example (Somebody else here has this name)",
    ]
    assert "1 conflicts" in out
    assert "1 values can't be used" in out
    assert "2345647" not in out + err
    assert code == 1


def test_a_dry_run_lists_what_would_change_and_writes_nothing(acme: Tenant, reached: FakeDirectory) -> None:
    reached.put("a1")
    out, err, code = run("Corp", "--dry-run")
    assert out.splitlines()[0] == "+ add a1@acme.example"
    assert "a dry run would give 1 added" in out
    assert (err, code, names(acme)) == ("", 0, [])


def test_too_many_are_disabled_only_by_number(acme: Tenant, connector: Connector, reached: FakeDirectory) -> None:
    for number in range(8):
        reached.put(f"a{number}")
    bring_in(connector, reached)
    for number in range(7):
        reached.delete(f"a{number}")
    with pytest.raises(CommandError, match="--force-disable 7") as raised:
        run("Corp")
    assert raised.value.returncode == 2
    assert "7 disabled" in run("Corp", "--force-disable", "7")[0]


def test_a_directory_that_isnt_there_or_isnt_ours_to_reach_is_said(acme: Tenant, connector: Connector) -> None:
    with pytest.raises(CommandError, match="no connected directory 'Nowhere': Corp"):
        run("Nowhere", "--tenant", "acme")
    with pytest.raises(CommandError, match="Agents reach this directory"):
        run("Corp", "--tenant", "acme")


def test_another_tenants_directory_is_not_there(acme: Tenant, globex: Tenant, connector: Connector) -> None:
    with pytest.raises(CommandError, match="none is connected yet"):
        run("Corp", "--tenant", "globex")
    with opened(globex):
        assert not User.objects.exists()
