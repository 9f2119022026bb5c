"""The console's page of a directory: what may be typed there, who may, and what becomes of the password."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import secrets
from accounts.models import AuditEvent, Directory, ExecutorKey, Tenant
from accounts.roles import Role
from accounts.tenants import opened
from notifications.models import Message
from reset.views.members import PROVED_AT
from tests.administrators import make_administrator, make_operator, signed_in
from tests.writeback.consoles import ADD, FORM, allow_direct, certificate, page_of, the_connector, told
from writeback.models import Connector

BOSS = "boss@acme.example"


@pytest.fixture
def console(acme: Tenant) -> Client:
    allow_direct(acme)
    make_administrator(acme, "other@acme.example")
    return signed_in(make_administrator(acme, BOSS))


@pytest.fixture
def stored(acme: Tenant, console: Client) -> Connector:
    assert console.post(ADD, FORM).status_code == 302
    return the_connector(acme)


def change(console: Client, connector: Connector, **fields: Any) -> Any:
    data = {**FORM, "password": "", **fields}
    return console.post(page_of(connector.directory), {k: v for k, v in data.items() if v is not None}, follow=True)


def errors(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def password_of(connector: Connector) -> str:
    return secrets.open_sealed(bytes(connector.sealed_password), connector.place).decode()


def test_a_directory_and_the_way_to_it_are_made_on_one_page(stored: Connector) -> None:
    assert (stored.directory.name, stored.servers, stored.is_on) == ("Head office", "ldaps://dc1.acme.example", True)
    assert password_of(stored) == "service-secret-1"


def test_the_password_is_on_no_page_and_in_no_trail(acme: Tenant, console: Client, stored: Connector) -> None:
    body = console.get(page_of(stored.directory)).content.decode()
    assert "service-secret-1" not in body
    assert "One is stored." in body
    with opened(acme):
        trail = [str(event.details) for event in AuditEvent.objects.all()]
    assert any("dc1.acme.example" in line for line in trail)
    assert not any("service-secret-1" in line for line in trail)


def test_an_empty_password_keeps_the_stored_one(acme: Tenant, console: Client, stored: Connector) -> None:
    change(console, stored, base_dn="ou=all,dc=acme,dc=example")
    assert password_of(the_connector(acme)) == "service-secret-1"


@pytest.mark.parametrize("field", ["servers", "account", "ca_pem"])
def test_another_host_account_or_authority_throws_the_password_away_and_says_so(
    acme: Tenant, console: Client, stored: Connector, field: str
) -> None:
    other = {"servers": "ldaps://elsewhere.example", "account": "cn=other,dc=acme,dc=example"}
    value = {**other, "ca_pem": certificate(300)}[field]
    response = change(console, stored, **{field: value})
    assert "was thrown away" in response.content.decode()
    assert the_connector(acme).sealed_password == b""
    change(console, stored, **{field: value}, password="service-secret-2")
    assert password_of(the_connector(acme)) == "service-secret-2"


def test_blank_lines_and_spaces_make_no_other_host(acme: Tenant, console: Client, stored: Connector) -> None:
    change(console, stored, servers="\r\n  ldaps://dc1.acme.example \r\n\r\n")
    assert password_of(the_connector(acme)) == "service-secret-1"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("servers", "ldap://plain.example", "without TLS nothing is sent"),
        ("servers", "ldaps://svc:pass@dc.example", "must not carry a user name"),
        ("servers", "", "Needed where this server"),
        ("base_dn", "acme.example", "is no DN"),
        ("account", "", "Needed where this server"),
        ("denied", "ou=fine,dc=x\nnot one", "“not one” is no DN"),
        ("ca_pem", "hello", "no certificates in PEM form"),
        ("ca_pem", "-----BEGIN PRIVATE KEY-----", "private key"),
        ("attribute_lines", "shoe_size = shoe", "There is no field shoe_size"),
        ("attribute_lines", "display_name = userPassword", "it is never read"),
        ("people_filter", "(&(a=b)", "brackets that match"),
        ("sync_minutes", "1", "greater than or equal to 5"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    console: Client, stored: Connector, field: str, value: str, said: str
) -> None:
    assert said in " ".join(errors(change(console, stored, **{field: value}))[field])


def test_an_expired_certificate_is_named(console: Client, stored: Connector) -> None:
    [problem] = errors(change(console, stored, ca_pem=certificate(300) + certificate(-2, "Old CA")))["ca_pem"]
    assert "CN=Old CA expired on" in problem


def test_good_values_are_kept(acme: Tenant, console: Client, stored: Connector) -> None:
    pem = certificate(300)
    wanted = {"ca_pem": pem, "attribute_lines": "mail = proxyMail", "people_filter": "(objectClass=person)"}
    change(console, stored, **wanted, denied="ou=service,dc=acme,dc=example", is_on=None)
    now = the_connector(acme)
    assert now.attributes == {"mail": "proxyMail"}
    assert (now.ca_pem, now.people_filter, now.is_on) == (pem.strip(), "(objectClass=person)", False)


def test_a_changed_way_makes_a_worker_look_again_and_read_everybody(
    acme: Tenant, console: Client, stored: Connector
) -> None:
    with opened(acme):
        Connector.objects.update(looked_at=timezone.now(), reached_at=timezone.now(), sync_mark="17", seen={"a": 1})
    change(console, stored, servers="ldaps://dc2.acme.example")
    now = the_connector(acme)
    assert (now.looked_at, now.reached_at, now.seen, now.sync_mark) == (None, None, {}, "")


def test_a_changed_name_leaves_what_was_seen(acme: Tenant, console: Client, stored: Connector) -> None:
    with opened(acme):
        Connector.objects.update(reached_at=timezone.now(), sync_mark="17")
    change(console, stored, name="Main site")
    now = the_connector(acme)
    assert now.reached_at is not None
    assert (now.sync_mark, now.directory.name) == ("17", "Main site")


def test_the_kind_of_a_directory_stays(acme: Tenant, console: Client, stored: Connector) -> None:
    change(console, stored, kind="active_directory")
    assert the_connector(acme).directory.kind == "openldap"


# --- the direct way is the operator's to allow --------------------------------------------------------------------------


def test_without_the_operators_word_only_agents_can_be_chosen(acme: Tenant) -> None:
    console = signed_in(make_administrator(acme, BOSS))
    body = console.get(ADD).content.decode()
    assert "whoever operates it has not allowed that" in body
    assert 'value="direct"' not in body
    assert "way" in errors(console.post(ADD, FORM))
    with opened(acme):
        assert not Directory.objects.exists()
    wanted = {**FORM, "way": "agents", "servers": "", "base_dn": "", "account": "", "password": ""}
    assert console.post(ADD, wanted).status_code == 302


def test_a_platform_operators_form_holds_to_the_chosen_organisation(acme: Tenant) -> None:
    console = signed_in(make_operator())
    assert "way" in errors(console.post(ADD, {**FORM, "tenant": acme.pk}))
    allow_direct(acme)
    assert console.post(ADD, {**FORM, "tenant": acme.pk}).status_code == 302


def test_an_administrator_can_not_allow_the_direct_way(acme: Tenant) -> None:
    console = signed_in(make_administrator(acme, BOSS))
    data = {"name": "Acme", "language": "en", "disclosure": "private", "administrator_notice": "global",
            "contact": "form", "may_connect_directly": "on"}  # fmt: skip
    assert console.post(f"/admin/accounts/tenant/{acme.pk}/change/", data).status_code == 302
    acme.refresh_from_db()
    assert not acme.may_connect_directly


# --- who may, and who hears of it ---------------------------------------------------------------------------------------


def age_the_proof(console: Client, minutes: int) -> None:
    session = console.session
    session[PROVED_AT] = (timezone.now() - timedelta(minutes=minutes)).isoformat()
    session["password_proved_at"] = session[PROVED_AT]
    session.save()


def test_after_ten_minutes_nothing_is_saved_and_what_was_typed_stays(
    acme: Tenant, console: Client, stored: Connector
) -> None:
    age_the_proof(console, 11)
    response = change(console, stored, base_dn="ou=typed,dc=acme,dc=example", password="typed-secret")
    body = response.content.decode()
    assert "Nothing was saved yet" in body
    assert "/security-info/prove/?next=" in body
    assert "ou=typed,dc=acme,dc=example" in body
    assert "typed-secret" not in body
    assert the_connector(acme).base_dn == "dc=acme,dc=example"


def test_a_page_that_can_not_be_saved_says_so_before_anything_is_typed(console: Client, stored: Connector) -> None:
    assert "Prove it now" not in console.get(page_of(stored.directory)).content.decode()
    age_the_proof(console, 11)
    assert "Prove it now" in console.get(page_of(stored.directory)).content.decode()


def test_deleting_needs_a_fresh_proof_too(acme: Tenant, console: Client, stored: Connector) -> None:
    age_the_proof(console, 11)
    response = console.post(page_of(stored.directory, "delete"), {"post": "yes"})
    assert response["Location"].startswith("/security-info/prove/?next=/admin/accounts/directory/")
    many = {"action": "delete_selected", "_selected_action": [str(stored.directory_id)], "post": "yes"}
    assert console.post("/admin/accounts/directory/", many)["Location"].startswith("/security-info/prove/")
    age_the_proof(console, 1)
    assert console.post(page_of(stored.directory, "delete"), {"post": "yes"}).status_code == 302
    with opened(acme):
        assert not Connector.objects.exists()
    assert told(acme) == 2


def test_a_platform_operator_proves_it_by_signing_in(acme: Tenant) -> None:
    allow_direct(acme)
    console = signed_in(make_operator())
    age_the_proof(console, 11)
    response = console.post(ADD, {**FORM, "tenant": acme.pk})
    assert "sign out and in again" in response.content.decode()


def test_the_other_global_administrators_hear_of_each_change(acme: Tenant, console: Client, stored: Connector) -> None:
    with opened(acme):
        [first] = Message.objects.filter(kind="routing_was_changed")
    assert b"service-secret-1" not in bytes(first.sealed)
    change(console, stored, base_dn="ou=all,dc=acme,dc=example")
    assert told(acme) == 2
    change(console, stored, base_dn="ou=all,dc=acme,dc=example")
    assert told(acme) == 2


def test_where_nobody_could_be_told_the_administrator_is(acme: Tenant, console: Client, stored: Connector) -> None:
    ExecutorKey.objects.all().delete()
    cache.clear()
    response = change(console, stored, base_dn="ou=all,dc=acme,dc=example")
    assert "could not be told" in response.content.decode()


@pytest.mark.parametrize("role", [Role.HELPDESK_ADMINISTRATOR, Role.REPORTS_READER, Role.USER_ADMINISTRATOR])
def test_others_see_how_it_is_doing_but_neither_server_nor_account(acme: Tenant, stored: Connector, role: str) -> None:
    desk = signed_in(make_administrator(acme, "desk@acme.example", role))
    body = desk.get(page_of(stored.directory)).content.decode()
    assert "How it is doing" in body
    assert "dc1.acme.example" not in body
    assert "cn=svc" not in body
    assert "Test connection" not in body
    assert desk.post(page_of(stored.directory), FORM).status_code == 403
    for which in ("test", "synchronise", "invite"):
        assert desk.post(page_of(stored.directory, which)).status_code == 403


def test_a_directory_of_another_organisation_is_not_there(acme: Tenant, globex: Tenant, stored: Connector) -> None:
    stranger = signed_in(make_administrator(globex, "boss@globex.example"))
    for which in ("status", "test", "synchronise", "invite"):
        assert stranger.post(page_of(stored.directory, which)).status_code == 404
        assert stranger.get(page_of(stored.directory, which)).status_code in (404, 405)


def test_a_domain_needs_a_fresh_proof_as_well(acme: Tenant, console: Client, stored: Connector) -> None:
    age_the_proof(console, 11)
    data = {"authority": "directory", "directory": stored.directory_id, "copies_minutes": "2"}
    with opened(acme):
        domain = acme.domains.get()
    address = f"/admin/accounts/domain/{domain.pk}/change/"
    assert "Nothing was saved yet" in console.post(address, data).content.decode()
    age_the_proof(console, 1)
    assert console.post(address, data).status_code == 302
    domain.refresh_from_db()
    assert (domain.authority, domain.directory_id, domain.copies_minutes) == ("directory", stored.directory_id, 2)
    assert told(acme) == 2
