"""What a whole one-gate reset by e-mail costs the database, the captcha's own statements apart."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import executors
from accounts.models import User
from policy.models import ResetPolicy
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, STATUS, VERIFY, Browser

MOST_STATEMENTS, MOST_DIRECTLY, MOST_COMMITS = 30, 26, 8
WRITES = ("INSERT", "UPDATE", "DELETE")


def walk(client: Browser, statements: list[str]) -> None:
    """As a browser does it: every redirect is followed by the page it leads to. Fills in what was sent to the database."""
    with CaptureQueriesContext(connection) as captured:
        wizard.start(client, journeys.ALICE)
        wizard.choose(client, "email")
        client.get(VERIFY)
    statements += [query["sql"] for query in captured.captured_queries]
    code = wizard.last_code()
    with CaptureQueriesContext(connection) as captured:
        wizard.answer(client, code)
        client.get(PASSWORD)
        journeys.set_password(client)
        client.get(STATUS)
    statements += [query["sql"] for query in captured.captured_queries]


def commits_of(statements: list[str]) -> int:
    """Transactions with a write in them, and single writes outside any."""
    commits, inside, writes = 0, False, False
    for sql in statements:
        word = sql.split(None, 1)[0].upper()
        if word == "BEGIN":
            inside, writes = True, False
        elif word in ("COMMIT", "ROLLBACK"):
            commits += inside and writes and word == "COMMIT"
            inside = False
        elif word in WRITES:
            writes = True
            commits += not inside
    return commits


def walk_directly(client: Browser, statements: list[str]) -> None:
    """As a browser with scripts does it: each form is answered with the next page."""
    direct = {"direct": "1"}
    with CaptureQueriesContext(connection) as captured:
        offer = wizard.start(client, journeys.ALICE, **direct).context["offers"][0]
        assert offer.method == "email"
        client.post(VERIFY, {"action": "choose", "offer": f"email:{offer.authenticator_id}", **direct})
    statements += [query["sql"] for query in captured.captured_queries]
    code = wizard.last_code()
    with CaptureQueriesContext(connection) as captured:
        client.post(VERIFY, {"action": "answer", "code": code, **direct})
        client.post(PASSWORD, {"password": journeys.NEW, "again": journeys.NEW, **direct})
    statements += [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(("road", "most_statements"), [(walk, MOST_STATEMENTS), (walk_directly, MOST_DIRECTLY)])
@pytest.mark.django_db(transaction=True)
def test_a_reset_by_mail_stays_within_its_budget(
    road: Callable[[Browser, list[str]], None], most_statements: int, alice: User, open_policy: ResetPolicy
) -> None:
    statements: list[str] = []
    client = Browser()
    executors.current_keys()  # known to every process for a minute after the first reset
    road(client, statements)
    assert journeys.person(alice).check_password(journeys.NEW)
    mine = [sql for sql in statements if "captcha_captchastore" not in sql]
    work = [sql for sql in mine if sql.split(None, 1)[0].upper() not in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")]
    listing = "\n".join(f"{number:2} {sql[:220]}" for number, sql in enumerate(work, 1))
    assert len(work) <= most_statements, f"{len(work)} statements\n{listing}"
    assert commits_of(mine) <= MOST_COMMITS, f"{commits_of(mine)} commits\n{listing}"
