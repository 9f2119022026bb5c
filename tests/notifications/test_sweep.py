"""What was lost is found in the database: no broker, a dead worker, a time that is over."""

import logging
from datetime import datetime, timedelta
from threading import Barrier, Event, Thread
from time import monotonic
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import OperationalError
from django.utils import timezone

from accounts.models import Tenant
from accounts.tenants import all_opened
from notifications import delivery, messages, outbox, sweep, tasks
from notifications.models import CapturedMessage, Channel, Delivery, Message
from tests.notifications.conftest import Write, deliveries, row
from tests.sms_gateway import SmsGateway
from tests.smtp_server import SmtpServer, free_port

Status = Message.Status


@pytest.mark.django_db
def test_a_message_that_nobody_announced_is_delivered(write_mail: Write, write_text: Write, now: datetime) -> None:
    ids = [write_mail(now), write_text(now)]
    assert sweep.sweep(now) == 2
    assert [row(message_id).status for message_id in ids] == [Status.SENT, Status.SENT]
    assert sweep.sweep(now) == 0


@pytest.mark.django_db
def test_a_message_that_is_too_late_is_ended_and_erased(write_mail: Write, now: datetime) -> None:
    message_id = write_mail(now - timedelta(minutes=6))
    sweep.sweep(now)
    assert (row(message_id).status, bytes(row(message_id).sealed)) == (Status.EXPIRED, b"")
    assert not CapturedMessage.objects.exists()


@pytest.mark.django_db
def test_a_withheld_message_is_erased_when_its_time_is_over_as_others_are(write_mail: Write, now: datetime) -> None:
    over, running = write_mail(now - timedelta(minutes=6), withheld=True), write_mail(now, withheld=True)
    sweep.sweep(now)
    assert (row(over).status, bytes(row(over).sealed)) == (Status.WITHHELD, b"")
    assert bytes(row(running).sealed) != b""


@pytest.mark.django_db
def test_a_text_message_whose_worker_died_is_not_repeated(
    gateway: SmsGateway, write_text: Write, now: datetime
) -> None:
    message_id = write_text(now)
    with all_opened():
        claimed = delivery.claim(message_id, now)
        assert claimed is not None
        delivery.send(claimed)  # and the worker dies here
    assert delivery.deliver(message_id, now + timedelta(seconds=61)) is None
    sweep.sweep(now + timedelta(seconds=61))
    assert len(gateway.requests) == 1
    assert (row(message_id).status, bytes(row(message_id).sealed)) == (Status.FAILED, b"")
    assert [(one.permanent, one.answer) for one in deliveries(message_id)] == [(True, delivery.LOST)]


@pytest.mark.django_db
@pytest.mark.smtp
def test_an_e_mail_whose_worker_died_is_sent_when_its_lease_is_over(
    smtp_server: SmtpServer, write_mail: Write, now: datetime
) -> None:
    message_id = write_mail(now)
    with all_opened():
        delivery.claim(message_id, now)
    sweep.sweep(now + timedelta(seconds=59))
    assert smtp_server.received == []
    sweep.sweep(now + timedelta(seconds=61))
    assert len(smtp_server.received) == 1
    assert row(message_id).attempts == 2


@pytest.mark.django_db
def test_a_silent_mail_server_holds_up_neither_the_sweep_nor_text_messages(
    settings: Any, acme: Tenant, write_text: Write, now: datetime
) -> None:
    settings.EMAIL_URL = f"smtp://127.0.0.1:{free_port()}"
    drafts = [
        messages.passcode_by_mail(tenant_id=acme.pk, language="en", recipient="bob@home.example", code="118822")
        for _ in range(5)
    ]
    outbox.enqueue(drafts, now)
    text = write_text(now + timedelta(milliseconds=1))
    sweep.sweep(now + timedelta(milliseconds=2))
    assert row(text).status == Status.SENT
    with all_opened():
        assert Delivery.objects.filter(message__channel=Channel.EMAIL).count() == 1, "one try tells about all"
        assert Message.objects.filter(status=Status.QUEUED).count() == 5


@pytest.mark.django_db
def test_a_round_is_bounded(acme: Tenant, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROUND", 3)
    outbox.enqueue(
        [messages.passcode_by_sms(tenant_id=acme.pk, language="en", recipient="+4915112345647", code="1")] * 4, now
    )
    assert [sweep.sweep(now), sweep.sweep(now), sweep.sweep(now)] == [3, 1, 0]


@pytest.mark.django_db
def test_a_code_does_not_wait_behind_older_notices(
    acme: Tenant, write_mail: Write, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ROUND", 1)
    with all_opened():
        notice = messages.administrator_was_reset(
            tenant_id=acme.pk,
            language="en",
            recipient="a@acme.example",
            principal_name="b",
            at=now,
            address="",
            client="",
        )
        [older] = outbox.enqueue([notice], now - timedelta(minutes=1))
    code = write_mail(now)
    sweep.sweep(now)
    assert (row(code).status, row(older).status) == (Status.SENT, Status.QUEUED)


@pytest.mark.django_db
def test_pruning_deletes_what_is_older_than_thirty_days(write_mail: Write, now: datetime) -> None:
    message_id = write_mail()
    delivery.deliver(message_id)
    withheld = write_mail(now - timedelta(minutes=6), withheld=True)
    assert sweep.prune(now) == 0
    assert bytes(row(withheld).sealed) == b""
    assert sweep.prune(timezone.now() + timedelta(days=31)) == 2
    with all_opened():
        assert not Message.objects.exists()
        assert not Delivery.objects.exists()
    assert not CapturedMessage.objects.exists()


@pytest.mark.django_db
@pytest.mark.postgres
def test_the_sweep_reads_its_partial_indexes(write_mail: Write, now: datetime) -> None:
    write_mail(now)
    with all_opened(), connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        over = Message.objects.filter(status=Status.WITHHELD, expires_at__lte=now).exclude(sealed=b"")
        waiting = Message.objects.filter(status__in=[Status.QUEUED, Status.SENDING], due_at__lte=now)
        # Each partition has its own copy of an index, named after its columns.
        assert "expires_at_idx" in over.explain()
        assert "due_at_idx" in waiting.explain()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_sixteen_workers_that_are_told_at_once_send_one_mail(write_text: Write, gateway: SmsGateway) -> None:
    message_id = write_text()
    start = Barrier(16)

    def work() -> None:
        start.wait(5)
        tasks.deliver(str(message_id))
        connections.close_all()

    threads = [Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(gateway.requests) == 1
    assert [one.accepted for one in deliveries(message_id)] == [True]


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_outlives_database_errors_and_stops_when_told(
    settings: Any, write_mail: Write, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SWEEP_SECONDS = 0.01
    rounds, delivered, stop = [], Event(), Event()
    real = sweep.sweep

    def first_fails() -> int:
        rounds.append(monotonic())
        if len(rounds) == 1:
            raise OperationalError("server closed the connection: password=Zx-CANARY")
        found = real()
        if found:
            delivered.set()
        return found

    monkeypatch.setattr(sweep, "sweep", first_fails)
    message_id = write_mail()
    with all_opened():
        Message.objects.filter(pk=message_id).update(attempts=0)
    with caplog.at_level(logging.ERROR):
        thread = sweep.start_sweeper(stop)
        assert delivered.wait(5)
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
    assert "The sweep failed: OperationalError" in caplog.text
    assert "CANARY" not in caplog.text
    assert row(message_id).status == Status.SENT
