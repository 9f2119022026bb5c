"""Writing down comes first, announcing second: on commit, the same for everybody, and with an id alone."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu import Connection

from accounts.executors import NoExecutor
from accounts.models import Tenant
from accounts.tenants import all_opened
from notifications import messages, outbox
from notifications.models import Message
from tests.notifications.conftest import Write, row
from tests.smtp_server import free_port

pytestmark = pytest.mark.django_db
Commit = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]

VALUES = re.compile("VALUES|json_populate_recordset")
"""What comes after it in a statement are values."""


@pytest.fixture(autouse=True)
def _empty_queue() -> Iterator[None]:
    announced()
    yield
    announced()


def announced() -> list[Any]:
    """Take every task out of the in-memory broker."""
    taken = []
    with Connection("memory://") as broker:
        queue = broker.SimpleQueue(outbox.QUEUE)
        while queue.qsize():
            message = queue.get_nowait()
            message.ack()
            taken.append(message)
        queue.close()
    return taken


def test_q1_a_message_is_announced_by_its_id_alone(
    write_mail: Write, django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        message_id = write_mail(code="Zx-CANARY-7714")
    [task] = announced()
    assert (task.headers["task"], json.loads(task.body)[:2]) == (outbox.TASK, [[str(message_id)], {}])
    assert "CANARY" not in str(task.body) + str(task.headers) + str(task.properties)


def test_e1_a_withheld_message_is_written_and_announced_like_any_other(
    write_mail: Write, django_capture_on_commit_callbacks: Commit
) -> None:
    write_mail()  # the executors' keys are known from here on
    statements = []
    for withheld in (False, True):
        with CaptureQueriesContext(connection) as captured, django_capture_on_commit_callbacks(execute=True):
            message_id = write_mail(withheld=withheld, recipient="nobody@invalid" if withheld else "alice@home.example")
        statements.append([VALUES.split(query["sql"])[0] for query in captured])
        [task] = announced()
        assert json.loads(task.body)[0] == [str(message_id)]
        assert row(message_id).status == ("withheld" if withheld else "queued")
    assert statements[0] == statements[1]
    with all_opened():
        assert len({len(bytes(message.sealed)) for message in Message.objects.all()}) == 1, "the size tells nothing"


def test_what_is_rolled_back_is_not_announced(write_mail: Write, django_capture_on_commit_callbacks: Commit) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        write_mail()
        transaction.set_rollback(True)
    assert announced() == []
    with all_opened():
        assert not Message.objects.exists()


def test_many_drafts_are_one_statement(acme: Tenant, write_mail: Write) -> None:
    write_mail()
    drafts = [
        messages.password_was_changed(
            name="Alice", tenant_id=acme.pk, language="en", recipient=f"alice{number}@home.example",
            principal_name="alice@acme.example", at=timezone.now(), address="203.0.113.7", client="Firefox",
        )
        for number in range(5)
    ]  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        assert len(outbox.enqueue(drafts)) == 5
    assert [query["sql"].split()[0] for query in captured] == ["INSERT"]


def test_nothing_to_tell_costs_nothing() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert outbox.enqueue([]) == []
    assert len(captured) == 0


def test_a_dead_broker_is_not_noticed_by_who_writes(
    write_mail: Write, settings: Any, django_capture_on_commit_callbacks: Commit
) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    with django_capture_on_commit_callbacks(execute=True):
        message_id = write_mail()
    assert row(message_id).status == Message.Status.QUEUED


def test_without_a_worker_that_could_read_it_nothing_is_written(settings: Any) -> None:
    with pytest.raises(NoExecutor):
        outbox.enqueue([messages.passcode_by_sms(tenant_id=None, language="en", recipient="+4915112345647", code="1")])
    with all_opened():
        assert not Message.objects.exists()
