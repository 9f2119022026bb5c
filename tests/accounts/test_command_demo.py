"""The demo organisation: loaded once, with random passwords that are kept in one private file."""

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import facts, totp
from accounts.backends import roles_of
from accounts.methods import QUESTIONS_REGISTERED, Kind
from accounts.models import SecurityAnswer, Tenant, User
from accounts.tenants import all_opened, opened
from policy import rules
from policy.decisions import Authority, Decision, decide_reset
from policy.models import ResetPolicy
from reset import questions


@pytest.fixture
def folder(tmp_path: Path, settings: Any, db: Any) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var"


def run() -> str:
    out = io.StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def decision_for(name: str) -> Decision:
    with all_opened():
        user = User.objects.select_related("tenant").get(principal_name=name)
    tenant = user.tenant
    assert tenant is not None
    with opened(tenant):
        known = facts.load([user], tenant.imported_methods_count, timezone.now())[user.pk]
        return decide_reset(known, rules.load(tenant), rules.tenant_facts(tenant), Authority())


def test_what_is_printed_is_kept_in_a_file_that_only_its_owner_reads(folder: Path) -> None:
    said = run()
    kept = (folder / "demo.txt").read_text(encoding="utf-8")
    assert kept in said
    assert stat.S_IMODE((folder / "demo.txt").stat().st_mode) == 0o600


def test_the_printed_passwords_open_the_accounts(folder: Path) -> None:
    lines = run().splitlines()
    with all_opened():
        for user in User.objects.all():
            place = next(number for number, line in enumerate(lines) if line.startswith(f"{user.principal_name}: "))
            assert user.check_password(lines[place + 1].removeprefix("  password "))


def test_two_installations_have_different_passwords(folder: Path) -> None:
    first = run()
    with all_opened():
        Tenant.objects.all().delete()
    second = run()
    passwords = [line for text in (first, second) for line in text.splitlines() if line.startswith("  password ")]
    assert len(set(passwords)) == len(passwords)


def test_a_second_run_changes_nothing(folder: Path) -> None:
    run()
    kept = (folder / "demo.txt").read_bytes()
    with all_opened():
        before = list(User.objects.order_by("pk").values())
    assert "there already" in run()
    assert (folder / "demo.txt").read_bytes() == kept
    with all_opened():
        assert list(User.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    ("name", "gates", "kinds"),
    [
        ("alice@acme.example", 1, {Kind.MAIL, Kind.PHONE}),
        ("bob@acme.example", 2, {Kind.MAIL, Kind.APP, Kind.QUESTIONS}),
        ("carol@acme.example", 2, {Kind.MAIL, Kind.PHONE}),
        ("dave@acme.example", 1, {Kind.MAIL, Kind.PHONE}),
        ("frida", 1, {Kind.MAIL}),
    ],
)
def test_these_people_can_reset(folder: Path, name: str, gates: int, kinds: set[Kind]) -> None:
    run()
    decision = decision_for(name)
    assert decision.is_allowed
    assert (decision.gates_required, {offer.kind for offer in decision.offers}) == (gates, kinds)


@pytest.mark.parametrize("name", ["erin@acme.example", "frank@acme.example", "mallory@acme.example"])
def test_these_people_cannot(folder: Path, name: str) -> None:
    run()
    assert not decision_for(name).is_allowed


def test_the_app_key_and_the_answers_on_the_sheet_are_the_right_ones(folder: Path) -> None:
    said = run()
    with all_opened():
        bob = User.objects.get(principal_name="bob@acme.example")
        app = bob.authenticators.get(type="app")
        assert f"key {app.secret_value}\n" in said
        answers = {row.question: row.answer_hash for row in SecurityAnswer.objects.all()}
    assert totp.address_for_apps(app.secret_value, "bob@acme.example", "Rekey") in said
    asked = list(answers)
    given = [said.partition(f"{questions.PREDEFINED[name]} ")[2].partition("\n")[0] for name in asked]
    assert len(asked) == QUESTIONS_REGISTERED
    assert questions.all_right(asked, answers, given)


def test_the_console_has_one_administrator(folder: Path) -> None:
    run()
    with all_opened():
        roles = {user.principal_name: roles_of(user) for user in User.objects.all() if roles_of(user)}
    assert roles == {"carol@acme.example": {"global_administrator"}}


def test_policies_and_tenants_are_ones_that_the_console_would_save(folder: Path) -> None:
    run()
    with all_opened():
        for tenant in Tenant.objects.all():
            tenant.full_clean()
            for policy in ResetPolicy.objects.filter(tenant=tenant):
                policy.full_clean()


def test_it_refuses_in_production(folder: Path, settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="embedded profile only") as error:
        run()
    assert error.value.returncode == 2
    assert not Tenant.objects.exists()
    assert not folder.exists()


def test_when_the_file_cannot_be_written_nothing_is_loaded(folder: Path) -> None:
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(OSError, match="exists"):
        run()
    assert not Tenant.objects.exists()
