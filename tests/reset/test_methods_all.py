"""Every authentication method: what it prepares, what it accepts, and what it does for nobody."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts.identifiers import new_id
from accounts.methods import KIND_OF, Method
from accounts.models import Tenant, User
from policy import hashing, passwords
from policy.models import QuestionText, ResetPolicy
from reset import questions
from reset.methods import METHODS
from reset.methods.base import AuthenticationMethod, Prepared, Start
from reset.models import Challenge, ResetRequest
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, VERIFY, Browser
from tests.reset.signing_in import code_of, give_app


def test_there_is_one_class_for_every_method() -> None:
    assert set(METHODS) == set(Method) == set(KIND_OF)
    for method, behaviour in METHODS.items():
        assert behaviour.method == method
        assert behaviour.template
        public = [
            name
            for name in vars(AuthenticationMethod)
            if not name.startswith("_") and callable(getattr(behaviour, name))
        ]
        assert len(public) <= 6


def prepared(request: ResetRequest, user: User | None, method: Method, is_right: bool = True) -> Prepared:
    with scopes_disabled():
        row = (
            None
            if user is None
            else user.authenticators.get(type="email" if method == Method.EMAIL else "mobile_phone")
        )
        return METHODS[method].prepare(Start(new_id(), request, request.tenant, row, is_right, timezone.now()))


@pytest.mark.parametrize("method", [Method.EMAIL, Method.SMS])
def test_a_code_is_drafted_for_the_stored_destination(method: Method, alice: User, open_policy: ResetPolicy) -> None:
    made = prepared(journeys.begin(Browser()), alice, method)
    (draft,) = made.drafts
    assert draft.recipient == {"email": "alice@home.example", "sms": "+4915112345647"}[method]
    assert (str(draft.channel), draft.withheld, len(draft.context["code"])) == (str(method), False, 6)
    assert draft.lifetime == timedelta(minutes=5)


@pytest.mark.parametrize(("someone", "is_right"), [(False, True), (True, False)])
def test_for_nobody_a_code_is_drafted_that_leads_nowhere(
    someone: bool, is_right: bool, alice: User, open_policy: ResetPolicy
) -> None:
    request = journeys.begin(Browser())
    made = prepared(request, alice if someone else None, Method.SMS, is_right)
    (draft,) = made.drafts
    assert (draft.recipient, draft.withheld, len(draft.context["code"])) == ("nobody@invalid", True, 6)
    challenge = Challenge(request=request, method="sms", digest=made.digest)
    assert not METHODS[Method.SMS].check(challenge, None, [draft.context["code"]], timezone.now()).is_right


def test_e6_codes_do_not_show_in_representations(alice: User, open_policy: ResetPolicy) -> None:
    made = prepared(journeys.begin(Browser()), alice, Method.EMAIL)
    code = made.drafts[0].context["code"]
    assert code not in repr(made)
    assert code not in repr(made.drafts[0])


@pytest.mark.parametrize(
    "number", ["+4915112345647", "+49 (151) 123-456-47", "0049 151 12345647", "  +49 151 12345647  "]
)
def test_the_number_on_file_is_recognised_however_it_is_written(
    number: str, alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    assert journeys.type_number(client, number).url == VERIFY
    assert wizard.last_message().status == "queued"


@pytest.mark.parametrize("number", ["", "0151 12345647", "15112345647", "phone", "+", "+49", "\x00+4915112345647"])
def test_a_number_without_a_country_code_is_asked_for_again(number: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    page = journeys.type_number(client, number)
    assert page.status_code == 200
    assert journeys.messages() == []


def test_a_code_by_text_leads_to_the_password(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    wizard.choose(client, "sms")
    text = client.get(VERIFY).content.decode()
    assert "Which number is it?" in text
    assert "+49" not in text.replace("+49 151 23456789", "")
    journeys.type_number(client, "+4915112345647")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD


@pytest.mark.parametrize(("steps", "passes"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_o10_an_app_may_be_half_a_minute_early_or_late(
    steps: int, passes: bool, alice: User, open_policy: ResetPolicy
) -> None:
    app = give_app(alice)
    now = datetime.fromisoformat("2026-03-01T12:00:15+00:00")
    verdict = METHODS[Method.APP_CODE].check(Challenge(), app, [code_of(app, steps, now)], now)
    assert verdict.is_right is passes


def test_an_app_code_of_nobody_is_wrong() -> None:
    assert not METHODS[Method.APP_CODE].check(Challenge(), None, ["000000"], timezone.now()).is_right
    assert not METHODS[Method.APP_CODE].consume(
        None, METHODS[Method.APP_CODE].check(Challenge(), None, [], timezone.now())
    )


def test_an_app_code_leads_to_the_password(alice: User, open_policy: ResetPolicy) -> None:
    app = give_app(alice)
    client = Browser()
    journeys.begin_answering(client, method="app_code")
    assert journeys.messages() == []
    assert wizard.answer(client, code_of(app)).url == PASSWORD


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Blue   Dog ", "bluedog"),
        ("BLUE-DOG!", "bluedog"),
        ("ＢＬＵＥ　ＤＯＧ", "bluedog"),
        ("Straße", "strasse"),
        ("École", "école"),
        ("12 Main St.", "12mainst"),
        ("\x00\u200b", ""),
        ("...", ""),
    ],
)
def test_o12_answers_are_compared_by_letters_and_digits(typed: str, kept: str) -> None:
    assert questions.normalise(typed) == kept


def test_own_questions_are_shown_as_typed_and_predefined_ones_translated(acme: Tenant) -> None:
    with scopes_disabled():
        own = QuestionText.objects.create(tenant=acme, text="Which desk do you sit at?")
        shown = questions.texts([f"custom:{own.pk}", "first_pet", "custom:999", "gone"], acme)
        assert shown == ["Which desk do you sit at?", "What was the name of your first pet?", "", ""]
        assert f"custom:{own.pk}" in questions.available(acme)


def test_questions_wait_for_a_free_hash_slot_with_a_kind_page(
    alice: User, open_policy: ResetPolicy, monkeypatch: Any
) -> None:
    journeys.policy_with(open_policy, methods=["questions"])
    journeys.give_questions(alice)
    client = Browser()
    request = journeys.begin_answering(client, method="questions")

    def busy(work: Any) -> Any:
        raise hashing.Busy

    monkeypatch.setattr(hashing, "run", busy)
    page = client.post(VERIFY, {"action": "answer", "answer_0": "x"})
    assert (page.status_code, "Nothing is lost" in page.content.decode()) == (503, True)
    assert journeys.reload(request).passed == []


def test_a_busy_moment_at_the_password_is_a_kind_page_too(
    alice: User, open_policy: ResetPolicy, monkeypatch: Any
) -> None:
    client = Browser()
    journeys.prove(client)

    def busy(password: str) -> str:
        raise hashing.Busy

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "hash_password", busy)
        page = journeys.set_password(client)
    assert (page.status_code, "Nothing is lost" in page.content.decode()) == (503, True)
    assert journeys.set_password(client).url == "/reset/status/"
