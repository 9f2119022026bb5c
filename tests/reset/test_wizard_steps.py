"""No step of the wizard is skipped, repeated or passed by a form that says nothing."""

from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts.models import User
from policy.models import ResetPolicy
from reset.models import ResetRequest, State
from reset.models.requests import ENDS, RUNNING, TRANSITIONS
from tests import wizard
from tests.conftest import make_authenticator
from tests.reset import journeys
from tests.reset.journeys import NEW, PAGES, PASSWORD, STATUS, VERIFY, Browser

SEEN_AT = {
    "nowhere": "/reset/",
    "choose": VERIFY,
    "destination": VERIFY,
    "answer": VERIFY,
    "decoy": VERIFY,
    "verified": PASSWORD,
    "done": STATUS,
    "cancelled": STATUS,
}


def bring(client: Browser, state: str) -> None:
    """A browser at this state, each on a road of its own."""
    if state in ("choose", "destination"):
        journeys.begin(client)
    if state == "destination":
        wizard.choose(client, "sms")
    if state in ("answer", "cancelled"):
        journeys.begin_answering(client)
    if state == "decoy":
        journeys.begin(client, "nobody@acme.example")
    if state == "verified":
        journeys.prove(client)
    if state == "done":
        journeys.finish(client)
    if state == "cancelled":
        journeys.change(journeys.newest(), state=State.CANCELLED)


def forms(user: User) -> list[dict[str, Any]]:
    """Every form of the verify page, right and wrong, for every method."""
    with scopes_disabled():
        offers = [f"{method}:{row.pk}" for row in user.authenticators.all() for method in row.methods()]
    return [
        {},
        {"action": "answer"},
        {"action": "answer", "code": ""},
        {"action": "answer", "code": "000000"},
        {"action": "answer", "answer_0": "", "answer_1": "", "answer_2": ""},
        {"action": "destination", "number": ""},
        {"action": "destination", "number": "+4915112345647"},
        {"action": "again"},
        {"action": "another"},
        {"action": "choose"},
        {"action": "choose", "offer": "questions:1"},
        {"action": "choose", "offer": "email:٣"},
        {"action": "password", "password": NEW, "again": NEW},
        *({"action": "choose", "offer": offer} for offer in offers),
    ]


