"""E5 to E7: secrets and people stand in no log, row, task, address or page where they don't belong."""

import base64
import logging
import re
from typing import Any

import pytest
from django.db import connection

from accounts import publishing
from accounts.models import User
from policy.models import ResetPolicy
from reset import flow
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import VERIFY, Browser

CANARY_PASSWORD = "Zx-CANARY-violet-harbour-71"


def whole_database() -> str:
    """Every value of every table, as text."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                found += [
                    bytes(one).decode("latin-1") if isinstance(one, bytes | memoryview) else str(one) for one in row
                ]
    return "\n".join(found)


def forms_of(secret: str) -> list[str]:
    """A secret in the encodings in which it could lie about."""
    plain = secret.encode()
    return [
        secret,
        base64.b64encode(plain).decode().rstrip("=")[:-1],
        plain.hex(),
        secret.encode("utf-16-le").decode("latin-1"),
    ]


def test_e6_neither_the_password_nor_a_code_stays_anywhere(
    alice: User,
    open_policy: ResetPolicy,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published: list[Any] = []
    monkeypatch.setattr(publishing, "publish", lambda *given, **named: published.append((given, named)))
    codes: list[str] = []
    client = Browser()
    with caplog.at_level(logging.DEBUG):
        journeys.begin_answering(client)
        codes.append(wizard.last_code())
        wizard.answer(client, wizard.wrong_code(codes[0]))
        answer = wizard.answer(client, codes[0])
        shown = [answer.content.decode(), client.get(answer.url).content.decode()]
        client.post("/reset/password/", {"password": CANARY_PASSWORD, "again": "another"})
        shown.append(
            client.post(
                "/reset/password/", {"password": CANARY_PASSWORD[:3], "again": CANARY_PASSWORD[:3]}
            ).content.decode()
        )
        assert journeys.set_password(client, CANARY_PASSWORD).status_code == 302
        shown.append(client.get("/reset/status/").content.decode())
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    places = {"database": whole_database(), "log": logged, "tasks": str(published), "pages": "\n".join(shown)}
    assert journeys.person(alice).check_password(CANARY_PASSWORD)
    for place, text in places.items():
        for form in forms_of(CANARY_PASSWORD):
            assert form not in text, place
    assert not re.search(rf"(?<![\w.:-]){codes[0]}(?![\w.:-])", places["database"])
    for place in ("log", "tasks", "pages"):
        assert codes[0] not in places[place], place


def test_e6_no_address_of_the_wizard_carries_anything_personal(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    for answer in (
        wizard.choose(client, "email"),
        wizard.answer(client, wizard.last_code()),
        journeys.set_password(client),
    ):
        assert answer.url in (VERIFY, "/reset/password/", "/reset/status/")


@pytest.mark.parametrize("debug", [False, True])
def test_e7_a_fault_shows_nothing_of_the_inside(
    debug: bool, alice: User, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def explode(*given: Any, **named: Any) -> Any:
        secret_of_the_inside = CANARY_PASSWORD
        raise RuntimeError(f"inside {secret_of_the_inside[:0]}")

    settings.DEBUG = debug
    monkeypatch.setattr(flow, "answer", explode)
    client = Browser(raise_request_exception=False)
    journeys.begin_answering(client)
    page = client.post(VERIFY, {"action": "answer", "code": CANARY_PASSWORD})
    text = page.content.decode()
    assert page.status_code == 500
    assert CANARY_PASSWORD not in text
    if not debug:
        assert "Traceback" not in text
        assert "RuntimeError" not in text
        assert "Django" not in text


def test_e5_machine_addresses_tell_strangers_nothing(client: Browser, alice: User) -> None:
    for page in (
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/",
        "/api/v1/",
        "/dev/",
        "/static/../config/settings.py",
    ):
        text = client.get(page).content.decode()
        assert "alice" not in text
        assert "acme" not in text.lower()
