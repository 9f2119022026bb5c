"""What the budgets for texts and calls do to a reset, to somebody signed in, and in the console."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import executors, tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Method
from accounts.models import Tenant, User
from accounts.roles import Role
from notifications import delivery
from notifications.models import Channel
from policy import spending, throttle
from policy.models import ResetPolicy, SpendGuard
from reset import decoys, receivers, registration, sending, spend_alarms
from reset.models import Challenge
from reset.sending import NotSent, Sending
from tests import wizard
from tests.conftest import make_authenticator
from tests.reset import journeys, registering
from tests.reset.calling import press
from tests.reset.journeys import PASSWORD, VERIFY, Browser
from tests.reset.phones import give_phone
from tests.reset.signing_in import events, make_administrator
from tests.sms_gateway import Answer, SmsGateway

NUMBER, OTHER, OFFICE = "+4915112345647", "+4915155555501", "+4930901820x123"
STRANGER = "nobody@acme.example"


@pytest.fixture
def phones_allowed(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "sms", "call", "office_call"])


def guarded(tenant: Tenant, **fields: Any) -> None:
    with scopes_disabled():
        SpendGuard.objects.update_or_create(tenant=tenant, defaults=fields)


def raising(error: type[Exception]) -> Any:
    def fail(*_: Any) -> None:
        raise error

    return fail


def ask(client: Browser, name: str = journeys.ALICE, number: str = NUMBER, method: str = "sms") -> Any:
    """Up to the typed number; the answer is the next page, or why there is none."""
    journeys.begin(client, name)
    wizard.choose(client, method)
    return journeys.type_number(client, number)


def sent(kind: str = "passcode") -> list[str]:
    return [message.status for message in journeys.messages(kind)]


def test_p5_when_the_budget_is_spent_no_text_goes_out_and_mail_still_does(
    alice: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    guarded(acme, in_all=1)
    assert ask(Browser()).status_code == 302
    client = Browser()
    page = ask(client)
    assert "No more texts and calls go out today" in page.content.decode()
    assert sent() == ["queued"]
    client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "email")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD


def test_p5_a_call_counts_like_a_text(alice: User, acme: Tenant, phones_allowed: ResetPolicy) -> None:
    guarded(acme, per_number=1)
    assert ask(Browser(), method="call").status_code == 302
    assert "No more texts and calls" in ask(Browser()).content.decode()


def test_p5_another_country_is_neither_texted_nor_called(
    alice: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    guarded(acme, countries=["CH"])
    for method in ("sms", "call"):
        assert "numbers of this country" in ask(Browser(), method=method).content.decode()
    assert sent() == sent("call") == []
    assert spending.today(spending.guard_of(acme.pk), timezone.now()).sent == 0


@pytest.mark.parametrize("fields", [{"in_all": 1}, {"countries": ["CH"]}, {"per_range": 1}])
def test_e1_a_stranger_is_told_the_same_by_the_same_statements(
    fields: dict[str, Any], alice: User, acme: Tenant, phones_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(["email", "sms"]))
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "TWO_ADDRESSES_ONE_IN", 10**9)
    guarded(acme, **fields)
    executors.current_keys()
    ask(Browser())
    seen = []
    for name in (journeys.ALICE, STRANGER):
        client = Browser()
        with journeys.statements() as statements:
            page = ask(client, name)
        seen.append((statements, page.status_code, journeys.normalised(page.content.decode(), name)))
    assert seen[0][0] == seen[1][0]
    assert seen[0][1:] == seen[1][1:]
    assert "go another way" in seen[0][2]


def test_an_office_phone_that_may_not_be_called_looks_as_if_it_were(
    alice: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    """Its number wasn't typed: to say what is wrong with it would tell a stranger of it."""
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    guarded(acme, countries=["CH"])
    client = Browser()
    journeys.begin(client)
    assert wizard.choose(client, "office_call").status_code == 302
    assert sent("call") == ["withheld"]


