"""Races of phones that are asked, on a real PostgreSQL: many answers at once count as one, and guesses stay three."""

import json
from hmac import compare_digest
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import tenants
from accounts.methods import Method
from accounts.models import AuditEvent, User
from policy.models import ResetPolicy
from reset import confirming, phone_registration
from reset.confirming import Keyed
from reset.models import Challenge
from tests import wizard
from tests.postgres import test_races
from tests.postgres.test_races import at_once, copy_of
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, Browser
from tests.reset.phones import Phone, give_phone, other_number
from tests.reset.registering import HERE

pytestmark = test_races.pytestmark


@pytest.fixture
def phone(alice: User, open_policy: ResetPolicy) -> Phone:
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    return give_phone(alice)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every number that was compared."""
    numbers: list[str] = []

    def noting(typed: bytes, shown: bytes) -> bool:
        numbers.append(typed.decode())
        return compare_digest(typed, shown)

    monkeypatch.setattr("reset.confirming.compare_digest", noting)
    return numbers


def ask(client: Browser) -> Challenge:
    challenge = journeys.begin_answering(client, method="app_notification").challenge
    assert challenge is not None
    return challenge


def results(phone: Phone, bodies: list[Any]) -> list[str]:
    """What the server says to these calls, all sent at once, each over a connection of its own."""

    def send(number: int) -> str:
        answer = phone.send("answer", bodies[number], client=Browser(enforce_csrf_checks=True))
        return str(answer.json().get("result") or answer.json()["error"])

    return at_once(len(bodies), send)


def approval(phone: Phone, challenge: Challenge, number: str) -> Any:
    return phone.signed("answer", phone=phone.id, challenge=str(challenge.pk), decision="approve", number=number)


def test_o4_50_parallel_approvals_have_one_success(phone: Phone, compared: list[str]) -> None:
    client = Browser()
    challenge = ask(client)
    said = results(phone, [approval(phone, challenge, challenge.shown) for _ in range(50)])
    assert (said.count("right"), said.count("over")) == (1, 49)
    assert len(compared) <= 3
    with scopes_disabled():
        assert AuditEvent.objects.filter(activity="verification.confirmed_elsewhere").count() == 1
    answers = at_once(20, lambda number: wizard.answer(copy_of(client), "").status_code)
    assert set(answers) <= {200, 302}
    assert len(journeys.reload(challenge.request).passed) == 1
    assert wizard.answer(client, "").url != PASSWORD


def test_o4_parallel_confirmations_without_the_prompts_own_limit_have_one_success(phone: Phone) -> None:
    challenge = ask(Browser())

    def confirm(number: int) -> Keyed:
        found = confirming.find(challenge.pk, (Method.APP_NOTIFICATION,), timezone.now())
        return confirming.answer(found, challenge.shown, timezone.now(), by=phone.row) if found else Keyed.OVER

    assert at_once(50, confirm).count(Keyed.RIGHT) == 1


def test_the_same_approval_sent_50_times_at_once_is_taken_once(phone: Phone, compared: list[str]) -> None:
    challenge = ask(Browser())
    body = json.dumps(approval(phone, challenge, other_number(challenge.shown)))
    said = results(phone, [body] * 50)
    assert (said.count("wrong"), said.count("refused"), len(compared)) == (1, 49, 1)


def test_p4_parallel_wrong_numbers_get_three_comparisons(phone: Phone, compared: list[str]) -> None:
    challenge = ask(Browser())
    wrong = [f"{number:02d}" for number in range(100) if f"{number:02d}" != challenge.shown][:50]
    results(phone, [approval(phone, challenge, number) for number in wrong])
    assert len(compared) == 3
    assert phone.approve(challenge, challenge.shown) == "over"


def test_p4_parallel_starts_send_three_prompts(phone: Phone) -> None:
    clients = [Browser() for _ in range(12)]
    for client in clients:
        journeys.begin(client)
    at_once(12, lambda number: wizard.choose(clients[number], "app_notification").status_code)
    assert len(journeys.messages("prompt")) == 3
    assert len(phone.pending()) == 3


def test_no_and_yes_at_once_leave_one_of_them(phone: Phone) -> None:
    client = Browser()
    challenge = ask(client)
    no = phone.signed("answer", phone=phone.id, challenge=str(challenge.pk), decision="refuse")
    said = results(phone, [no, approval(phone, challenge, challenge.shown)])
    wizard.answer(client, "")
    request = journeys.reload(challenge.request)
    assert "refused" not in said or (request.state, request.passed) == ("blocked", [])
    assert set(said) & {"refused", "right"}


def test_o4_one_code_registers_one_phone(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "app_notification"])
    with tenants.all_opened():
        code = phone_registration.code_of(phone_registration.begin(alice, "", "en", HERE, timezone.now()))
    phones = [Phone() for _ in range(20)]
    answers = at_once(20, lambda number: phones[number].call("enrol", code=code, key=phones[number].key).status_code)
    assert (answers.count(200), answers.count(403)) == (1, 19)