@pytest.mark.parametrize("state", SEEN_AT)
def test_s1_every_page_sends_a_browser_where_it_should_be(state: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    bring(client, state)
    for page in PAGES:
        answer = client.get(page)
        expected = SEEN_AT[state]
        first_page = page == "/reset/" and state in ("done", "cancelled")
        assert (page, answer.status_code) == (page, 200 if page == expected or first_page else 302)
        if answer.status_code == 302:
            assert answer.url.partition("?")[0] == expected


@pytest.mark.parametrize("state", [state for state in SEEN_AT if state not in ("verified", "done")])
def test_s1_no_form_at_any_state_opens_the_password_page(state: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    bring(client, state)
    for page in PAGES:
        for form in forms(alice):
            client.post(page, form)
            assert journeys.set_password(client).status_code == 302
            assert not journeys.messages("password_was_reset")
    assert journeys.has_old_password(alice)


def test_s1_a_method_is_never_passed_with_another_ones_form(alice: User, open_policy: ResetPolicy) -> None:
    """Choose one way, switch to the other, post the first one's form again, empty and filled."""
    client = Browser()
    journeys.begin_answering(client)
    code = wizard.last_code()
    client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "sms")
    for form in ({"action": "answer", "code": code}, {"action": "answer"}, {}, {"action": "again"}):
        client.post(VERIFY, form)
        assert client.get(PASSWORD).url == VERIFY
    journeys.type_number(client, "+4915112345647")
    assert wizard.answer(client, code).status_code == 200
    assert client.get(PASSWORD).url == VERIFY
    assert journeys.has_old_password(alice)


def test_s1_back_and_reload_show_the_same_step_and_repeat_nothing(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for _ in range(3):
        assert "Enter the code" in client.get(VERIFY).content.decode()
    assert client.get("/reset/").url == VERIFY
    assert len(journeys.messages("passcode")) == 1
    wizard.answer(client, wizard.last_code())
    assert client.get(VERIFY).url == PASSWORD
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD
    journeys.set_password(client)
    epoch = journeys.person(alice).credentials_epoch
    assert journeys.set_password(client, "four green horses").url == STATUS
    assert journeys.person(alice).credentials_epoch == epoch


def test_s1_the_second_gate_is_never_skipped(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    client = Browser()
    journeys.begin_answering(client)
    assert wizard.answer(client, wizard.last_code()).url == VERIFY
    page = client.get(VERIFY)
    assert "This is the second, by another way" in page.content.decode()
    assert {offer.method for offer in page.context["offers"]} == {"sms"}
    for form in forms(alice):
        client.post(VERIFY, form)
        assert journeys.set_password(client).url == VERIFY
    assert journeys.has_old_password(alice)


def test_two_gates_lead_to_a_new_password(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    client = Browser()
    journeys.begin_answering(client)
    wizard.answer(client, wizard.last_code())
    wizard.choose(client, "sms")
    journeys.type_number(client, "+49 151 12345647")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD
    assert journeys.set_password(client).url == STATUS
    assert journeys.person(alice).check_password(NEW)


def test_s1_a_second_address_of_the_same_kind_is_no_second_gate(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    second = make_authenticator(alice, alice_type(alice), "alice@second.example")
    client = Browser()
    journeys.begin_answering(client)
    wizard.answer(client, wizard.last_code())
    assert client.post(VERIFY, {"action": "choose", "offer": f"email:{second.pk}"}).url == VERIFY
    assert journeys.newest().challenge is None
    assert len(journeys.messages("passcode")) == 1


def alice_type(alice: User) -> Any:
    with scopes_disabled():
        first: Any = alice.authenticators.order_by("pk").first()
    return first.type


MALFORMED: list[Any] = [
    {},
    {"action": "answer"},
    {"action": "answer", "code": ""},
    {"action": "answer", "code": "      "},
    {"action": "answer", "code[]": "CODE"},
    {"action": "answer", "code[$ne]": "1"},
    {"action": "answer", "code": ["CODE", "CODE"]},
    {"action": "answer", "code": ["000000", "CODE"]},
    {"action": "answer", "code": "CODE0"},
    {"action": "answer", "code": "CODE\x00"},
    {"action": "answer", "code": "\x00"},
    {"action": "answer", "code": "9" * 10_000},
    {"action": "answer", "code": "UNICODE"},
    {"action": "answer", "code": "null"},
    {"action": "answer", "code": "true"},
    {"action": "answer", "code": "0"},
    {"action": "answer", "code": "1e5"},
    {"action": "answer", "code": "-CODE"},
]


def filled(form: dict[str, Any], code: str) -> dict[str, Any]:
    unicode_digits = "".join(chr(0x0660 + int(digit)) for digit in code)

    def fill(value: str) -> str:
        return value.replace("UNICODE", unicode_digits).replace("CODE", code)

    return {
        name: [fill(one) for one in value] if isinstance(value, list) else fill(value) for name, value in form.items()
    }


@pytest.mark.parametrize("form", MALFORMED, ids=str)
def test_s2_a_malformed_answer_is_wrong_and_counted(
    form: dict[str, Any], alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    page = client.post(VERIFY, filled(form, wizard.last_code()))
    assert (page.status_code, "That is not the right code" in page.content.decode()) == (200, True)
    assert journeys.failures(request) == 1
    after = journeys.reload(request)
    assert (after.state, after.passed, after.challenge_id) == (State.VERIFYING, [], request.challenge_id)


@pytest.mark.parametrize("body", ["", "null", "true", "0", "[]", '{"code": "CODE", "action": "answer"}'])
def test_s2_a_json_body_is_no_answer_and_counted(body: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    sent = body.replace("CODE", wizard.last_code())
    assert client.post(VERIFY, sent, content_type="application/json").status_code == 200
    assert (journeys.failures(request), journeys.reload(request).passed) == (1, [])


@pytest.mark.parametrize("field", ["answer_0", "answer_1", "answer_2"])
def test_s2_answers_to_questions_are_all_needed_and_each_once(
    field: str, alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods=["questions", "email"])
    journeys.give_questions(alice)
    for spoil in ("", " ", "\x00", ["x", "RIGHT"], ["RIGHT", "RIGHT"]):
        client = Browser()
        request = journeys.begin_answering(client, method="questions")
        assert request.challenge is not None
        right: dict[str, Any] = {
            f"answer_{number}": journeys.ANSWERS[question]
            for number, question in enumerate(request.challenge.questions)
        }
        bad = [right[field] if one == "RIGHT" else one for one in spoil] if isinstance(spoil, list) else spoil
        before = journeys.failures(request)
        if before >= 4:
            break
        page = client.post(VERIFY, {"action": "answer", **right, field: bad})
        assert page.status_code == 200
        assert journeys.failures(request) == before + 1


def test_s2_an_empty_or_malformed_body_of_any_page_is_no_step(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    for page in PAGES:
        assert client.post(page, b"\xff\xfe", content_type="application/octet-stream").status_code in (200, 302, 405)
    assert client.post("/reset/", b"x", content_type="multipart/form-data; boundary=").status_code in (200, 400)
    with scopes_disabled():
        assert not ResetRequest.objects.exists()


def test_a_lost_request_starts_over_with_kind_words(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    client.cookies["rekey"] = f"{request.pk}.other"
    answer = client.get(VERIFY)
    assert answer.url == "/reset/?lost=1"
    assert "We lost sight of where you were" in client.get(answer.url).content.decode()
    assert Browser().get(VERIFY).url == "/reset/"


@pytest.mark.parametrize(
    "cookie", ["", "x", "x.y", ".", "0.0", "00000000-0000-0000-0000-000000000000.", "é.é", "a" * 3000]
)
def test_s3_an_unreadable_cookie_is_no_cookie(cookie: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    client.cookies["rekey"] = cookie
    for page in (VERIFY, PASSWORD, STATUS):
        assert client.get(page).url.startswith("/reset/")


def test_every_transition_starts_at_a_running_state_and_ends_nowhere_else() -> None:
    assert set(TRANSITIONS) == RUNNING | {State.WRITING}
    reached = {state for states in TRANSITIONS.values() for state in states}
    assert reached | {State.VERIFYING} == set(State)
    assert not set(TRANSITIONS) & ENDS


def test_a_reset_at_the_organisations_own_address_stays_there(alice: User, open_policy: ResetPolicy) -> None:
    client, here = Browser(), "/t/acme"
    assert wizard.start(client, journeys.ALICE, prefix=here).url == here + VERIFY
    assert wizard.choose(client, "email", prefix=here).url == here + VERIFY
    assert "Acme" in client.get(here + VERIFY).content.decode()
    assert wizard.answer(client, wizard.last_code(), prefix=here).url == here + PASSWORD
    assert client.post(here + PASSWORD, {"password": NEW, "again": NEW}).url == here + STATUS
    assert f'href="{here}/signin/"' in client.get(here + STATUS).content.decode()
    assert Browser().get("/t/nowhere/reset/").status_code == 404


@pytest.mark.parametrize("again", ["", "three blue horse", "three blue horses "])
def test_a_password_is_typed_twice_the_same(again: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.prove(client)
    assert client.post(PASSWORD, {"password": NEW, "again": again}).status_code == 200
    assert journeys.has_old_password(alice)


def test_a_password_that_breaks_a_rule_is_told_which_and_may_be_tried_again(
    alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    request = journeys.prove(client)
    page = journeys.set_password(client, "password")
    assert 'class="unmet"' in page.content.decode()
    assert journeys.activities(request)[-1] == "reset.password_submitted"
    assert journeys.set_password(client, NEW).url == STATUS
    assert journeys.person(alice).check_password(NEW)
