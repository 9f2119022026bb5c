"""Rotating keys: everything moves to the newest ones, a stopped run goes on, old keys are named when they may go."""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import audit, rotation, secrets
from accounts.audit import Activity, Event
from accounts.keyfiles import shared_key
from accounts.methods import AuthenticatorType, Method
from accounts.models import AuditEvent, Authenticator, RecoveryCode, Tenant, User
from accounts.tenants import all_opened
from config.environment import SharedKey, shared_keys
from policy.models import ResetPolicy
from reset import registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from tests import wizard
from tests.accounts.importing import proofs_of
from tests.conftest import make_authenticator
from tests.reset.registering import ADDRESS, HERE, begin, confirm


@pytest.fixture
def new_keys(alice: User, bob: User, settings: Any) -> tuple[SharedKey, SharedKey]:
    """New keys in front of those that alice's and bob's proofs were made with."""
    sealing, digest = (shared_keys(shared_key(date(2026, 11, 21)), "KEYS")[0] for _ in range(2))
    settings.SEALING_KEYS = (sealing, *live.SEALING_KEYS)
    settings.DIGEST_KEYS = (digest, *live.DIGEST_KEYS)
    return sealing, digest


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_keys", *arguments, stdout=out)
    return out.getvalue()


def ids() -> set[tuple[str, str]]:
    """Ids of the sealing and the digest keys in use."""
    with all_opened():
        return {
            (bytes(row.sealed).partition(b":")[0].decode(), row.digest.partition(":")[0])
            for row in Authenticator.objects.all()
        }


def test_every_value_is_sealed_and_digested_with_the_newest_keys(
    acme: Tenant, new_keys: tuple[SharedKey, SharedKey]
) -> None:
    sealing, digest = new_keys
    assert "3 values were moved" in run()
    assert ids() == {(sealing.id, digest.id)}
    assert proofs_of(acme, "alice@acme.example") == {"email": "alice@home.example", "mobile_phone": "+4915112345647"}
    with all_opened():
        row = Authenticator.objects.get(user__principal_name="bob@acme.example")
    assert row.digest == secrets.digest(row.digest_purpose, "bob@home.example")


def test_a_code_sent_again_meanwhile_is_the_one_that_counts(
    alice: User, open_policy: ResetPolicy, new_keys: tuple[SharedKey, SharedKey], settings: Any
) -> None:
    later = timezone.now() + timedelta(seconds=31)
    with all_opened():
        keys, settings.SEALING_KEYS = settings.SEALING_KEYS, settings.SEALING_KEYS[1:]
        challenge = begin(alice, Method.EMAIL, ADDRESS)
        settings.SEALING_KEYS = keys
        seen = OwnChallenge.objects.get(pk=challenge.pk)
        registration.send_again(challenge, HERE, later)
        rotation._move(seen, rotation.Rotation(), dry_run=False)
        challenge.refresh_from_db()
        assert secrets.is_sealed_with_newest_key(bytes(challenge.sealed))
        assert confirm(challenge, wizard.last_code(), later) == Checked.RIGHT


def test_without_the_old_keys_everything_still_opens_afterwards(
    acme: Tenant, new_keys: tuple[SharedKey, SharedKey], settings: Any
) -> None:
    run()
    settings.SEALING_KEYS, settings.DIGEST_KEYS = settings.SEALING_KEYS[:1], settings.DIGEST_KEYS[:1]
    assert len(proofs_of(acme, "alice@acme.example")) == 2


def test_it_says_which_old_keys_may_go(alice: User, new_keys: tuple[SharedKey, SharedKey]) -> None:
    said = run()
    assert "No longer needed in SEALING_KEYS: test1." in said
    assert "Still needed in DIGEST_KEYS, to check audit events or recovery codes: test1." in said


def test_an_old_digest_key_may_go_when_nothing_is_checked_with_it(acme: Tenant, settings: Any) -> None:
    settings.DIGEST_KEYS = (*live.DIGEST_KEYS, SharedKey("older", b"x" * 32))
    assert "No longer needed in DIGEST_KEYS: older;" in run()


