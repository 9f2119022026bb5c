"""What operators type about agents."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Tenant
from tests.agents.far_side import FarSide
from writeback import agents
from writeback.models import Agent, Connector

OFFICE = ("Head office", "one")


def said(command: str, *arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def test_from_invitation_to_the_end(office: Connector) -> None:
    text = said("invite_agent", *OFFICE, tenant="acme")
    code = re.search(r"code +(\S+)", text)
    assert code
    assert "https://localhost:8001" in text
    far = FarSide()
    agents.enrol(code[1], far.keys, "1.0.0", timezone.now())
    assert far.keys.fingerprint in said("list_agents", tenant="acme")
    said("approve_agent", *OFFICE, "--fingerprint", far.keys.fingerprint, tenant="acme")
    with pytest.raises(SystemExit) as away:
        said("list_agents", tenant="acme")
    assert away.value.code == 1
    with scopes_disabled():
        Agent.objects.update(seen_at=timezone.now(), is_reaching=True)
    assert "1 of 1 agents of Acme are approved, 1 of them at work." in said("list_agents", tenant="acme")
    assert "is cut off" in said("revoke_agent", *OFFICE, tenant="acme")
    assert "was cut off already" in said("revoke_agent", *OFFICE, tenant="acme")


def test_a_wrong_fingerprint_approves_nothing(office: Connector) -> None:
    _, code = agents.invite(office, "one", None, timezone.now())
    agents.enrol(code, FarSide().keys, "1", timezone.now())
    with pytest.raises(CommandError, match="Nothing was approved") as refused:
        said("approve_agent", *OFFICE, "--fingerprint", "0000 0000", tenant="acme")
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("invite_agent", ("Nowhere", "one"), "There are: Head office"),
        ("invite_agent", ("Head office", " "), "printable"),
        ("approve_agent", ("Head office", "none", "--fingerprint", "x"), "no agent named"),
        ("revoke_agent", ("Head office", "none"), "no agent named"),
    ],
)
def test_wrong_words_end_kindly(command: str, arguments: tuple[str, ...], words: str, office: Connector) -> None:
    with pytest.raises(CommandError, match=words):
        said(command, *arguments, tenant="acme")


def test_q5_another_organisations_agents_are_not_found(far: FarSide, globex: Tenant) -> None:
    with pytest.raises(CommandError, match="no connected directory"):
        said("revoke_agent", *OFFICE, tenant="globex")
    assert "0 of 0" in said("list_agents", tenant="globex")


def test_a_name_is_taken_once(far: FarSide) -> None:
    with pytest.raises(CommandError, match="already"):
        said("invite_agent", *OFFICE, tenant="acme")


def test_rights_are_printed_for_the_kind_of_directory(office: Connector) -> None:
    text = said("directory_acl", "Head office", "--account", "cn=rekey,dc=x", "--ou", "ou=people,dc=x", tenant="acme")
    assert 'dn.subtree="ou=people,dc=x"' in text
    with pytest.raises(CommandError, match="--account and --ou"):
        said("directory_acl", "Head office", tenant="acme")
