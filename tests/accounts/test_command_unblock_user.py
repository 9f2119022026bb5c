"""Unblocking one person from the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent, Tenant, User
from accounts.tenants import all_opened
from policy import lockout, throttle
from policy.throttle import Use
from reset import buckets
from tests.administrators import make_request
from tests.conftest import make_user


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("unblock_user", *arguments, stdout=out)
    return out.getvalue()


def failures_of(user: User, amount: int = 0) -> throttle.State:
    account = buckets.account_key(user.tenant_id or 0, user.principal_name, user)
    return throttle.count(Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account), amount))[0]


def test_failures_lockout_and_pause_are_cleared_for_this_person_only(alice: User, bob: User) -> None:
    failures_of(alice, 5), failures_of(bob, 5)
    with all_opened():
        User.objects.filter(pk=alice.pk).update(self_service_paused=True)
    assert run("ALICE@acme.example") == "alice@acme.example is open again for self-service and sign-in.\n"
    assert (failures_of(alice).count, failures_of(bob).count) == (0, 5)
    with all_opened():
        alice.refresh_from_db()
        event = AuditEvent.objects.get(activity="account.unblocked")
    assert not alice.self_service_paused
    assert (event.target_id, event.details) == (alice.pk, {"failures": True, "sign_in": False, "pause": True})


@pytest.mark.django_db(transaction=True)
def test_the_sign_in_lockout_ends(alice: User) -> None:
    account = buckets.account_key(alice.tenant_id or 0, alice.principal_name, alice)
    for number in range(10):
        lockout.count_try(account, f"wrong {number}")
    assert lockout.find_lock(account) is not None
    run("alice@acme.example", "--tenant", "acme")
    assert lockout.find_lock(account) is None


def test_somebody_who_was_not_blocked_is_told_apart(alice: User) -> None:
    assert run("alice@acme.example") == "alice@acme.example was not blocked.\n"


@pytest.mark.parametrize("name", ["nobody@acme.example", "ａlice@acme.example", "alice@elsewhere.example", "alice"])
def test_s6_an_unknown_or_look_alike_name_unblocks_nobody(alice: User, name: str) -> None:
    failures_of(alice, 5)
    with pytest.raises(CommandError, match="Nobody has that name"):
        run(name)
    assert failures_of(alice).count == 5


def test_customers_are_found_by_their_tenant(globex: Tenant, acme: Tenant) -> None:
    globex.kind = Tenant.Kind.CUSTOMERS
    globex.save()
    make_user(globex, "frida")
    assert "frida" in run("frida", "--tenant", "globex")
    with pytest.raises(CommandError, match="Nobody"):
        run("frida", "--tenant", "acme")
    with pytest.raises(CommandError, match="--tenant"):
        run("frida")


def test_the_persons_own_browser_is_opened_too(alice: User) -> None:
    """A browser that was recognised has a bucket of its own: unblocking must not leave the owner outside."""
    account = buckets.account_key(alice.tenant_id or 0, alice.principal_name, alice)
    own = Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account, "b0b0"), 5)
    throttle.count(own)
    with all_opened():
        assert alice.tenant is not None
        request = make_request(alice.tenant, alice, alice.principal_name)
        request.browser = "b0b0"
        request.save()
    run("alice@acme.example")
    assert throttle.look(own)[0].count == 0
