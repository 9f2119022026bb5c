"""Flaws of sign-in, change and reset through a directory; names as in the list of flaws that hit products like this one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Tenant, User
from accounts.models.users import new_epoch
from reset import asking
from tests.reset.in_directory import NORA, OLD, North, jobs, make_north, work
from tests.reset.signing_in import is_signed_in, post_sign_in
from writeback import execution

WAIT = "/signin/wait/"
NEW = "three blue horses"


@pytest.fixture
def north(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> North:
    monkeypatch.setattr(asking, "STEP", timedelta(microseconds=1))
    return make_north(acme, monkeypatch)


def sign_in(client: Client, password: str = OLD) -> None:
    post_sign_in(client, NORA, password)
    work()
    client.get(WAIT)


def change(client: Client) -> Any:
    return client.post("/account/", {"current_password": OLD, "new_password": NEW, "once_more": NEW})


def set_nora(north: North, **values: Any) -> None:
    with scopes_disabled():
        User.objects.filter(pk=north.nora.pk).update(**values)


def test_s9_a_waiting_page_left_alone_opens_nothing_once_the_account_changed_again(
    north: North, client: Client
) -> None:
    """Else whoever changed a password could come back hours later, past the owner's reset and past the second proof."""
    sign_in(client)
    change(client)
    work()
    set_nora(north, credentials_epoch=new_epoch())
    assert client.get(WAIT).headers["Location"] == "/signin/"
    assert not is_signed_in(client)


def test_s10_a_change_does_not_end_what_a_session_may_only_do(north: North, client: Client) -> None:
    """Let in to register a method, and to change the password first: afterwards a method is still due."""
    sign_in(client)
    set_nora(north, must_change_password=True)
    session = client.session
    session["sign_in_method_due"] = True
    session.save()
    change(client)
    work()
    client.get(WAIT)
    assert client.session.get("sign_in_method_due") is True


@pytest.mark.parametrize("names", [(NORA, "NORA@north.example"), ("nobody@north.example", "Nobody@north.example")])
def test_e2_two_sign_ins_at_once_wait_for_each_other_whoever_has_the_name(names: tuple[str, str], north: North) -> None:
    """Else the second one's time tells: only people who exist would wait."""
    for name in names:
        post_sign_in(Client(), name, "wrong")
    first, second = jobs()
    assert execution.claim(first.pk, timezone.now()) is not None
    assert execution.claim(second.pk, timezone.now()) is None
