"""How this server reaches a directory: TLS only, allowed networks only, where the operator lets it, or a sentence why not."""

import socket
from dataclasses import replace
from typing import Any

import pytest

from accounts import egress, secrets
from accounts.models import Directory, Tenant
from accounts.tenants import opened
from writeback.access import NotDirect, access_of, problems_of_servers, servers_of
from writeback.connectors.base import DirectoryError, Kind, Reason, Server
from writeback.connectors.preflight import check_handshake
from writeback.models import Connector


@pytest.fixture
def direct(acme: Tenant) -> Connector:
    acme.may_connect_directly = True
    acme.save()
    with opened(acme):
        directory = Directory.objects.create(tenant=acme, name="Corp", kind="openldap")
        connector = Connector(
            tenant=acme,
            directory=directory,
            way=Connector.Way.DIRECT,
            servers="ldaps://127.0.0.1\n starttls://127.0.0.2:1389\n",
            base_dn="dc=corp",
            account="cn=rekey,dc=corp",
            denied="ou=chiefs,dc=corp\n\n",
        )
        connector.sealed_password = secrets.seal(b"s3cret", connector.place)
        connector.save()
    return connector


def test_a_connector_becomes_everything_that_is_needed_to_reach_it(acme: Tenant, direct: Connector) -> None:
    with opened(acme):
        access = access_of(direct)
    assert access.kind == Kind.OPENLDAP
    first, second = Server("127.0.0.1", 636), Server("127.0.0.2", 1389, starttls=True)
    assert access.servers == (replace(first, addresses=("127.0.0.1",)), replace(second, addresses=("127.0.0.2",)))
    assert (access.base_dn, access.account, access.password) == ("dc=corp", "cn=rekey,dc=corp", "s3cret")
    assert access.denied == ("ou=chiefs,dc=corp",)


def test_without_the_operators_word_nothing_is_reached(acme: Tenant, direct: Connector) -> None:
    direct.tenant.may_connect_directly = False
    with opened(acme), pytest.raises(NotDirect, match="operator"):
        access_of(direct)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("way", Connector.Way.AGENTS, "Agents"),
        ("servers", "", "No server"),
        ("base_dn", "", "missing"),
        ("account", "", "missing"),
        ("sealed_password", b"", "password is missing"),
        ("account", "cn=another,dc=corp", "can't be read"),
        ("servers", "ldaps://127.0.0.9", "can't be read"),
        ("servers", "ldaps://10.1.2.3", "EGRESS_ALLOW_PRIVATE"),
    ],
)
def test_what_is_missing_or_not_allowed_is_said(
    acme: Tenant, direct: Connector, field: str, value: Any, reason: str
) -> None:
    setattr(direct, field, value)
    with opened(acme), pytest.raises(NotDirect, match=reason):
        access_of(direct)


def test_private_networks_are_reached_where_the_operator_lists_them(
    acme: Tenant, direct: Connector, settings: Any
) -> None:
    settings.EGRESS_ALLOW_PRIVATE = []
    with opened(acme), pytest.raises(NotDirect, match="EGRESS_ALLOW_PRIVATE"):
        access_of(direct)


def test_q11_a_name_that_leads_elsewhere_a_moment_later_is_not_followed(
    acme: Tenant, direct: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was resolved and allowed is what is connected to: asking the name server twice may be answered twice."""
    monkeypatch.setattr(egress, "resolve_checked", lambda host, port: ["192.0.2.2", "192.0.2.1"])
    with opened(acme):
        access = access_of(direct)
    tried = []

    def refuse(address: tuple[str, int], timeout: float) -> Any:
        tried.append(address[0])
        raise OSError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(DirectoryError):
        check_handshake(access, access.servers[0])
    assert tried == ["192.0.2.1", "192.0.2.2"]


def test_a_server_whose_name_leads_nowhere_stops_no_other(acme: Tenant, direct: Connector) -> None:
    with opened(acme):
        direct.servers = "ldaps://nowhere.invalid\nldaps://127.0.0.1"
        direct.sealed_password = secrets.seal(b"s3cret", direct.place)
        assert [server.host for server in access_of(direct).servers] == ["127.0.0.1"]
        direct.servers = "ldaps://nowhere.invalid"
        direct.sealed_password = secrets.seal(b"s3cret", direct.place)
        with pytest.raises(DirectoryError) as raised:
            access_of(direct)
    assert raised.value.reason == Reason.UNREACHABLE


@pytest.mark.parametrize(
    "line",
    [
        "ldap://dc1.corp.example",
        "dc1.corp.example",
        "https://dc1.corp.example",
        "ldaps://",
        "ldaps://dc1.corp.example:0",
        "ldaps://dc1.corp.example:99999",
        "ldaps://dc1.corp.example:port",
        "ldaps://dc1.corp.example/dc=corp",
        "ldaps://dc1.corp.example?x",
        "ldaps://dc1 .corp.example",
        "ldaps://[::1",
        "ldaps://ｄｃ1.corp.example",
    ],
)
def test_a_bad_line_is_named_in_a_sentence(line: str) -> None:
    (problem,) = problems_of_servers(f"ldaps://good.corp.example\n{line}")
    assert line in problem


def test_a_password_in_a_line_is_refused_and_not_repeated() -> None:
    (problem,) = problems_of_servers("ldaps://admin:geheim@dc1.corp.example")
    assert "geheim" not in problem


def test_good_lines_have_no_problems_and_usual_ports() -> None:
    text = "ldaps://DC1.corp.example/\n\n starttls://dc2.corp.example\nldaps://[::1]:1636"
    assert problems_of_servers(text) == []
    assert servers_of(text) == (
        Server("dc1.corp.example", 636),
        Server("dc2.corp.example", 389, starttls=True),
        Server("::1", 1636),
    )
