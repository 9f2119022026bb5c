"""Big files: other processes check the rows, memory stays flat, and two imports at once don't disturb each other."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.importing import parallel, runs
from accounts.importing.planning import Planner
from accounts.models import Authenticator, Group, Tenant, User
from accounts.tenants import opened
from tests.accounts.importing import everything, import_text
from tests.conftest import make_tenant, make_user

COLUMNS = "principal_name,groups,mobile_phone,authentication_email\n"


def rows(count: int) -> str:
    return "".join(
        f"user{number}@acme.example,Group {number % 5},+49 1511{number:07d},user{number}@home.example\n"
        for number in range(count)
    )


def test_other_processes_check_rows_in_order_and_report_the_same(
    acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = COLUMNS + rows(40) + "bad@acme.example,,+1 425555,\n" + "twin@acme.example,,,\nTWIN@acme.example,,,\n"
    here = import_text(tmp_path, acme, text, dry_run=True)
    monkeypatch.setattr(parallel, "WORTHWHILE_BYTES", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setitem(runs.ROWS_PER_BATCH, connection.vendor, 7)
    there = import_text(tmp_path, acme, text)
    assert (there.counts, there.refused) == (here.counts, here.refused)
    assert (there.counts.added, there.counts.refused) == (40, 3)
    assert everything(acme)[3]["proofs"].keys() == {"mobile_phone", "email"}


def test_batches_are_read_as_they_are_needed_and_not_all_at_once() -> None:
    taken: list[int] = []

    def batches() -> Any:
        for number in range(50):
            taken.append(number)
            yield [(2, b"x\n")]

    rules: Any = type("NoRules", (), {"columns": ()})()
    with parallel.Checkers(rules, 0) as checkers:
        found = checkers.check_all(batches())
        next(found)
        assert len(taken) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_add_everybody_once(tmp_path: Path) -> None:
    acme = make_tenant("acme", "acme.example")
    runs_done: list[runs.Counts] = []

    def run(name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        try:
            runs_done.append(import_text(folder, acme, COLUMNS + rows(600)).counts)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((counts.added, counts.unchanged) for counts in runs_done) == [(0, 600), (600, 0)]
    with opened(acme):
        assert User.objects.count() == 600
        assert Authenticator.objects.count() == 1200
        assert Group.objects.count() == 5


@pytest.mark.postgres
def test_somebody_added_in_the_same_moment_is_left_alone_and_reported(
    acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Planner.plan

    def overtaken(planner: Planner, people: Any) -> Any:
        planned = plan(planner, people)
        make_user(acme, "user1@acme.example", given_name="Theirs")
        return planned

    monkeypatch.setattr(Planner, "plan", overtaken)
    result = import_text(tmp_path, acme, COLUMNS + rows(3))
    assert (result.counts.added, list(result.reasons)) == (2, [3])
    assert "same moment" in result.reasons[3]
    theirs = everything(acme)[1]
    assert (theirs["names"][0], theirs["proofs"], theirs["groups"]) == ("Theirs", {}, [])
