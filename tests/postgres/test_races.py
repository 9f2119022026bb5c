"""Races in the wizard, with real threads on a real PostgreSQL: many at once get no more than one after the other."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from captcha.models import CaptchaStore
from django.db import connection
from django_scopes import scopes_disabled

from accounts.models import AuditEvent, Authenticator, User
from accounts.visitor import Visitor
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Limit, Use
from reset import alarms, flow
from reset.flow import Answered
from reset.methods.codes import SentCode
from reset.models import Challenge, ResetRequest, State
from reset.requests import TooOften
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, Browser
from tests.reset.signing_in import code_of, give_app

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="DATABASE_URL is not a PostgreSQL server"
    ),
]
AT_ONCE = 16


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work so many times, as parallel as the server's connections allow; all threads start together."""
    barrier = threading.Barrier(min(count, AT_ONCE))

    def one(number: int) -> Any:
        if number < barrier.parties:
            barrier.wait(30)
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(min(count, AT_ONCE)) as pool:
        return list(pool.map(one, range(count)))


def copy_of(client: Browser) -> Browser:
    """The same browser, for a thread of its own. A fault is an answer with status 500."""
    other = Browser(raise_request_exception=False)
    other.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return other


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every code that was compared."""
    compared: list[str] = []
    check = SentCode.check

    def noting(self: SentCode, challenge: Challenge, *given: Any) -> Any:
        compared.append(challenge.pk.hex)
        return check(self, challenge, *given)

    monkeypatch.setattr(SentCode, "check", noting)
    return compared


def test_o3_200_parallel_wrong_guesses_get_five_comparisons(
    alice: User, open_policy: ResetPolicy, comparisons: list[str]
) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    code = wizard.last_code()
    answers = at_once(200, lambda number: wizard.answer(copy_of(client), wizard.wrong_code(code)).status_code)
    assert set(answers) <= {200, 302}
    assert len(comparisons) == 5
    assert wizard.answer(client, code).url != PASSWORD
    assert (journeys.reload(request).state, journeys.has_old_password(alice)) == (State.BLOCKED, True)


def test_o3_guesses_over_many_requests_get_five_comparisons(
    alice: User, open_policy: ResetPolicy, comparisons: list[str]
) -> None:
    clients = [Browser() for _ in range(8)]
    for client in clients:
        journeys.begin_answering(client)
    at_once(64, lambda number: wizard.answer(copy_of(clients[number % 8]), "000000").status_code)
    assert len(comparisons) == 5


def test_o4_50_parallel_right_answers_pass_once(alice: User, open_policy: ResetPolicy) -> None:
    """Asked of the flow itself, so that no limit of guesses stands before it."""
    client = Browser()
    request = journeys.begin_answering(client)
    code = wizard.last_code()
    secret = client.cookies["rekey"].value.split(".")[1]

    def right(number: int) -> bool:
        resumed = flow.resume(str(request.pk), secret)
        if resumed is None:
            return False
        with scopes_disabled(), suppress(TooOften):
            return flow.answer(resumed, [code], Visitor())[0] == Answered.RIGHT
        return False

    passed = at_once(50, right)
    assert sum(passed) == 1
    after = journeys.reload(request)
    assert len(after.passed) == 1
    with scopes_disabled():
        assert AuditEvent.objects.filter(activity="reset.verification_completed").count() == 1
        assert Challenge.objects.filter(used_at__isnull=False).count() == 1


def test_o4_five_parallel_right_answers_leave_a_request_that_goes_on(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    code = wizard.last_code()
    browsers = [copy_of(client) for _ in range(5)]
    answers = at_once(5, lambda number: wizard.answer(browsers[number], code))
    winners = [browsers[number] for number, answer in enumerate(answers) if getattr(answer, "url", "") == PASSWORD]
    assert [answer.status_code for answer in answers].count(500) == 0
    assert sum(browser.get(PASSWORD).status_code == 200 for browser in winners) == 1
    assert journeys.newest().state == State.VERIFIED


def test_o4_one_app_code_passes_one_of_many_requests(alice: User, open_policy: ResetPolicy) -> None:
    app = give_app(alice)
    clients = [Browser() for _ in range(5)]
    for client in clients:
        journeys.begin_answering(client, method="app_code")
    code = code_of(app)
    at_once(5, lambda number: wizard.answer(copy_of(clients[number]), code).status_code)
    with scopes_disabled():
        assert ResetRequest.objects.filter(state=State.VERIFIED).count() == 1
        assert Authenticator.objects.get(pk=app.pk).last_step > 0


def test_o4_50_parallel_new_passwords_set_one(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.prove(client)
    answers = at_once(
        50, lambda number: journeys.set_password(copy_of(client), f"parallel horses {number}").status_code
    )
    assert 500 not in answers
    with scopes_disabled():
        assert AuditEvent.objects.filter(activity="reset.completed").count() == 1
    assert sum(journeys.person(alice).check_password(f"parallel horses {number}") for number in range(50)) == 1
    assert len(journeys.messages("password_was_reset")) == 2


def test_o4_16_parallel_posts_of_one_captcha_begin_once(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    picture = client.get("/reset/").context["picture"]
    answer = CaptchaStore.objects.get(hashkey=picture.key).response
    form = {
        "user": journeys.ALICE,
        "trouble": "forgot",
        "captcha": answer,
        "captcha_key": picture.key,
        "captcha_binding": picture.binding,
    }
    codes = at_once(16, lambda number: copy_of(client).post("/reset/", form).status_code)
    assert sorted(codes) == [200] * 15 + [302]
    with scopes_disabled():
        assert ResetRequest.objects.count() == 1


def test_o4_an_alarm_link_is_used_once(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.finish(Browser())

    def press(number: int) -> bool:
        with scopes_disabled():
            return alarms.raise_alarm(journeys.reload(request), Visitor())

    assert sum(at_once(16, press)) == 1
    with scopes_disabled():
        assert AuditEvent.objects.filter(activity="account.alarm_raised").count() == 1


def test_o3_a_counter_loses_no_event_and_gives_none_twice() -> None:
    limit = Limit("parallel events", 10, throttle.FAILURES_OF_ACCOUNT.window)
    states = at_once(200, lambda number: throttle.count(Use(limit, "one"), Use(limit, f"other {number % 3}"))[0])
    assert sorted(state.count for state in states) == list(range(1, 201))
    assert sum(not state.is_over for state in states) == 10


def test_attempts_that_are_counted_and_given_back_in_parallel_never_deadlock(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    people = [Browser() for _ in range(2)]
    for client, name in zip(people, (journeys.ALICE, "bob@acme.example"), strict=True):
        journeys.begin_answering(client, name)
    answers = at_once(40, lambda number: wizard.answer(copy_of(people[number % 2]), "wrong").status_code)
    assert 500 not in answers
