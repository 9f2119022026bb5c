"""Opening a challenge: one at a time, with an end of its own, and nothing of it left when it can't be made."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.executors import NoExecutor
from accounts.models import AuditEvent, User
from accounts.models.executors import ExecutorKey
from accounts.visitor import NOBODY
from policy.decisions import Offer
from policy.models import ResetPolicy
from reset import challenges, flow
from reset.models import Challenge, ResetRequest
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import Browser


def offer_of(request: ResetRequest, method: str) -> Offer:
    return next(offer for offer in flow.offers_of(request) if offer.method == method)


def test_a_challenge_never_outlives_its_request(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.begin(Browser())
    late = request.expires_at - timedelta(minutes=2)
    with scopes_disabled():
        challenges.start(request, offer_of(request, "email"), NOBODY, late)
    assert request.challenge is not None
    assert request.challenge.expires_at == request.expires_at


def test_a_new_challenge_takes_the_place_of_the_old_one(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.begin(Browser())
    with scopes_disabled():
        challenges.start(request, offer_of(request, "email"), NOBODY, timezone.now())
        first = request.challenge
        challenges.ask_destination(request, offer_of(request, "sms"), NOBODY, timezone.now())
    assert journeys.reload(request).challenge != first
    assert (request.challenge.awaits_destination, request.challenge.sent_at) == (True, None)  # type: ignore[union-attr]


def test_nothing_is_left_of_a_challenge_whose_code_can_not_be_sealed(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.begin(Browser())
    ExecutorKey.objects.all().delete()
    cache.clear()
    with scopes_disabled(), pytest.raises(NoExecutor):
        challenges.start(request, offer_of(request, "email"), NOBODY, timezone.now())
    with scopes_disabled():
        assert not Challenge.objects.exists()
    assert journeys.messages() == []
    assert journeys.reload(request).challenge is None


def test_a_challenge_for_another_number_is_made_and_withheld(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915199999999")
    message = wizard.last_message()
    assert message.status == "withheld"
    code = str(wizard.contents(message)["context"]["code"])
    assert wizard.answer(client, code).status_code == 200, "even the code that nobody got is wrong"


def test_the_audit_trail_tells_a_wrong_number_from_a_right_one(alice: User, open_policy: ResetPolicy) -> None:
    reasons = []
    for number in ("+4915199999999", "+4915112345647"):
        client = Browser()
        request = journeys.begin(client)
        wizard.choose(client, "sms")
        journeys.type_number(client, number)
        with scopes_disabled():
            started = AuditEvent.objects.filter(correlation_id=request.pk, activity="reset.verification_started")
            reasons.append(started.latest("created_at", "id").reason)
    assert reasons == ["other_number", ""]


def test_a_held_authenticator_is_the_persons_own_with_the_value_it_had(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    request = journeys.begin(Browser())
    offer = offer_of(request, "email")
    with scopes_disabled():
        assert challenges.authenticator_of(request, offer.authenticator_id, offer.destination)
        assert challenges.authenticator_of(request, offer.authenticator_id, "other") is None
        request.user_id = bob.pk
        assert challenges.authenticator_of(request, offer.authenticator_id, offer.destination) is None
        assert challenges.authenticator_of(request, None, offer.destination) is None
