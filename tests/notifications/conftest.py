"""Messages to write down, and real servers to send them to."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts import publishing
from accounts.models import Tenant
from accounts.tenants import all_opened
from notifications import messages, outbox
from notifications.channels import smtp
from notifications.models import Delivery, Message
from tests.sms_gateway import SmsGateway
from tests.smtp_server import SmtpServer

CODE = "482913"
Write = Callable[..., UUID]


@pytest.fixture(autouse=True)
def _no_kept_connection() -> Iterator[None]:
    smtp._drop()
    publishing.forget_failures()
    yield
    smtp._drop()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def smtp_server(settings: Any) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        settings.EMAIL_URL = server.url
        settings.EMAIL_FROM = "no-reply@rekey.example"
        yield server


@pytest.fixture
def gateway(settings: Any) -> Iterator[SmsGateway]:
    with SmsGateway() as server:
        settings.SMS_URL = server.url()
        yield server


@pytest.fixture
def write_mail(acme: Tenant) -> Write:
    """Write a passcode for alice's address down."""

    def write(now: datetime | None = None, lifetime: timedelta = timedelta(minutes=5), **fields: Any) -> UUID:
        fields = {"language": "en", "recipient": "alice@home.example", "code": CODE, **fields}
        return outbox.enqueue([messages.passcode_by_mail(tenant_id=acme.pk, lifetime=lifetime, **fields)], now)[0]

    return write


@pytest.fixture
def write_text(acme: Tenant) -> Write:
    """Write a passcode for alice's phone down."""

    def write(now: datetime | None = None, **fields: Any) -> UUID:
        fields = {"language": "en", "recipient": "+4915112345647", "code": CODE, **fields}
        return outbox.enqueue([messages.passcode_by_sms(tenant_id=acme.pk, **fields)], now)[0]

    return write


def row(message_id: UUID) -> Message:
    with all_opened():
        return Message.objects.get(pk=message_id)


def deliveries(message_id: UUID) -> list[Delivery]:
    with all_opened():
        return list(Delivery.objects.filter(message_id=message_id).order_by("created_at", "id"))
