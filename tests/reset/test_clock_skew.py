"""A phone whose clock is wrong: its owner hears by how much, the code counts as wrong, and no stranger hears anything."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, User
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import proving, registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked
from reset.password_proof import account_key_of
from reset.views.security_texts import skew_sentence
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import VERIFY, Browser
from tests.reset.registering import answer, begin_proof, confirm, held
from tests.reset.registering import begin as begin_registering
from tests.reset.signing_in import PASSWORD, code_of, give_app, post_sign_in
from tests.reset.test_security_info import INFO, prove, text_of

# Both are six minutes also where the next step begins before the code arrives.
STEPS = {"slow": -11, "fast": 12}


@pytest.fixture
def signed_in(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    client.post(f"{INFO}setup/", {"action": "confirm"})
    return client


def failures(user: User) -> int:
    return throttle.look(Use(throttle.FAILURES_OF_OWN, account_key_of(user), 0))[0].count


def app_of(challenge: OwnChallenge) -> Authenticator:
    """The app that is being registered, as its phone knows it."""
    app = Authenticator(tenant=challenge.tenant, user=challenge.user, type=AuthenticatorType.APP)
    app.set_value(registration.value_of(challenge))
    return app


def begun(client: Any) -> tuple[str, Authenticator]:
    """The page where the new app's first code is typed, and the app."""
    place = client.post(f"{INFO}add/app_code/", {"label": ""}).url
    with scopes_disabled():
        return place, app_of(OwnChallenge.objects.latest("created_at"))


@pytest.mark.parametrize("way", STEPS)
def test_while_registering_the_clock_is_named_and_the_code_is_wrong(signed_in: Any, alice: User, way: str) -> None:
    prove(signed_in)
    before = failures(alice)
    place, app = begun(signed_in)
    page = text_of(signed_in.post(place, {"code": code_of(app, STEPS[way])}))
    assert f"The clock of your phone seems to be 6 minutes {way}. Set it to automatic" in page
    assert failures(alice) == before + 1
    with scopes_disabled():
        assert held(alice, AuthenticatorType.APP) == []
    assert signed_in.post(place, {"code": code_of(app)}).url == INFO


@pytest.mark.parametrize("way", STEPS)
def test_before_a_change_too(signed_in: Any, alice: User, way: str) -> None:
    app = give_app(alice)
    place = signed_in.post(f"{INFO}prove/", {"offer": f"app_code:{app.pk}"}).url
    page = text_of(signed_in.post(place, {"code": code_of(app, STEPS[way])}))
    assert f"seems to be 6 minutes {way}" in page
    assert failures(alice) == 1


def test_one_minute_is_one() -> None:
    assert "seems to be 1 minute slow." in skew_sentence(-1)
    assert "seems to be 1 minute fast." in skew_sentence(1)


@pytest.mark.parametrize("code", ["", "12345", "abcdef"])
def test_any_other_code_gets_the_general_hint(signed_in: Any, alice: User, code: str) -> None:
    app = give_app(alice)
    place = signed_in.post(f"{INFO}prove/", {"offer": f"app_code:{app.pk}"}).url
    page = text_of(signed_in.post(place, {"code": code}))
    assert "seems to be" not in page
    assert "look whether the clock of the phone is right" in page


def test_o10_a_code_of_later_that_was_told_of_is_no_good_later(alice: User, open_policy: ResetPolicy) -> None:
    """Otherwise a guess would win twenty times as often: once it is told to be right in five minutes, one only waits."""
    app, now = give_app(alice), timezone.now()
    with scopes_disabled():
        challenge = begin_proof(alice, app, now)
        code = code_of(app, 10, now)
        assert answer(challenge, code, now=now) == Checked.WRONG
        assert proving.clock_skew(challenge, code, now) == 5
        later = now + timedelta(minutes=5)
        assert answer(begin_proof(alice, app, later), code, now=later) == Checked.WRONG
        after = later + timedelta(minutes=1)
        assert answer(begin_proof(alice, app, after), code_of(app, 0, after), now=after) == Checked.RIGHT


def test_a_slow_phones_code_burns_nothing(alice: User, open_policy: ResetPolicy) -> None:
    app, now = give_app(alice), timezone.now()
    with scopes_disabled():
        challenge = begin_proof(alice, app, now)
        assert proving.clock_skew(challenge, code_of(app, -10, now), now) == -5
        assert answer(challenge, code_of(app, 0, now), now=now) == Checked.RIGHT


def test_o1_what_was_not_counted_learns_nothing(signed_in: Any, alice: User) -> None:
    """An attempt after the challenge's time is not compared, and hears nothing of clocks."""
    app = give_app(alice)
    place = signed_in.post(f"{INFO}prove/", {"offer": f"app_code:{app.pk}"}).url
    with scopes_disabled():
        OwnChallenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    page = text_of(signed_in.post(place, {"code": code_of(app, 10)}))
    assert "The time for that was over." in page
    with scopes_disabled():
        app.refresh_from_db()
    assert app.last_step == -1
    for _ in range(5):
        throttle.count(Use(throttle.FAILURES_OF_OWN, account_key_of(alice)))
    with scopes_disabled():
        OwnChallenge.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert "seems to be" not in text_of(signed_in.post(place, {"code": code_of(app, -10)}))


def test_an_address_or_a_number_has_no_clock(alice: User, open_policy: ResetPolicy) -> None:
    with scopes_disabled():
        challenge = begin_registering(alice, Method.EMAIL, "alice@private.example")
        assert confirm(challenge, "000000x") == Checked.WRONG
        assert registration.clock_skew(challenge, "000000", timezone.now()) == 0
        proof = begin_proof(alice, held(alice, AuthenticatorType.EMAIL)[0])
        assert proving.clock_skew(proof, "000000", timezone.now()) == 0


@pytest.mark.parametrize("steps", [-10, 10, 500])
def test_e1_a_stranger_in_a_reset_gets_the_general_hint_only(alice: User, open_policy: ResetPolicy, steps: int) -> None:
    app, client = give_app(alice), Browser()
    journeys.begin_answering(client, method="app_code")
    page = wizard.answer(client, code_of(app, steps)).content.decode()
    assert "That is not the right code." in page
    assert "look whether the clock of the phone is right" in page
    assert "seems to be" not in page
    assert VERIFY in page
