"""An authenticator app notification: the page shows a number, the phone takes it typed in, the browser goes on."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, Tenant, User
from notifications.models import Message
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import buckets, decoys
from reset.models import Challenge, ResetRequest, State
from tests import wizard
from tests.administrators import make_administrator
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, STATUS, VERIFY, Browser
from tests.reset.phones import Phone, give_phone, make_wakeable, other_number

HELD = [AuthenticatorType.EMAIL, AuthenticatorType.PHONE_APP]
WAITING = "/reset/verify/waiting/"


@pytest.fixture
def phone_policy(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "app_notification"])


@pytest.fixture
def phone(alice: User, phone_policy: ResetPolicy) -> Phone:
    return give_phone(alice)


def ask(client: Browser, name: str = journeys.ALICE) -> Challenge:
    """Past the choice: the page shows a number."""
    request = journeys.begin_answering(client, name, "app_notification")
    assert request.challenge is not None
    return request.challenge


def waits(client: Browser) -> bool:
    return bool(client.get(WAITING).json()["waits"])


def prompts_sent() -> list[Message]:
    return journeys.messages("prompt")


def test_the_number_typed_into_the_phone_leads_to_the_password(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    assert challenge.shown in client.get(VERIFY).content.decode()
    assert waits(client)
    assert wizard.answer(client, "").status_code == 200
    assert phone.approve(challenge, challenge.shown) == "right"
    assert not waits(client)
    assert wizard.answer(client, "").url == PASSWORD
    assert journeys.set_password(client).url == STATUS


def test_the_phone_shows_who_asks_from_where_and_when_but_not_the_number(phone: Phone) -> None:
    challenge = ask(Browser(headers={"user-agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"}))
    (told,) = phone.pending()
    assert told.pop("at") == int(challenge.sent_at.timestamp() * 1000) if challenge.sent_at else None
    assert told == {
        "challenge": str(challenge.pk),
        "what": "forgot",
        "organisation": "Acme",
        "name": "alice@acme.example",
        "address": "127.0.0.1",
        "client": "Firefox, Windows",
    }
    assert challenge.shown not in str({**told, "challenge": ""}).replace("127.0.0.1", "")


def test_nothing_is_pending_once_it_is_answered_left_or_over(client: Browser, phone: Phone) -> None:
    assert phone.pending() == []
    challenge = ask(client)
    client.post(VERIFY, {"action": "another"})
    assert phone.pending() == []
    assert phone.approve(challenge, challenge.shown) == "over"
    wizard.choose(client, "app_notification")
    running = journeys.newest().challenge
    assert running is not None
    journeys.change(running, expires_at=timezone.now())
    assert phone.pending() == []
    assert phone.approve(running, running.shown) == "over"


@pytest.mark.parametrize("number", [None, "", "4", "123", "4 7", "٤٧", 47, ["47"], "4a", True])
def test_p4_an_approval_without_a_number_of_two_digits_is_refused(client: Browser, phone: Phone, number: Any) -> None:
    challenge = ask(client)
    answer = phone.call("answer", phone=phone.id, challenge=str(challenge.pk), decision="approve", number=number)
    assert (answer.status_code, answer.json()) == (403, {"error": "refused"})
    assert waits(client)


def test_p4_an_approval_that_names_no_number_is_refused(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    for decision in ("approve", "yes", "", None, True):
        answer = phone.call("answer", phone=phone.id, challenge=str(challenge.pk), decision=decision)
        assert answer.status_code == 403
    assert waits(client)


def test_p4_a_wrong_number_is_counted_and_the_third_ends_the_prompt(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    wrong = other_number(challenge.shown)
    assert [phone.approve(challenge, wrong) for _ in range(3)] == ["wrong", "wrong", "over"]
    assert journeys.failures(challenge.request) == 3
    assert phone.approve(challenge, challenge.shown) == "over"
    assert phone.pending() == []
    assert waits(client), "the page of a stranger would go on waiting too"
    assert wizard.answer(client, "").status_code == 200


def test_p4_wrong_numbers_block_the_request_when_the_accounts_tries_are_used_up(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    throttle.count(Use(throttle.FAILURES_OF_ACCOUNT, buckets.of_request(challenge.request), 4))
    assert phone.approve(challenge, other_number(challenge.shown)) == "over"
    assert journeys.reload(challenge.request).state == State.BLOCKED


def test_p4_more_than_three_prompts_in_ten_minutes_are_blocked(client: Browser, phone: Phone) -> None:
    ask(client)
    for _ in range(2):
        client.post(VERIFY, {"action": "another"})
        assert wizard.choose(client, "app_notification").status_code == 302
    client.post(VERIFY, {"action": "another"})
    page = wizard.choose(client, "app_notification")
    assert (page.status_code, "try again in" in page.content.decode()) == (200, True)
    assert len(prompts_sent()) == 3
    assert phone.pending() == []
    other = Browser()
    journeys.begin(other)
    assert wizard.choose(other, "app_notification").status_code == 200, "another request makes no difference"


def test_p4_not_me_blocks_the_request_and_tells_owner_and_administrators(
    client: Browser, phone: Phone, acme: Tenant
) -> None:
    make_administrator(acme, "root@acme.example")
    challenge = ask(client)
    assert phone.refuse(challenge) == "refused"
    request = journeys.reload(challenge.request)
    assert (request.state, request.reason) == (State.BLOCKED, "not_me")
    assert phone.approve(challenge, challenge.shown) == "over"
    assert phone.refuse(challenge) == "over"
    told = [wizard.contents(message) for message in journeys.messages("prompt_was_refused")]
    readers = {(each["recipient"], each["context"]["reader"]) for each in told}
    assert readers == {
        ("alice@home.example", "owner"),
        ("alice@acme.example", "owner"),
        ("root@acme.example", "administrator"),
    }
    assert {each["context"]["address"] for each in told} == {"127.0.0.1"}
    assert {Activity.PROMPT_REFUSED, Activity.RESET_BLOCKED} <= set(journeys.activities(request))
    assert client.get(VERIFY).url == STATUS
    assert "on the phone" in client.get(STATUS).content.decode()
    assert journeys.has_old_password(request.user)  # type: ignore[arg-type]


def test_o4_an_approval_counts_once(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    assert phone.approve(challenge, challenge.shown) == "right"
    assert phone.approve(challenge, challenge.shown) == "over"
    assert wizard.answer(client, "").url == PASSWORD
    assert wizard.answer(client, "").url == PASSWORD
    assert journeys.reload(challenge.request).passed == [["app", phone.row.digest]]  # type: ignore[union-attr]


def test_the_same_signed_approval_sent_twice_is_refused(client: Browser, phone: Phone) -> None:
    challenge = ask(client)
    body = phone.signed(
        "answer", phone=phone.id, challenge=str(challenge.pk), decision="approve", number=other_number(challenge.shown)
    )
    assert phone.send("answer", body).json() == {"result": "wrong"}
    assert phone.send("answer", body).status_code == 403
    assert journeys.failures(challenge.request) == 1


def test_all_phones_of_a_person_are_asked_by_one_choice_and_any_may_answer(
    client: Browser, alice: User, phone: Phone
) -> None:
    second = give_phone(alice)
    make_wakeable(phone)
    make_wakeable(second, "https://push.example/two")
    challenge = ask(client)
    offers = [offer["method"] for offer in challenge.request.snapshot["offers"]]
    assert offers.count("app_notification") == 1
    assert len(prompts_sent()) == 1, "one message wakes all of them"
    assert len(phone.pending()) == len(second.pending()) == 1
    assert second.approve(challenge, challenge.shown) == "right"
    assert wizard.answer(client, "").url == PASSWORD
    assert journeys.reload(challenge.request).passed == [["app", second.row.digest]]  # type: ignore[union-attr]


def test_a_phone_that_was_revoked_after_its_approval_passes_nothing(client: Browser, alice: User, phone: Phone) -> None:
    second = give_phone(alice)
    challenge = ask(client)
    assert second.approve(challenge, challenge.shown) == "right"
    with scopes_disabled():
        Authenticator.objects.filter(pk=second.id).delete()
    wizard.answer(client, "")
    request = journeys.reload(challenge.request)
    assert (request.passed, request.state) == ([], State.VERIFYING)


def test_a_phone_that_looks_who_asks_costs_the_same_for_one_and_for_many(phone: Phone) -> None:
    costs = []
    for count in (1, 2):
        ask(Browser())
        with journeys.statements() as looked:
            assert len(phone.pending()) == count
        costs.append(len(looked))
    assert costs[0] == costs[1]


def test_s4_a_phone_of_somebody_else_answers_nothing(client: Browser, phone: Phone, bob: User) -> None:
    challenge = ask(client)
    strangers = give_phone(bob)
    assert strangers.pending() == []
    assert strangers.approve(challenge, challenge.shown) == "over"
    assert strangers.refuse(challenge) == "over"
    assert waits(client)
    assert journeys.failures(challenge.request) == 0


def test_s10_an_account_that_changes_after_the_approval_is_stopped(client: Browser, alice: User, phone: Phone) -> None:
    challenge = ask(client)
    assert phone.approve(challenge, challenge.shown) == "right"
    journeys.change(alice, is_protected=True)
    wizard.answer(client, "")
    assert journeys.reload(challenge.request).state == State.FAILED


def test_the_approval_is_of_no_use_to_another_browser(client: Browser, phone: Phone) -> None:
    mine, other = ask(client), Browser()
    theirs = ask(other)
    assert phone.approve(mine, mine.shown) == "right"
    assert wizard.answer(other, "").status_code == 200
    assert waits(other)
    assert journeys.reload(theirs.request).passed == []


def test_asking_again_shows_another_number_and_ends_the_one_before(client: Browser, phone: Phone) -> None:
    first = ask(client)
    journeys.change(first, sent_at=timezone.now() - timedelta(seconds=31))
    client.post(VERIFY, {"action": "again"})
    second = journeys.newest().challenge
    assert second is not None
    assert second.pk != first.pk
    assert phone.approve(first, first.shown) == "over"
    assert phone.approve(second, second.shown) == "right"


def test_two_gates_may_be_mail_and_a_notification_but_not_notification_and_app_code(
    client: Browser, phone: Phone, phone_policy: ResetPolicy
) -> None:
    journeys.policy_with(phone_policy, methods_required=2)
    challenge = ask(client)
    assert phone.approve(challenge, challenge.shown) == "right"
    assert wizard.answer(client, "").url == VERIFY
    assert {offer.kind for offer in client.get(VERIFY).context["offers"]} == {"mail"}


@pytest.mark.parametrize("wakeable", [True, False])
def test_strangers_wait_by_the_same_statements(
    wakeable: bool, phone: Phone, phone_policy: ResetPolicy, monkeypatch: Any
) -> None:
    if wakeable:
        make_wakeable(phone)
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: HELD)
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
    ask(Browser(), "first@acme.example")  # what only the first one looks up stays known
    costs, pages = [], []
    for name in (journeys.ALICE, "nobody@acme.example"):
        client = Browser()
        journeys.begin(client, name)
        with journeys.statements() as chosen:
            wizard.choose(client, "app_notification")
        with journeys.statements() as looked:
            page = client.get(VERIFY)
        with journeys.statements() as asked:
            assert waits(client)
        with journeys.statements() as pressed:
            assert wizard.answer(client, "").status_code == 200
        costs.append((chosen, looked, asked, pressed))
        shown = journeys.newest().challenge
        assert shown is not None
        pages.append(journeys.normalised(page.content.decode(), name).replace(f">{shown.shown}<", ">NUMBER<"))
    assert costs[0] == costs[1]
    assert pages[0] == pages[1]
    statuses = [message.status for message in prompts_sent()]
    assert statuses == ["withheld", "queued" if wakeable else "withheld", "withheld"]
    sizes = [len(bytes(message.sealed)) for message in prompts_sent()]
    assert max(sizes) < 4 * min(sizes)


def test_a_strangers_prompt_is_over_when_the_time_is(
    client: Browser, phone: Phone, phone_policy: ResetPolicy, monkeypatch: Any
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: HELD)
    challenge = ask(client, "nobody@acme.example")
    assert waits(client)
    assert phone.approve(challenge, challenge.shown) == "over"
    journeys.change(challenge, expires_at=timezone.now())
    assert not waits(client)
    assert "The time for that is over" in wizard.answer(client, "").content.decode()


def test_a_confirmed_decoy_would_pass_nothing(
    client: Browser, alice: User, phone_policy: ResetPolicy, monkeypatch: Any
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: HELD)
    challenge = ask(client, "nobody@acme.example")
    journeys.change(challenge, confirmed_at=timezone.now())
    wizard.answer(client, "")
    assert journeys.reload(challenge.request).passed == []


def test_the_message_that_wakes_a_phone_says_neither_who_nor_what(phone: Phone) -> None:
    make_wakeable(phone)
    challenge = ask(Browser())
    (message,) = prompts_sent()
    assert (message.status, message.expires_at - message.due_at) == ("queued", timedelta(minutes=5))
    told = wizard.contents(message)
    assert told["context"] == {}
    assert challenge.shown not in str(told["context"])


def test_the_policy_of_one_method_may_offer_it_but_not_alone(acme: Tenant, phone_policy: ResetPolicy) -> None:
    with scopes_disabled():
        phone_policy.clean()
        phone_policy.methods = ["app_notification"]
        for compatible in (True, False):
            phone_policy.entra_compatible = compatible
            with pytest.raises(ValidationError, match="can't be the only method"):
                phone_policy.clean()


def test_an_unlock_tells_the_phone_so(phone: Phone) -> None:
    client = Browser()
    wizard.start(client, journeys.ALICE, trouble="locked")
    wizard.choose(client, "app_notification")
    assert [told["what"] for told in phone.pending()] == ["locked"]
    request: ResetRequest = journeys.newest()
    assert request.challenge is not None
    assert phone.approve(request.challenge, request.challenge.shown) == "right"
    assert wizard.answer(client, "").url == STATUS
    assert journeys.reload(request).state == State.COMPLETED
