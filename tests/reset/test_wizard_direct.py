"""Where scripts run, a form is answered with the next page itself: the very page that the redirect would lead to."""

from typing import Any

import pytest

from accounts import executors
from accounts.models import User
from policy.models import ResetPolicy
from reset import decoys
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import NEW, PASSWORD, STATUS, VERIFY, Browser, normalised, statements

DIRECT = {"direct": "1"}


def is_the_page_of(answer: Any, client: Browser, address: str) -> bool:
    """Whether a form's answer shows what its step's address shows, and says that it belongs there."""
    assert answer.status_code == 200
    shown, asked = answer.content.decode(), client.get(address)
    assert f'data-address="{address}"' in shown
    assert "no-store" in answer.headers["Cache-Control"]
    return asked.status_code == 200 and normalised(shown) == normalised(asked.content.decode())


def choose(client: Browser, page: Any, method: str = "email") -> Any:
    offer = next(offer for offer in page.context["offers"] if offer.method == method)
    return client.post(VERIFY, {"action": "choose", "offer": f"{offer.method}:{offer.authenticator_id}", **DIRECT})


def test_each_form_of_a_reset_is_answered_with_the_next_page(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    page = wizard.start(client, journeys.ALICE, **DIRECT)
    assert is_the_page_of(page, client, VERIFY)
    page = choose(client, page)
    assert is_the_page_of(page, client, VERIFY)
    page = client.post(VERIFY, {"action": "answer", "code": wizard.last_code(), **DIRECT})
    assert is_the_page_of(page, client, PASSWORD)
    page = client.post(PASSWORD, {"password": NEW, "again": NEW, **DIRECT})
    assert is_the_page_of(page, client, STATUS)
    assert journeys.person(alice).check_password(NEW)


def test_a_form_sent_once_more_moves_nothing_and_leads_where_the_person_is(
    alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    page = wizard.start(client, journeys.ALICE, **DIRECT)
    choose(client, page)
    sent = {"action": "answer", "code": wizard.last_code(), **DIRECT}
    assert client.post(VERIFY, sent).status_code == 200
    assert client.post(VERIFY, sent).url == PASSWORD
    client.post(PASSWORD, {"password": NEW, "again": NEW, **DIRECT})
    assert client.post(PASSWORD, {"password": "another one entirely", "again": "another one entirely"}).url == STATUS
    assert journeys.person(alice).check_password(NEW)


def test_a_strangers_direct_pages_come_by_the_same_statements(
    alice: User, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(allowed))
    executors.current_keys()  # known to every process for a minute after the first reset
    seen = []
    for name in (journeys.ALICE, "nobody@acme.example"):
        client = Browser()
        with statements() as begun:
            page = wizard.start(client, name, **DIRECT)
        with statements() as chosen:
            assert choose(client, page).status_code == 200
        seen.append((begun, chosen))
    assert seen[0] == seen[1]


def test_a_wrong_code_is_told_on_the_same_page(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    choose(client, wizard.start(client, journeys.ALICE, **DIRECT))
    answer = client.post(VERIFY, {"action": "answer", "code": wizard.wrong_code(wizard.last_code()), **DIRECT})
    assert answer.status_code == 200
    assert "That is not the right code." in answer.content.decode()
    assert f'data-address="{VERIFY}"' in answer.content.decode()


def test_under_a_tenants_own_address_the_pages_stay_there(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    page = wizard.start(client, journeys.ALICE, prefix="/t/acme", **DIRECT)
    assert is_the_page_of(page, client, "/t/acme/reset/verify/")
    assert 'action="/t/acme/reset/verify/"' in page.content.decode()