@pytest.mark.parametrize("fields", [{"countries": ["CH"]}, {"per_range": 1}, {"per_country": 1}])
def test_e1_an_office_phone_that_may_not_be_called_is_not_told_of_when_the_whole_budget_is_spent(
    fields: dict[str, Any], alice: User, acme: Tenant, phones_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [AuthenticatorType.EMAIL, AuthenticatorType.OFFICE_PHONE]
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: held)
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    guarded(acme, in_all=1, **fields)
    of_another = spending.Send(acme.pk, "another", "their number", OFFICE, True)
    throttle.count(*spending.uses(spending.guard_of(acme.pk), of_another).values())
    pages = []
    for name in (journeys.ALICE, STRANGER):
        client = Browser()
        journeys.begin(client, name)
        pages.append(wizard.choose(client, "office_call"))
    assert [page.status_code for page in pages] == [200, 200]
    assert all("No more texts and calls go out today" in page.content.decode() for page in pages)


def ask_on_and_on(client: Browser, method: str, times: int = 25) -> None:
    journeys.begin(client)
    for _ in range(times):
        wizard.choose(client, method)
        client.post(VERIFY, {"action": "another"})


def test_p5_whoever_asks_on_and_on_uses_up_no_budget_for_what_never_went_out(
    alice: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    ask_on_and_on(Browser(), "office_call")
    assert len(sent("call")) == 5
    assert spending.today(spending.guard_of(acme.pk), timezone.now()).sent == 5


@pytest.mark.parametrize(("method", "went_out"), [("email", 10), ("office_call", 5), ("app_notification", 3)])
def test_p6_whoever_asks_on_and_on_leaves_the_owner_some(
    method: str, went_out: int, alice: User, phones_allowed: ResetPolicy
) -> None:
    journeys.policy_with(phones_allowed, methods=["email", "office_call", "app_notification"])
    make_authenticator(alice, AuthenticatorType.OFFICE_PHONE, OFFICE)
    give_phone(alice)
    ask_on_and_on(Browser(), method)
    with scopes_disabled():
        destination = Challenge.objects.filter(method=method).latest("pk").destination
    [state] = throttle.look(throttle.Use(throttle.SENDS_TO_DESTINATION, destination))
    assert state.count == went_out


def test_what_was_stopped_is_recorded_without_the_number(
    alice: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    guarded(acme, countries=["CH"])
    ask(Browser())
    [event] = events(Activity.SEND_STOPPED)
    assert (event.reason, event.result) == ("country_not_allowed", "failure")
    assert NUMBER not in str(event.details)


def test_answers_are_counted_for_texts_and_calls_alone(alice: User, acme: Tenant, phones_allowed: ResetPolicy) -> None:
    client = Browser()
    ask(client)
    wizard.answer(client, wizard.last_code())
    called = Browser()
    ask(called, method="call")
    press(f"{called.get(VERIFY).context['challenge'].shown}#")
    called.post(VERIFY, {"action": "answer"})
    journeys.prove(Browser())
    spent = spending.today(spending.guard_of(acme.pk), timezone.now())
    assert (spent.sent, spent.answered) == (2, 2)


@pytest.fixture
def at_home(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


@pytest.mark.usefixtures("at_home")
def test_somebody_signed_in_is_stopped_too_and_told_why(alice: User, acme: Tenant, phones_allowed: ResetPolicy) -> None:
    guarded(acme, countries=["CH"])
    with pytest.raises(NotSent):
        registering.begin(alice, Method.SMS, OTHER)
    assert events(Activity.SEND_STOPPED)[0].target_id == alice.pk
    assert registering.begin(alice, Method.EMAIL, registering.ADDRESS).sent_at is not None


@pytest.mark.usefixtures("at_home")
def test_a_registered_phone_counts_as_answered(alice: User, acme: Tenant, phones_allowed: ResetPolicy) -> None:
    registering.register(alice, Method.SMS, OTHER)
    spent = spending.today(spending.guard_of(acme.pk), timezone.now())
    assert (spent.sent, spent.answered) == (1, 1)
    assert registration.standing_of(alice).of_type(AuthenticatorType.MOBILE_PHONE)


def test_p5_yesterdays_answers_do_not_stand_for_todays_texts(acme: Tenant) -> None:
    now, guard = timezone.now(), spending.guard_of(acme.pk)

    def text(person: str, at: datetime) -> None:
        one = Sending(Method.SMS, acme.pk, person, person, f"number of {person}", NUMBER, is_typed=True)
        assert sending.count(one, at)

    text("first", now)
    for last in range(20):
        text(f"honest {last}", now + timedelta(hours=4))
        throttle.count(*spending.proof(acme.pk), now=now + timedelta(hours=4))
    for last in range(20):
        text(f"earning {last}", now + timedelta(hours=25))
    spent = spending.today(guard, now + timedelta(hours=25))
    assert (spent.sent, spent.answered) == (20, 0)
    assert spending.to_alarm(now + timedelta(hours=25))


def test_p5_administrators_hear_once_a_day_that_few_are_answered(
    alice: User, bob: User, acme: Tenant, phones_allowed: ResetPolicy
) -> None:
    make_administrator(bob, Role.GLOBAL_ADMINISTRATOR)
    now = timezone.now()
    guard = spending.guard_of(acme.pk)
    for last in range(20):
        send = spending.Send(acme.pk, f"person {last}", f"digest {last}", f"+4179{last:03d}4567", True)
        throttle.count(*spending.uses(guard, send).values(), now=now)
    assert (spend_alarms.raise_due(now), spend_alarms.raise_due(now)) == (1, 0)
    [message] = journeys.messages("spend_alarm")
    assert wizard.contents(message)["context"] == {"sent": "20", "answered": "0"}
    [event] = events(Activity.SPEND_ALARM)
    assert event.details == {"sent": 20, "answered": 0, "told": 1}


def test_p5_an_alarm_that_nobody_could_be_told_of_is_raised_the_next_time(
    bob: User, acme: Tenant, phones_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_administrator(bob, Role.GLOBAL_ADMINISTRATOR)
    now = timezone.now()
    throttle.count(*spending.sent_and_answered(acme.pk, sent=20), now=now)
    with monkeypatch.context() as broken:
        broken.setattr(spend_alarms, "enqueue", raising(executors.NoExecutor))
        with pytest.raises(executors.NoExecutor):
            spend_alarms.raise_due(now)
    assert spend_alarms.raise_due(now) == 1
    assert len(journeys.messages("spend_alarm")) == 1


@pytest.mark.parametrize(
    ("method", "channel"), [("email", Channel.EMAIL), ("sms", Channel.SMS), ("call", Channel.VOICE)]
)
def test_while_a_provider_is_away_another_way_is_offered(
    method: str, channel: Channel, alice: User, phones_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alike for everybody: what a stranger is told doesn't depend on who the name belongs to."""
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(["email", "sms"]))
    receivers.note_unreachable(channel)
    for name in (journeys.ALICE, STRANGER):
        client = Browser()
        journeys.begin(client, name)
        page = wizard.choose(client, method)
        page = page if method == "email" else journeys.type_number(client, NUMBER)
        assert "its provider can't be reached" in page.content.decode().replace("&#x27;", "'")
        client.post(VERIFY, {"action": "another"})
        assert len(client.get(VERIFY).context["offers"]) > 1
    assert journeys.messages() == []


def test_a_provider_that_is_back_is_used_again(
    alice: User, phones_allowed: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    receivers.note_unreachable(Channel.EMAIL)
    client = Browser()
    journeys.begin(client)
    minute = timezone.now() + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: minute)
    assert wizard.choose(client, "email").status_code == 302


def test_a_provider_is_away_for_a_minute_from_its_last_failure(db: None) -> None:
    now, away = timezone.now(), throttle.Use(throttle.PROVIDER_UNREACHABLE, Channel.SMS)
    throttle.count(throttle.Use(away.limit, away.subject, amount=0), now=now - timedelta(seconds=50))
    for _ in range(2):
        receivers.note_unreachable(Channel.SMS)
        [state] = throttle.look(away, now=now + timedelta(seconds=55))
        assert state.count == 1


@pytest.mark.parametrize(("answer", "noted"), [(Answer(503), 1), (Answer(400), 0), (Answer(202), 0)])
def test_what_the_provider_says_reaches_those_who_choose(
    answer: Answer, noted: int, alice: User, phones_allowed: ResetPolicy, settings: Any
) -> None:
    with SmsGateway() as gateway:
        settings.SMS_URL, gateway.answer = gateway.url(), answer
        ask(Browser())
        delivery.deliver(journeys.messages("passcode")[0].pk)
    [state] = throttle.look(throttle.Use(throttle.PROVIDER_UNREACHABLE, Channel.SMS))
    assert state.count == noted
