"""Inviting the first administrators: a one-time link, shown once, and nothing in clear anywhere."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.backends import roles_of
from accounts.models import AuditEvent, Invitation, Tenant, User
from accounts.tenants import all_opened
from reset import invitations

LINK = re.compile(r"http://testserver/welcome/([A-Za-z0-9_-]{43})/\n")


def run(*arguments: str) -> str:
    """The secret in the link that is printed."""
    out = io.StringIO()
    call_command("create_administrator", *arguments, stdout=out)
    link = LINK.search(out.getvalue())
    assert link is not None
    return link[1]


def test_the_link_opens_an_invitation_for_24_hours(acme: Tenant) -> None:
    token = run("carol@acme.example", "--tenant", "acme")
    invitation = invitations.find(token)
    assert invitation is not None
    assert invitation.user.principal_name == "carol@acme.example"
    assert roles_of(invitation.user) == {"global_administrator"}
    assert not invitation.user.has_usable_password()
    assert invitations.find(token, timezone.now() + timedelta(hours=24, seconds=1)) is None


def test_o8_the_link_is_kept_as_a_digest_only(acme: Tenant) -> None:
    token = run("carol@acme.example", "--tenant", "acme")
    with all_opened():
        assert token not in str(list(Invitation.objects.values()))
        assert token not in str(list(AuditEvent.objects.values()))


def test_another_role_can_be_given(acme: Tenant) -> None:
    run("dave@acme.example", "--tenant", "acme", "--role", "helpdesk_administrator")
    with all_opened():
        assert roles_of(User.objects.get()) == {"helpdesk_administrator"}


def test_a_platform_operator_belongs_to_no_tenant(acme: Tenant) -> None:
    run("operator", "--platform")
    with all_opened():
        operator = User.objects.get(tenant=None)
    assert operator.is_platform_operator
    assert operator.is_staff


def test_a_new_link_for_the_same_administrator_ends_the_old_one(acme: Tenant) -> None:
    old = run("carol@acme.example", "--tenant", "acme")
    new = run("CAROL@acme.example", "--tenant", "acme", "--again")
    assert invitations.find(old) is None
    assert invitations.find(new) is not None
    with all_opened():
        assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("alice@acme.example", "--tenant", "acme"), "has that name already"),
        (("ALICE@ACME.example", "--tenant", "acme"), "has that name already"),
        (("ａlice@acme.example", "--tenant", "acme"), "plain characters"),
        (("carol", "--tenant", "acme"), "end in a domain"),
        (("carol@globex.example", "--tenant", "acme"), "end in a domain"),
        (("carol@acme.example", "--tenant", "umbrella"), "no active tenant"),
        (("carol@acme.example", "--tenant", "acme", "--role", "emperor"), "invalid choice"),
        (("carol@acme.example", "--tenant", "acme", "--mail", "nobody"), "valid email"),
        (("carol@acme.example",), "required"),
        (("carol@acme.example", "--tenant", "acme", "--platform"), "not allowed with"),
        (("alice@acme.example", "--tenant", "acme", "--again"), "no administrator"),
        (("nobody@acme.example", "--tenant", "acme", "--again"), "no administrator"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_invited(alice: User, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
    with all_opened():
        assert (User.objects.count(), Invitation.objects.count()) == (1, 0)


def test_w1_without_a_base_url_there_is_no_link(acme: Tenant, settings: Any) -> None:
    settings.BASE_URL = ""
    with pytest.raises(CommandError, match="BASE_URL"):
        run("carol@acme.example", "--tenant", "acme")
    with all_opened():
        assert not User.objects.exists()
