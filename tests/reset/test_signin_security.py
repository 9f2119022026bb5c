"""Flaws that hit sign-ins elsewhere."""

import html
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import Directory, Domain, Tenant, User
from reset.views.requesting import safe_next
from tests.conftest import make_user
from tests.reset.signing_in import NEUTRAL, PASSWORD, is_signed_in, post_sign_in

NAMES = ["nobody", "disabled", "external", "directory", "without", "ａlice", "alice"]


@pytest.fixture
def everybody(alice: User, acme: Tenant) -> None:
    """One person for each reason why a sign-in can fail. `nobody` and the full-width name stand for strangers."""
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="North", kind=Directory.Kind.OPENLDAP)
    make_user(acme, "disabled@acme.example", PASSWORD, is_enabled=False)
    make_user(acme, "external@acme.example", PASSWORD, is_external=True)
    make_user(acme, "directory@acme.example", PASSWORD, directory=directory, anchor="1")
    make_user(acme, "without@acme.example")


def shape(sql: str) -> str:
    """A statement without its values."""
    return re.sub(r"'[^']*'|\bs\d+_x\d+|\b\d+\b|\bNULL\b", "?", sql)


def test_e1_everybody_who_may_not_in_reads_the_same(everybody: None) -> None:
    pages = set()
    for name in NAMES:
        client = Client()
        password = PASSWORD if name != "alice" else "wrong"
        response = post_sign_in(client, f"{name}@acme.example", password)
        text = response.content.decode().replace(f"{name}@acme.example", "NAME")
        assert NEUTRAL in text
        pages.add((response.status_code, _without_csrf(text), *sorted(response.headers), *sorted(client.cookies)))
    assert len(pages) == 1


def _without_csrf(text: str) -> str:
    before, _, rest = text.partition('name="csrfmiddlewaretoken" value="')
    return before + rest.partition('"')[2]


def test_e1_everybody_who_may_not_in_costs_the_same_statements(everybody: None) -> None:
    lists = set()
    for name in NAMES:
        client = Client()
        with CaptureQueriesContext(connection) as captured:
            post_sign_in(client, f"{name}@acme.example", "wrong")
        lists.add(tuple(shape(query["sql"]) for query in captured.captured_queries))
    assert len(lists) == 1


