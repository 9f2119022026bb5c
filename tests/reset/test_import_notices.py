"""What an import replaces is announced to the addresses held before, with the import or not at all."""

import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu import Producer

from accounts import audit, executors
from accounts.importing.reading import opened_file
from accounts.importing.runs import Counts, Import
from accounts.models import AuditEvent, Authenticator, Domain, Tenant
from accounts.models.executors import ExecutorKey
from accounts.tenants import all_opened, opened
from notifications.models import Channel, Message
from notifications.rendering import render
from reset import import_notices
from tests.accounts.importing import import_text, proofs_of
from tests.conftest import make_tenant
from tests.wizard import contents

COLUMNS = "principal_name,mail,language,mobile_phone,authentication_email\n"
NOOR = "noor@acme.example,noor@acme.example,de,+49 15112345647,noor@home.example\n"
MOVED = "noor@acme.example,noor.h@acme.example,,+49 15112345648,noor@new.example\n"
NO_CHANGE = "Acme: 0 added, 0 changed, 1 unchanged, 0 refused, 0 new groups.\n"


def run(folder: Path, text: str, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    """Run the command over rows; returns its final sentence."""
    path = folder / "people.csv"
    path.write_text(COLUMNS + text, encoding="utf-8")
    call_command("import_users", path, tenant="acme", **options)
    return capsys.readouterr().out


def rows() -> list[Message]:
    with all_opened():
        return list(Message.objects.order_by("created_at", "id"))


def recipients() -> list[str]:
    return sorted(contents(row)["recipient"] for row in rows())


def last_details() -> dict[str, Any]:
    with all_opened():
        details: dict[str, Any] = AuditEvent.objects.filter(activity="users.imported").order_by("-id")[0].details
    return details


def forget_executors() -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()


def test_p7_the_old_addresses_hear_of_it_once_each_and_the_new_ones_do_not(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, NOOR, capsys)
    said = run(tmp_path, MOVED, capsys)
    assert said == (
        "Acme: 0 added, 1 changed, 0 unchanged, 0 refused, 0 new groups; "
        "1 told that a phone or address of theirs was replaced.\n"
    )
    assert recipients() == ["noor@acme.example", "noor@home.example"]
    assert {(row.kind, row.language, row.tenant_id, row.status) for row in rows()} == {
        ("authenticator_was_changed", "de", acme.pk, "queued")
    }
    details = last_details()
    assert (details["announced"], details["not_announced"]) == (1, 0)


def test_the_message_says_what_was_replaced_and_none_of_its_values(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, NOOR.replace(",de,", ",en,"), capsys)
    run(tmp_path, MOVED, capsys)
    found = contents(rows()[0])
    assert set(found["context"]["kinds"].split(",")) == {"phone", "mail"}
    text = render("authenticator_was_changed", Channel.EMAIL, "en", acme.name, False, found["context"]).text
    assert "noor@acme.example" in text
    assert not any(value in text for value in ("151123", "new.example", "home.example"))


def test_nothing_new_first_values_and_new_people_are_announced_to_nobody(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "noor@acme.example,noor@acme.example,de,,\n", capsys)
    run(tmp_path, NOOR, capsys)
    assert run(tmp_path, NOOR, capsys) == NO_CHANGE
    assert rows() == []
    run(tmp_path, MOVED, capsys)
    assert run(tmp_path, MOVED, capsys) == NO_CHANGE
    assert len(rows()) == 2


def test_a_dry_run_says_how_many_and_writes_no_message(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, NOOR, capsys)
    said = run(tmp_path, MOVED, capsys, dry_run=True)
    assert "a dry run would give" in said
    assert "1 told that a phone" in said
    assert rows() == []


def test_an_address_that_is_the_mail_as_well_is_told_once(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "noor@acme.example,Noor@home.example,,,noor@home.example\n", capsys)
    run(tmp_path, "noor@acme.example,,,,noor@new.example\n", capsys)
    assert [address.casefold() for address in recipients()] == ["noor@home.example"]


def test_without_any_address_the_user_name_is_told_where_its_domain_is_verified(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "noor@acme.example,,,+49 15112345647,\n", capsys)
    run(tmp_path, "noor@acme.example,,,+49 15112345648,\n", capsys)
    assert recipients() == ["noor@acme.example"]


def test_who_has_no_address_at_all_is_counted_as_not_told(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(acme):
        Domain.objects.update(verified_at=None)
    run(tmp_path, NOOR + "omar@acme.example,,,+49 15112345649,\n", capsys)
    said = run(tmp_path, MOVED + "omar@acme.example,,,+49 15112345650,\n", capsys)
    assert "; 1 told that" in said
    assert "; 1 could not be told that" in said
    assert (last_details()["announced"], last_details()["not_announced"]) == (1, 1)


def test_without_a_worker_the_import_is_done_and_says_who_was_not_told(
    acme: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget_executors()
    run(tmp_path, NOOR, capsys)
    said = run(tmp_path, MOVED, capsys)
    assert said == (
        "Acme: 0 added, 1 changed, 0 unchanged, 0 refused, 0 new groups; 1 could not be told that a phone or address "
        "of theirs was replaced (there is no e-mail address on file, or no worker has run lately).\n"
    )
    assert rows() == []
    assert (last_details()["announced"], last_details()["not_announced"]) == (0, 1)
    assert proofs_of(acme, "noor@acme.example") == {"mobile_phone": "+4915112345648", "email": "noor@new.example"}


def test_a_batch_that_is_not_committed_announces_nothing(
    acme: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce = partial(import_notices.announce, acme)
    import_text(tmp_path, acme, COLUMNS + NOOR)
    seen: list[int] = []

    def broken(*_: Any) -> None:
        seen.append(len(rows()))
        raise DatabaseError

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(DatabaseError):
        import_text(tmp_path, acme, COLUMNS + MOVED, on_replaced=announce)
    assert (seen, rows()) == ([2], [])
    assert proofs_of(acme, "noor@acme.example")["email"] == "noor@home.example"


def test_the_hints_go_where_no_passcode_waits_behind_them(
    acme: Tenant,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    queues: list[str] = []
    monkeypatch.setattr(Producer, "publish", lambda *_, routing_key, **__: queues.append(routing_key))
    with django_capture_on_commit_callbacks(execute=True):
        run(tmp_path, NOOR, capsys)
        run(tmp_path, MOVED, capsys)
    assert queues == ["bulk", "bulk"]


def test_another_tenants_person_of_the_same_name_hears_nothing(
    acme: Tenant, globex: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Tenant.objects.filter(pk=globex.pk).update(kind=Tenant.Kind.CUSTOMERS)
    globex.refresh_from_db()
    import_text(tmp_path, globex, COLUMNS + NOOR.replace("home.example", "globex.example.org"))
    run(tmp_path, NOOR, capsys)
    run(tmp_path, MOVED, capsys)
    assert recipients() == ["noor@acme.example", "noor@home.example"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_tell_everybody_once(tmp_path: Path) -> None:
    executors.announce(timezone.now())
    acme = make_tenant("acme", "acme.example")
    before, after = (
        "".join(f"user{number}@acme.example,,,,user{number}@{host}.example\n" for number in range(300))
        for host in ("home", "new")
    )
    import_text(tmp_path, acme, COLUMNS + before)
    path = tmp_path / "after.csv"
    path.write_text(COLUMNS + after, encoding="utf-8")
    done: list[Counts] = []

    def import_after() -> None:
        try:
            with opened_file(path) as source:
                done.append(Import(acme, source, on_replaced=partial(import_notices.announce, acme)).run())
        finally:
            connection.close()

    threads = [threading.Thread(target=import_after) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((counts.announced, counts.unchanged) for counts in done) == [(0, 300), (300, 0)]
    assert Counter(recipients()) == {f"user{number}@home.example": 1 for number in range(300)}
    with opened(acme):
        assert Authenticator.objects.filter(replaces_another=True).count() == 300
