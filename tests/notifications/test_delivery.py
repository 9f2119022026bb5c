"""Claim, send, finish: once, in time, in four statements, and with nothing left to read afterwards."""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import boxes
from accounts.models import Tenant
from accounts.tenants import all_opened
from notifications import delivery, tasks
from notifications.models import CapturedMessage, Message
from tests.notifications.conftest import CODE, Write, deliveries, row
from tests.sms_gateway import Answer, SmsGateway
from tests.smtp_server import SmtpServer, free_port

pytestmark = pytest.mark.django_db
Status = Message.Status


def everything_in_the_database() -> str:
    """Every value of every table of ours, as text and as hex."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for values in cursor.fetchall():
                texts += [
                    bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                    for value in values
                ]
    return "\n".join(texts)


@pytest.mark.smtp
def test_a_message_reaches_the_mail_server_and_is_erased(smtp_server: SmtpServer, write_mail: Write) -> None:
    message_id = write_mail()
    outcome = delivery.deliver(message_id)
    assert outcome is not None
    assert outcome.accepted
    assert [received.recipients for received in smtp_server.received] == [("alice@home.example",)]
    assert CODE in smtp_server.received[0].part("text/plain")
    assert (row(message_id).status, bytes(row(message_id).sealed)) == (Status.SENT, b"")
    assert [(one.accepted, one.answer) for one in deliveries(message_id)] == [(True, "250 2.0.0 taken")]


@pytest.mark.smtp
def test_one_message_costs_the_worker_four_statements_and_two_commits(
    smtp_server: SmtpServer, write_mail: Write
) -> None:
    message_id = write_mail()
    with CaptureQueriesContext(connection) as captured:
        delivery.deliver(message_id)
    statements = [
        query["sql"] for query in captured if query["sql"].split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ]
    assert len(statements) == 4, statements
    verbs = [sql.split()[0] for sql in statements]
    assert verbs == ["UPDATE", "SELECT", "UPDATE", "INSERT"]
    # The first statement commits by itself, the last two together.
    assert sum("SAVEPOINT" in query["sql"] and "RELEASE" not in query["sql"] for query in captured) == 1
    for sql in statements[:3]:
        assert sql.count('"created_at" = ') == 1, "a look-up without created_at reads every partition"


def test_writing_many_messages_down_is_one_statement(acme: Tenant, write_mail: Write) -> None:
    write_mail()  # the executors' keys are known from here on
    with CaptureQueriesContext(connection) as captured:
        write_mail()
    assert len([query for query in captured if query["sql"].startswith("INSERT")]) == 1
    assert len(captured) == 1


@pytest.mark.smtp
def test_a_message_is_delivered_once_however_often_it_is_announced(smtp_server: SmtpServer, write_mail: Write) -> None:
    message_id = write_mail()
    for _ in range(3):
        tasks.deliver(str(message_id))
    assert len(smtp_server.received) == 1


def test_a_withheld_message_goes_nowhere(write_mail: Write) -> None:
    message_id = write_mail(withheld=True)
    assert delivery.deliver(message_id) is None
    assert row(message_id).status == Status.WITHHELD
    assert not CapturedMessage.objects.exists()
    assert deliveries(message_id) == []


@pytest.mark.smtp
def test_a_message_that_is_too_late_is_not_sent(smtp_server: SmtpServer, write_mail: Write, now: datetime) -> None:
    message_id = write_mail(now - timedelta(minutes=6))
    assert delivery.deliver(message_id, now) is None
    assert smtp_server.received == []


def test_a_clock_that_runs_ahead_in_the_web_process_does_not_hold_a_code_back(write_mail: Write, now: datetime) -> None:
    message_id = write_mail(now + timedelta(seconds=3))
    outcome = delivery.deliver(message_id, now)
    assert outcome is not None
    assert outcome.accepted


@pytest.mark.smtp
def test_a_temporary_refusal_is_tried_again_later_and_later(
    smtp_server: SmtpServer, write_mail: Write, now: datetime
) -> None:
    smtp_server.recipient_answer = "451 4.7.1 greylisted, try later"
    message_id = write_mail(now, lifetime=timedelta(days=3))
    pauses = []
    moment = now
    for _ in range(7):
        assert delivery.deliver(message_id, moment) is not None
        held = row(message_id)
        assert held.status == Status.QUEUED
        assert delivery.deliver(message_id, held.due_at - timedelta(milliseconds=1)) is None
        pauses.append((held.due_at - moment).total_seconds())
        moment = held.due_at
    assert pauses == [2, 5, 15, 60, 300, 300, 300]
    smtp_server.recipient_answer = ""
    delivery.deliver(message_id, moment)
    assert row(message_id).status == Status.SENT
    assert len(smtp_server.received) == 1


@pytest.mark.smtp
def test_a_code_gets_its_last_chances_until_it_is_too_late(
    smtp_server: SmtpServer, write_mail: Write, now: datetime
) -> None:
    smtp_server.recipient_answer = "451 4.7.1 greylisted, try later"
    message_id = write_mail(now)
    moments = [now]
    while row(message_id).status in (Status.QUEUED, Status.SENDING):
        delivery.deliver(message_id, moments[-1])
        moments.append(row(message_id).due_at)
        assert len(moments) < 40
    assert row(message_id).status == Status.EXPIRED
    assert bytes(row(message_id).sealed) == b""
    assert all(moment < now + timedelta(minutes=5) for moment in moments[:-1])
    assert moments[-2] > now + timedelta(minutes=4, seconds=50)


@pytest.mark.smtp
def test_a_final_refusal_ends_it(smtp_server: SmtpServer, write_mail: Write) -> None:
    smtp_server.recipient_answer = "550 5.1.1 <alice@home.example> is not known here"
    message_id = write_mail()
    delivery.deliver(message_id)
    assert (row(message_id).status, bytes(row(message_id).sealed)) == (Status.FAILED, b"")
    [attempt] = deliveries(message_id)
    assert (attempt.accepted, attempt.permanent) == (False, True)
    assert attempt.answer == "550 5.1.1 <…> is not known here"


@pytest.mark.smtp
def test_e3_a_mail_server_that_is_down_is_not_noticed_when_a_message_is_written(
    settings: Any, write_mail: Write, now: datetime
) -> None:
    port = free_port()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    message_id = write_mail(now)
    outcome = delivery.deliver(message_id, now)
    assert outcome is not None
    assert outcome.unreachable
    assert row(message_id).status == Status.QUEUED
    with SmtpServer(port=port) as server:
        delivery.deliver(message_id, row(message_id).due_at)
        assert len(server.received) == 1
    assert row(message_id).status == Status.SENT


@pytest.mark.smtp
def test_an_e_mail_whose_worker_died_goes_out_again_with_the_same_id_and_code(
    smtp_server: SmtpServer, write_mail: Write, now: datetime
) -> None:
    message_id = write_mail(now)
    with all_opened():
        first = delivery.claim(message_id, now)
        assert first is not None
        delivery.send(first)  # and the worker dies here
    assert delivery.deliver(message_id, now + timedelta(seconds=59)) is None
    delivery.deliver(message_id, now + timedelta(seconds=61))
    one, two = (received.mail for received in smtp_server.received)
    assert one["Message-ID"] == two["Message-ID"] == f"<{message_id}@rekey.example>"
    assert all(CODE in received.part("text/plain") for received in smtp_server.received)


@pytest.mark.smtp
def test_a_worker_whose_lease_was_taken_over_moves_nothing(
    smtp_server: SmtpServer, write_mail: Write, now: datetime
) -> None:
    message_id = write_mail(now)
    with all_opened():
        slow = delivery.claim(message_id, now)
        quick = delivery.claim(message_id, now + timedelta(seconds=61))
        assert slow is not None
        assert quick is not None
        delivery.finish(slow, delivery.Outcome(False, "no", permanent=True), now, now)
        assert row(message_id).status == Status.SENDING
        delivery.finish(quick, delivery.Outcome(True, "yes"), now, now)
    assert row(message_id).status == Status.SENT


def test_two_workers_claim_one_message_once(write_mail: Write, now: datetime) -> None:
    message_id = write_mail(now)
    with all_opened():
        assert [delivery.claim(message_id, now) is None for _ in range(2)] == [False, True]


@pytest.mark.smtp
def test_o8_a_code_stands_in_no_column_in_clear_before_and_after_delivery(
    smtp_server: SmtpServer, write_mail: Write
) -> None:
    message_id = write_mail(code="Zx-CANARY-7714")
    for text in ("Zx-CANARY-7714", "alice@home.example"):
        assert text not in everything_in_the_database()
    smtp_server.recipient_answer = "451 4.3.0 alice@home.example Zx-CANARY-7714 later"
    delivery.deliver(message_id)
    assert "Zx-CANARY-7714" not in everything_in_the_database()
    smtp_server.recipient_answer = ""
    delivery.deliver(message_id, row(message_id).due_at)
    assert "Zx-CANARY-7714" in smtp_server.received[0].part("text/plain")
    for text in ("Zx-CANARY-7714", "alice@home.example"):
        assert text not in everything_in_the_database()


@pytest.mark.smtp
def test_e6_a_code_stands_in_no_log(
    smtp_server: SmtpServer, write_mail: Write, write_text: Write, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    smtp_server.data_answer = "554 5.7.1 Zx-CANARY-7714 looks like spam"
    settings.SMS_URL = f"http://127.0.0.1:{free_port()}/"
    caplog.set_level(logging.DEBUG)
    for name in ("mail.log", "django.db.backends"):  # the test's own server; a log of statements that only DEBUG writes
        caplog.set_level(logging.WARNING, name)
    delivery.deliver(write_mail(code="Zx-CANARY-7714"))
    delivery.deliver(write_text(code="Zx-CANARY-7714"))
    assert "554 5.7.1" in caplog.text
    assert "CANARY" not in caplog.text
    assert "4915112345647" not in caplog.text


def test_q1_a_draft_and_a_message_show_no_code_when_printed(write_mail: Write, now: datetime) -> None:
    message_id = write_mail(now, code="Zx-CANARY-7714")
    with all_opened():
        claimed = delivery.claim(message_id, now)
    assert "CANARY" not in repr(claimed)
    assert "CANARY" not in str(claimed)


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "x",
        "'; DROP TABLE notifications_message; --",
        "0" * 32,
        "f" * 32,
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "01a2002f-9f84-76c6-8539-fa3f6c2d0980",
        None,
        7,
        ["a"],
    ],
)
def test_q2_a_forged_task_does_nothing(message_id: Any, executor: Any, caplog: pytest.LogCaptureFixture) -> None:
    tasks.deliver(message_id)
    with all_opened():
        assert not Message.objects.exists()
    assert "Traceback" not in caplog.text


def test_q2_an_altered_message_is_not_opened(write_mail: Write, acme: Tenant, globex: Tenant, now: datetime) -> None:
    message_id = write_mail(now)
    with all_opened():
        Message.objects.filter(pk=message_id).update(tenant=globex)
    outcome = delivery.deliver(message_id, now)
    assert outcome is not None
    assert not outcome.accepted
    assert not CapturedMessage.objects.exists()


def test_a_message_sealed_for_another_worker_waits_for_that_one(
    write_mail: Write, now: datetime, settings: Any, tmp_path: Any
) -> None:
    message_id = write_mail(now)
    other = tmp_path / "other.key"
    other.write_text(boxes.PrivateKey.generate().as_text())
    settings.EXECUTOR_KEY_FILE, mine = str(other), settings.EXECUTOR_KEY_FILE
    delivery.deliver(message_id, now)
    assert row(message_id).status == Status.QUEUED
    settings.EXECUTOR_KEY_FILE = mine
    delivery.deliver(message_id, row(message_id).due_at)
    assert row(message_id).status == Status.SENT


def test_a_text_message_is_not_repeated_when_its_gateway_falls_silent(
    gateway: SmsGateway, write_text: Write, settings: Any
) -> None:
    settings.DELIVERY_TIMEOUT_SECONDS = 0.2
    gateway.answer = Answer(is_silent=True)
    message_id = write_text()
    delivery.deliver(message_id)
    assert row(message_id).status == Status.FAILED
    assert len(gateway.requests) == 1


def test_a_text_message_waits_for_a_gateway_that_is_down(write_text: Write, settings: Any) -> None:
    settings.SMS_URL = f"http://127.0.0.1:{free_port()}/"
    message_id = write_text()
    outcome = delivery.deliver(message_id)
    assert outcome is not None
    assert outcome.unreachable
    assert row(message_id).status == Status.QUEUED


def test_an_unknown_kind_fails_for_good(write_mail: Write) -> None:
    message_id = write_mail()
    with all_opened():
        Message.objects.filter(pk=message_id).update(kind="../../base")
    delivery.deliver(message_id)
    assert row(message_id).status == Status.FAILED


def test_captured_messages_are_for_the_embedded_profile_only(write_mail: Write, settings: Any) -> None:
    settings.EMBEDDED = False
    message_id: UUID = write_mail()
    outcome = delivery.deliver(message_id)
    assert outcome is not None
    assert not outcome.accepted
    assert not CapturedMessage.objects.exists()