def test_e2_everybody_who_may_not_in_costs_one_hash(everybody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes: list[str] = []

    def counting(original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(self: MD5PasswordHasher, *given: Any, **named: Any) -> Any:
            hashes.append("hash")
            return original(self, *given, **named)

        return counted

    # MD5PasswordHasher.verify decodes and calls encode: one hash is one call of encode.
    monkeypatch.setattr(MD5PasswordHasher, "encode", counting(MD5PasswordHasher.encode))
    for name in NAMES:
        hashes.clear()
        post_sign_in(Client(), f"{name}@acme.example", "wrong")
        assert (name, len(hashes)) == (name, 1)


@pytest.mark.django_db(transaction=True)
def test_no_password_is_hashed_inside_a_transaction(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[bool] = []
    encode = MD5PasswordHasher.encode

    def looking(self: MD5PasswordHasher, *given: Any, **named: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return encode(self, *given, **named)

    monkeypatch.setattr(MD5PasswordHasher, "encode", looking)
    client = Client()
    post_sign_in(client, "alice@acme.example", PASSWORD)
    changed = {"current_password": PASSWORD, "new_password": "violet harbour", "once_more": "violet harbour"}
    assert client.post("/account/", changed).status_code == 302
    assert inside == [False, False, False]


def test_while_a_directory_is_away_its_whole_domain_hears_so(client: Client, acme: Tenant) -> None:
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="North", kind=Directory.Kind.ACTIVE_DIRECTORY)
        Domain.objects.create(
            tenant=acme,
            name="north.example",
            authority=Domain.Authority.DIRECTORY,
            directory=directory,
            verified_at=timezone.now(),
        )
    make_user(acme, "carol@north.example", directory=directory, anchor="2")
    for name in ("carol@north.example", "nobody@north.example"):
        page = html.unescape(post_sign_in(client, name, PASSWORD).content.decode())
        assert "Your organisation's directory can't be reached at the moment." in page


BAD_BODIES: list[dict[str, Any]] = [
    {},
    {"username": "alice@acme.example"},
    {"username": "alice@acme.example", "password": ""},
    {"username": "alice@acme.example", "password[]": PASSWORD},
    {"username": "alice@acme.example", "password[$ne]": "x"},
    {"username": "alice@acme.example", "password": "\x00"},
    {"username": "alice@acme.example", "password": f"{PASSWORD}\x00"},
    {"username": "alice@acme.example", "password": "null"},
    {"username": "alice@acme.example", "password": f"{PASSWORD} "},
    {"username": "alice@acme.example", "password": "x" * 100_000},
    {"username": "alice@acme.example\x00", "password": PASSWORD},
    {"username": "\x00", "password": PASSWORD},
    {"username": "alice@acme.example' OR '1'='1", "password": PASSWORD},
    {"username": "a" * 10_000, "password": PASSWORD},
    {"username[]": "alice@acme.example", "password": PASSWORD},
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_s8_what_is_not_exactly_the_password_is_refused(client: Client, alice: User, body: dict[str, Any]) -> None:
    assert client.post("/signin/", body).status_code == 200
    assert not is_signed_in(client)


def test_s8_a_json_body_is_no_form(client: Client, alice: User) -> None:
    body = {"username": "alice@acme.example", "password": True}
    assert client.post("/signin/", body, content_type="application/json").status_code == 200
    assert not is_signed_in(client)


def test_s8_a_person_without_a_password_cannot_sign_in_with_the_marker(client: Client, acme: Tenant) -> None:
    user = make_user(acme, "without@acme.example")
    for password in (user.password, "!", ""):
        post_sign_in(client, "without@acme.example", password)
    assert not is_signed_in(client)


def test_s9_a_planted_session_is_of_no_use_after_the_sign_in(client: Client, alice: User) -> None:
    attacker = Client()
    session = attacker.session
    session["planted"] = "yes"
    session["console_verified"] = alice.credentials_epoch
    session.save()
    client.cookies["session"] = str(session.session_key)
    post_sign_in(client, "alice@acme.example", PASSWORD)
    assert is_signed_in(client)
    attacker.cookies["session"] = str(session.session_key)
    assert not is_signed_in(attacker)
    assert "planted" not in client.session
    assert "console_verified" not in client.session


def test_s9_signing_in_as_somebody_else_takes_nothing_over(client: Client, alice: User, bob: User) -> None:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    first = client.session.session_key
    post_sign_in(client, "bob@acme.example", "old-password-2")
    assert client.session.session_key != first
    assert "Bob" in client.get("/account/").content.decode()


@pytest.mark.parametrize(
    "wished",
    [
        "//evil.example", "/\\evil.example", "\\evil.example", "https://evil.example", "///evil.example",
        "https:evil.example", "javascript:alert(1)", "http://testserver.evil.example/", "evil", "/\t/evil.example",
        "http://testserver/account/", "/%09/evil\r\nSet-Cookie:a=b", " //evil.example",
    ],
)  # fmt: skip
def test_w8_another_host_is_never_the_next_page(client: Client, alice: User, wished: str) -> None:
    response = client.post(
        "/signin/", {"username": "alice@acme.example", "password": PASSWORD}, query_params={"next": wished}
    )
    assert response.headers["Location"] == "/account/" or response.headers["Location"].startswith("/%09/")
    assert "evil" not in safe_next(wished) or safe_next(wished).startswith("/%09/")


def test_w8_a_path_here_is_the_next_page() -> None:
    assert safe_next("/security-info/?a=1#b") == "/security-info/?a=1#b"


def test_w5_a_sign_in_without_its_token_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get("/signout/").status_code == 200
    for address in ("/signin/", "/signout/", "/account/", "/welcome/", "/signin/code/"):
        response = client.post(address, {"username": "alice@acme.example", "password": PASSWORD})
        assert response.status_code == 403
    assert not is_signed_in(client)


def test_w10_pages_are_never_stored(client: Client, alice: User) -> None:
    addresses = ["/signin/", "/signout/", "/welcome/", "/welcome/unknown/", "/welcome/done/"]
    for address in addresses:
        assert "no-store" in client.get(address).headers["Cache-Control"], address
    response = post_sign_in(client, "alice@acme.example", PASSWORD)
    assert "no-store" in response.headers["Cache-Control"]
    assert "no-store" in client.get("/account/").headers["Cache-Control"]


def test_e6_passwords_appear_in_no_log(client: Client, alice: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        post_sign_in(client, "alice@acme.example", "Zx-CANARY-1")
        post_sign_in(client, "alice@acme.example", PASSWORD)
    logged = [record for record in caplog.records if record.name != "django.db.backends"]
    assert not [record for record in logged if "CANARY" in record.getMessage() or PASSWORD in record.getMessage()]