def test_an_old_digest_key_stays_while_a_recovery_code_is_checked_with_it(
    acme: Tenant, alice: User, settings: Any
) -> None:
    """A sheet is kept for years; what tells of its making may be gone by then."""
    older = SharedKey("older", b"x" * 32)
    settings.DIGEST_KEYS = (*live.DIGEST_KEYS, older)
    row = make_authenticator(alice, AuthenticatorType.RECOVERY_CODES, "set")
    with all_opened():
        code = RecoveryCode.objects.create(tenant=acme, authenticator=row, digest=f"{older.id}:{'0' * 64}")
    assert "Still needed in DIGEST_KEYS, to check audit events or recovery codes: older." in run()
    with all_opened():
        RecoveryCode.objects.filter(pk=code.pk).update(used_at=timezone.now())
    assert "No longer needed in DIGEST_KEYS: older;" in run()


def test_a_dry_run_counts_and_leaves_all_as_it_is(new_keys: tuple[SharedKey, SharedKey]) -> None:
    before = ids()
    assert "3 values would be moved" in run("--dry-run")
    assert ids() == before == {("test1", "test1")}
    with all_opened():
        assert not AuditEvent.objects.filter(activity=Activity.KEYS_ROTATED).exists()


def test_a_stopped_run_goes_on_where_it_stopped(
    new_keys: tuple[SharedKey, SharedKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 1)

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(False, stop)
    assert len(ids()) == 2
    assert "2 values were moved to the newest keys, 1 were there already" in run()


def test_a_damaged_value_is_named_left_alone_and_stops_nothing(new_keys: tuple[SharedKey, SharedKey]) -> None:
    with all_opened():
        broken = Authenticator.objects.order_by("pk")[0]
        Authenticator.objects.filter(pk=broken.pk).update(sealed=b"test1:" + b"x" * 40)
    with pytest.raises(CommandError, match=rf"1 values can't be opened.*{broken.pk}\)") as error:
        run()
    assert error.value.returncode == 1
    with all_opened():
        broken.refresh_from_db()
    assert bytes(broken.sealed) == b"test1:" + b"x" * 40
    assert len(ids()) == 2


def test_audit_events_made_with_an_old_key_still_verify(acme: Tenant, new_keys: tuple[SharedKey, SharedKey]) -> None:
    audit.record(Event(Activity.SIGNED_IN, acme.pk))
    run()
    with all_opened():
        assert all(audit.is_genuine(event) for event in AuditEvent.objects.all())
        event = AuditEvent.objects.get(activity=Activity.KEYS_ROTATED)
    assert (event.tenant_id, event.details) == (None, {"moved": 3, "unreadable": 0})


def test_what_is_being_registered_moves_too_and_its_code_still_works(
    alice: User, open_policy: ResetPolicy, settings: Any
) -> None:
    with all_opened():
        challenge = begin(alice, Method.EMAIL, ADDRESS)
    code = wizard.last_code()
    sealing, digest = (shared_keys(shared_key(date(2026, 11, 21)), "KEYS")[0] for _ in range(2))
    settings.SEALING_KEYS = (sealing, *live.SEALING_KEYS)
    settings.DIGEST_KEYS = (digest, *live.DIGEST_KEYS)
    assert "3 values were moved" in run()
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    with all_opened():
        moved = OwnChallenge.objects.select_related("user__tenant").get(pk=challenge.pk)
        assert registration.value_of(moved) == ADDRESS
        assert confirm(moved, code) == Checked.RIGHT


def test_a_damaged_value_that_is_being_registered_is_named(
    alice: User, open_policy: ResetPolicy, new_keys: tuple[SharedKey, SharedKey]
) -> None:
    with all_opened():
        challenge = begin(alice, Method.EMAIL, ADDRESS)
        OwnChallenge.objects.update(sealed=b"test1:" + b"x" * 40)
    with pytest.raises(CommandError, match=rf"1 values can't be opened.*own challenge {challenge.pk}\)"):
        run()
