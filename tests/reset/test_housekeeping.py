"""What beat has done: requests that ran out end with an event, and what nobody needs any more goes."""

from datetime import timedelta
from typing import Any

from captcha.models import CaptchaStore
from django.test import Client
from django.utils import timezone

from accounts import tenants
from accounts.models import AuditEvent, User
from policy import throttle
from policy.models import Counter, ResetPolicy
from policy.throttle import Use
from reset import housekeeping
from reset.models import ResetRequest, State
from tests import wizard


def test_a_request_that_ran_out_ends_with_an_event(client: Client, alice: User, open_policy: ResetPolicy) -> None:
    wizard.start(client, "alice@acme.example")
    later = timezone.now() + timedelta(minutes=15, seconds=1)
    assert housekeeping.expire_requests(later) == 1
    assert housekeeping.expire_requests(later) == 0
    with tenants.all_opened():
        request = ResetRequest.objects.get()
        event = AuditEvent.objects.get(activity="reset.expired")
    assert (request.state, request.reason) == (State.EXPIRED, "time_over")
    assert (event.correlation_id, event.target_id, event.details) == (request.pk, alice.pk, {"last_step": "verifying"})


def test_a_request_in_its_time_goes_on(client: Client, alice: User, open_policy: ResetPolicy) -> None:
    wizard.start(client, "alice@acme.example")
    assert housekeeping.expire_requests(timezone.now() + timedelta(minutes=14)) == 0


def test_old_rows_go_and_young_ones_stay(client: Client, alice: User, open_policy: ResetPolicy) -> None:
    wizard.start(client, "alice@acme.example")
    client.get("/reset/")
    throttle.count(Use(throttle.STARTS_FROM_ADDRESS, "203.0.113.9"))
    assert housekeeping.prune(timezone.now())["requests"] == 0
    assert Counter.objects.exists()
    gone = housekeeping.prune(timezone.now() + timedelta(days=91))
    assert gone["requests"] >= 1
    assert gone["counters"] >= 1
    assert not Counter.objects.exists()
    with tenants.all_opened():
        assert not ResetRequest.objects.exists()
        assert AuditEvent.objects.exists()


def test_captchas_that_ran_out_go(client: Client, db: Any) -> None:
    client.get("/reset/")
    CaptchaStore.objects.update(expiration=timezone.now() - timedelta(seconds=1))
    housekeeping.prune()
    assert not CaptchaStore.objects.exists()
