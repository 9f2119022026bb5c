"""What tests of temporary access passes share: staff, giving and approving one, and using it in the wizard."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.models import AccessPass, Tenant, User
from accounts.roles import Role
from accounts.visitor import Visitor
from policy.models import ResetPolicy
from reset import access_passes
from reset.access_passes import LONGEST, Refused
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.journeys import VERIFY, Browser
from tests.reset.signing_in import make_administrator

DESK = Visitor("198.51.100.7", "desk")
HOUR = timedelta(hours=1)
NOTICE = "access_pass_was_given"


@pytest.fixture
def open_policy(open_policy: ResetPolicy) -> ResetPolicy:
    """The standing policy, with passes."""
    return journeys.policy_with(open_policy, methods=["email", "sms", "access_pass"])


@pytest.fixture
def helper(acme: Tenant) -> User:
    return staff(acme, "helper")


@pytest.fixture
def second(acme: Tenant) -> User:
    return staff(acme, "second")


def staff(tenant: Tenant, name: str, role: str = Role.HELPDESK_ADMINISTRATOR) -> User:
    user = make_user(tenant, f"{name}@acme.example", "old-password-1")
    make_administrator(user, role)
    return user


def give(user: User, issuer: User, now: datetime | None = None, lifetime: timedelta = HOUR) -> str:
    with scopes_disabled():
        return access_passes.issue(user, issuer, DESK, now or timezone.now(), lifetime)


def approve(user: User, approver: User, now: datetime | None = None) -> datetime:
    with scopes_disabled():
        return access_passes.approve(user, approver, DESK, now or timezone.now())


def refusal(work: Any) -> str:
    with pytest.raises(Refused) as raised:
        work()
    return raised.value.reason


def held(user: User) -> AccessPass:
    with scopes_disabled():
        return AccessPass.objects.get(authenticator__user=user)


def approved_in_time(user: User, issuer: User, approver: User) -> str:
    """A pass that has been approved for more than an hour."""
    number = give(user, issuer, timezone.now() - 2 * HOUR, LONGEST)
    approve(user, approver, timezone.now() - HOUR - timedelta(seconds=1))
    return number


def offered(name: str = journeys.ALICE) -> set[str]:
    client = Browser()
    journeys.begin(client, name)
    page = client.get(VERIFY)
    return {offer.method for offer in page.context["offers"]} if page.status_code == 200 else set()


def use(client: Browser, number: str, **extra: Any) -> Any:
    journeys.begin_answering(client, method="access_pass")
    return client.post(VERIFY, {"action": "answer", "code": number}, **extra)
