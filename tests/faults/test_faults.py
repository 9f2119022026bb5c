"""Real processes that go away in the middle: a kind page, nothing lost, nothing twice, and the step can be repeated."""

import time
from collections.abc import Iterator

import pytest

from tests import servers
from tests.faults.stack import Stack, Visitor, soon
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.smtp]
DONE = "Your password was changed"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with servers.redis() as redis, SmtpServer() as smtp:
        made = Stack(tmp_path_factory.mktemp("stack"), smtp, redis)
        try:
            made.prepare()
            made.start_web()
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _everything_runs(stack: Stack) -> Iterator[None]:
    """Each test begins with all parts up, an empty mailbox, and no counted failures."""
    if "worker" not in stack.processes:
        stack.start_worker()
    stack.wait_for_worker()
    stack.smtp.received.clear()
    stack.sql("DELETE FROM policy_counter")
    yield
    stack.smtp.recipient_answer = stack.smtp.data_answer = ""


def begin(stack: Stack) -> Visitor:
    visitor = Visitor(stack)
    visitor.identify("noor@acme.example")
    return visitor


def finish(visitor: Visitor, code: str, password: str) -> None:
    visitor.answer(code)
    assert DONE in visitor.set_password(password)


def test_a_whole_reset_runs_over_a_real_broker_and_a_real_worker(stack: Stack) -> None:
    visitor = begin(stack)
    visitor.choose()
    code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    finish(visitor, code, "three blue horses")
    soon(lambda: any("was reset" in mail.part("text/plain") for mail in stack.smtp.received))
    statuses = stack.sql("SELECT status, count(*) FROM notifications_message GROUP BY status")
    assert dict(statuses).keys() == {"sent"}


def test_with_the_worker_down_the_code_comes_as_soon_as_it_is_back(stack: Stack) -> None:
    stack.stop("worker")
    visitor = begin(stack)
    assert "usually arrives within a minute" in visitor.choose()
    assert stack.smtp.received == []
    stack.start_worker()
    code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    finish(visitor, code, "four blue horses")
    assert len(stack.codes_for("noor@home.example")) == 1


def test_with_the_broker_away_pages_stay_quick_and_the_sweep_delivers(stack: Stack) -> None:
    visitor = begin(stack)
    stack.redis.stop()
    try:
        started = time.monotonic()
        assert "usually arrives within a minute" in visitor.choose()
        took = time.monotonic() - started
        code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    finally:
        stack.redis.start()
    assert took < 2
    finish(visitor, code, "five blue horses")
    assert len(stack.codes_for("noor@home.example")) == 1


def test_a_mail_server_that_refuses_for_now_gets_the_code_again_once(stack: Stack) -> None:
    stack.smtp.recipient_answer = "451 later"
    visitor = begin(stack)
    visitor.choose()
    soon(lambda: stack.sql("SELECT 1 FROM notifications_delivery WHERE NOT accepted"))
    stack.smtp.recipient_answer = ""
    code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    finish(visitor, code, "six blue horses")
    assert len(stack.codes_for("noor@home.example")) == 1


def test_a_worker_killed_outright_loses_nothing(stack: Stack) -> None:
    visitor = begin(stack)
    stack.kill("worker")
    visitor.choose()
    stack.start_worker()
    code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    finish(visitor, code, "seven blue horses")


def test_a_database_restarted_in_the_middle_costs_a_page_and_no_step(stack: Stack) -> None:
    visitor = begin(stack)
    visitor.choose()
    code = soon(lambda: stack.codes_for("noor@home.example"))[0]
    form = visitor.text
    stack.stop_database()
    visitor.answer(code)
    assert visitor.status == 500
    assert "nothing is lost" in visitor.text
    assert "Traceback" not in visitor.text
    stack.start_database()
    visitor.text = form
    finish(visitor, code, "eight blue horses")
