"""O1 to O11: guessing, repeating and racing codes and counters. Real races run in tests/postgres."""

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import secrets
from accounts.methods import Kind, Method
from accounts.models import Authenticator, User
from accounts.visitor import Visitor
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import attempts, buckets, flow
from reset.methods import METHODS
from reset.models import Challenge, State
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import NEW, PASSWORD, STATUS, VERIFY, Browser
from tests.reset.signing_in import code_of, give_app, make_administrator, post_sign_in

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("accounts", "config", "notifications", "policy", "reset", "writeback")
HERE = Visitor("192.0.2.7", "test")


def test_o1_after_five_wrong_codes_the_right_one_fails(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    code = wizard.last_code()
    for left in (4, 3, 2, 1):
        assert wizard.answer(client, wizard.wrong_code(code)).context["tries_left"] == left
    assert wizard.answer(client, wizard.wrong_code(code)).url == STATUS
    assert journeys.reload(request).state == State.BLOCKED
    assert "Too many tries" in client.get(STATUS).content.decode()
    assert wizard.answer(client, code).url == STATUS
    assert "reset.blocked" in journeys.activities(request)


def test_o1_the_fifth_try_still_counts_when_it_is_right(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    for _ in range(4):
        wizard.answer(client, "wrong")
    assert wizard.answer(client, wizard.last_code()).url == PASSWORD


def test_o1_failures_add_up_over_methods_and_requests(alice: User, open_policy: ResetPolicy) -> None:
    give_app(alice)
    for method in ("email", "app_code", "email", "app_code"):
        client = Browser()
        journeys.begin_answering(client, method=method)
        wizard.answer(client, "wrong")
    early, client = Browser(), Browser()
    journeys.begin_answering(early)
    code = wizard.last_code()
    journeys.begin_answering(client)
    assert wizard.answer(client, "wrong").url == STATUS
    page = wizard.answer(early, code)
    assert "That was too often. Please try again in 24 hours." in page.content.decode()
    assert early.get(PASSWORD).url == VERIFY
    assert journeys.begin(Browser()).user_id is None, "the next request is a decoy"


def test_o2_sending_again_does_not_give_tries_back(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    for _ in range(4):
        wizard.answer(client, "wrong")
    journeys.change(Challenge(pk=request.challenge_id), sent_at=timezone.now() - timedelta(minutes=1))
    assert client.post(VERIFY, {"action": "again"}).url == VERIFY
    assert len(journeys.messages("passcode")) == 2
    assert wizard.answer(client, "wrong").url == STATUS


def test_o2_a_new_start_does_not_give_tries_back(alice: User, open_policy: ResetPolicy) -> None:
    for _ in range(2):
        client = Browser()
        journeys.begin_answering(client)
        wizard.answer(client, "wrong")
        wizard.answer(client, "wrong")
        client.post("/reset/cancel/")
    assert journeys.failures(journeys.newest()) == 4


def test_sending_again_has_a_cool_down_and_kills_the_old_code(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    old = wizard.last_code()
    page = client.post(VERIFY, {"action": "again"})
    assert "Please wait" in page.content.decode()
    assert len(journeys.messages("passcode")) == 1
    assert 'data-wait="' in client.get(VERIFY).content.decode()
    journeys.change(Challenge(pk=request.challenge_id), sent_at=timezone.now() - METHODS[Method.EMAIL].again_after)
    client.post(VERIFY, {"action": "again"})
    new = wizard.last_code()
    assert old == new or wizard.answer(client, old).status_code == 200
    assert wizard.answer(client, new).url == PASSWORD


@pytest.mark.parametrize(
    "name", ["ALICE@acme.example", " alice@acme.example ", "alice@ACME.EXAMPLE", "Alice@Acme.Example"]
)
def test_o5_no_way_of_typing_a_name_opens_a_bucket_of_its_own(name: str, alice: User, open_policy: ResetPolicy) -> None:
    journeys.use_up_failures(alice)
    client = Browser(REMOTE_ADDR="198.51.100.9")
    assert journeys.begin(client, name).user_id is None


def test_o5_neither_forged_headers_nor_other_addresses_move_the_accounts_limit(
    alice: User, open_policy: ResetPolicy
) -> None:
    for number in range(5):
        client = Browser(REMOTE_ADDR=f"198.51.100.{number}", headers={"X-Forwarded-For": f"203.0.113.{number}"})
        journeys.begin_answering(client)
        wizard.answer(client, "wrong")
    assert journeys.begin(Browser(REMOTE_ADDR="192.0.2.1")).user_id is None


def test_o5_a_name_typed_by_mail_is_the_same_account(alice: User, acme: Any, open_policy: ResetPolicy) -> None:
    journeys.change(acme, find_by_mail=True)
    journeys.change(alice, mail="a.smith@acme.example", mail_key="a.smith@acme.example")
    journeys.use_up_failures(alice)
    assert journeys.begin(Browser(), "a.smith@acme.example").user_id is None


def test_o6_codes_are_uniform() -> None:
    """Chi-square over every digit of 10,000 codes: 9 degrees of freedom, below 40 but for one run in 100,000."""
    codes = [secrets.one_time_passcode(6) for _ in range(10_000)]
    assert {len(code) for code in codes} == {6}
    assert len(set(codes)) > 9_800
    for place in range(6):
        counts = [sum(code[place] == str(digit) for code in codes) for digit in range(10)]
        assert sum((count - 1000) ** 2 / 1000 for count in counts) < 40


def test_o6_tokens_have_256_bits_and_never_repeat() -> None:
    tokens = {secrets.random_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {43}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return found


def test_o6_nothing_here_imports_the_predictable_random_module() -> None:
    files = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    assert len(files) > 50
    guilty = [str(path) for path in files if {"random", "numpy.random"} & imports_of(path)]
    assert guilty == []


def test_o7_a_completed_reset_ends_every_other_request_and_code(alice: User, open_policy: ResetPolicy) -> None:
    others = [Browser() for _ in range(2)]
    codes = []
    for other in others:
        journeys.begin_answering(other)
        codes.append(wizard.last_code())
    verified = Browser()
    journeys.prove(verified)
    journeys.finish(Browser())
    for other, code in zip(others, codes, strict=True):
        assert wizard.answer(other, code).url == STATUS
    assert journeys.set_password(verified, "chosen by mallory").url == STATUS
    assert journeys.person(alice).check_password(NEW)


def test_o7_a_code_dies_when_another_way_is_chosen(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    code = wizard.last_code()
    client.post(VERIFY, {"action": "another"})
    assert wizard.answer(client, code).url == VERIFY
    assert client.get(PASSWORD).url == VERIFY


def test_o7_a_code_dies_after_five_minutes_and_a_request_after_fifteen(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client)
    assert request.challenge is not None
    assert request.challenge.expires_at - request.created_at < timedelta(minutes=5, seconds=5)
    assert request.expires_at - request.created_at < timedelta(minutes=15, seconds=5)
    code = wizard.last_code()
    later = timezone.now() + timedelta(minutes=5, seconds=1)
    assert flow.answer(request, [code], HERE, later)[0] == flow.Answered.TOO_LATE
    over = flow.resume(
        str(request.pk), client.cookies["rekey"].value.split(".")[1], timezone.now() + timedelta(minutes=16)
    )
    assert over is not None
    assert over.state == State.EXPIRED
    journeys.change(request, expires_at=timezone.now() - timedelta(seconds=1))
    assert "The time is over" in client.get(STATUS).content.decode()
    assert wizard.answer(client, code).url == STATUS


def test_o8_a_code_is_kept_as_a_digest_bound_to_its_request(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    first = journeys.begin_answering(client)
    code = wizard.last_code()
    assert first.challenge is not None
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert not any(
                code == str(value) or f'"{code}"' in str(value) for row in cursor.fetchall() for value in row
            )
    assert secrets.digest_matches(first.challenge.digest, "passcode", f"{first.pk}|email|{code}")
    assert not secrets.digest_matches(first.challenge.digest, "passcode", code)


@pytest.mark.parametrize("spoil", ["{0}0", "0{0}", "{0} 1", "{1}", "{0}\t0", "+{0}", "{0}.0"])
def test_o9_a_code_with_anything_more_or_less_is_wrong(spoil: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    code = wizard.last_code()
    assert wizard.answer(client, spoil.format(code, code[:5])).status_code == 200


def test_o9_a_pasted_code_may_have_blanks_around_it(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    assert wizard.answer(client, f" {wizard.last_code()} ").url == PASSWORD


def test_o9_codes_answers_and_secrets_are_never_compared_with_equals() -> None:
    """Static: where a secret is checked, `==` and `!=` stand only between things that are none."""
    allowed = {"answers", "answer", "given", "typed"}
    for name in (
        "reset/methods/codes.py",
        "reset/methods/app_code.py",
        "reset/captcha.py",
        "accounts/totp.py",
        "accounts/secrets.py",
    ):
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                sides = {side.id for side in (node.left, *node.comparators) if isinstance(side, ast.Name)}
                assert not sides & allowed, (name, ast.unparse(node))


def test_o10_a_code_of_the_app_works_once_over_requests_and_the_console(
    alice: User, open_policy: ResetPolicy, settings: Any
) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    make_administrator(alice)
    app = give_app(alice)
    first = Browser()
    journeys.begin_answering(first, method="app_code")
    code = code_of(app)
    assert wizard.answer(first, code).url == VERIFY
    assert journeys.newest().passed
    second = Browser()
    journeys.begin_answering(second, method="app_code")
    assert wizard.answer(second, code).status_code == 200
    console = Browser()
    post_sign_in(console, journeys.ALICE, journeys.OLD)
    console.post("/signin/code/", {"code": code})
    assert console.get("/admin/").status_code == 302


def test_o10_a_code_used_for_the_console_proves_nothing_in_a_reset(
    alice: User, open_policy: ResetPolicy, settings: Any
) -> None:
    settings.CONSOLE_NEEDS_APP_CODE = True
    make_administrator(alice)
    app = give_app(alice)
    code = code_of(app)
    console = Browser()
    post_sign_in(console, journeys.ALICE, journeys.OLD)
    console.post("/signin/code/", {"code": code})
    with scopes_disabled():
        assert Authenticator.objects.get(pk=app.pk).last_step > 0
    client = Browser()
    journeys.begin_answering(client, method="app_code")
    assert wizard.answer(client, code).status_code == 200
    assert journeys.newest().passed == []


@pytest.mark.parametrize(
    "form",
    [
        {"action": "choose", "offer": "email:1"},
        {"action": "again"},
        {"action": "destination", "number": "+4915112345647"},
        {"action": "answer", "code": "000000"},
    ],
    ids=lambda form: str(form["action"]),
)
def test_o11_nothing_is_sent_before_the_first_page(form: dict[str, str], alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    assert client.post(VERIFY, form).url == "/reset/"
    assert journeys.messages() == []


def test_o11_sending_again_needs_a_code_that_was_sent(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin(client)
    assert client.post(VERIFY, {"action": "again"}).url == VERIFY
    wizard.choose(client, "sms")
    assert client.post(VERIFY, {"action": "again"}).url == VERIFY
    assert journeys.messages() == []


def test_attempts_count_before_and_are_given_back_after(alice: User, open_policy: ResetPolicy) -> None:
    request, now = journeys.begin_answering(Browser()), timezone.now()
    challenge = Challenge(kind=Kind.MAIL)
    attempts.count(request, HERE, now)
    assert journeys.failures(request) == 1
    attempts.give_back(request, challenge, HERE, now)
    assert journeys.failures(request) == 0
    attempts.forget(request)
    attempts.give_back(request, challenge, HERE, now)
    assert journeys.failures(request) == 0, "nothing is given that was not taken"


def test_numbers_are_counted_right_or_wrong_in_a_counter_of_their_own(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin(client)
    for _ in range(throttle.NUMBERS_OF_ACCOUNT.events):
        wizard.choose(client, "sms")
        journeys.type_number(client, "+4915199999999")
        client.post(VERIFY, {"action": "another"})
    wizard.choose(client, "sms")
    page = journeys.type_number(client, "+4915112345647")
    assert "That was a little often" in page.content.decode()
    assert journeys.failures(request) == 0
    counted = throttle.look(Use(throttle.NUMBERS_OF_ACCOUNT, buckets.of_request(request)))[0]
    assert counted.count == throttle.NUMBERS_OF_ACCOUNT.events + 1


def test_an_answer_is_refused_where_none_is_due(alice: User, open_policy: ResetPolicy) -> None:
    request = journeys.begin(Browser())
    assert flow.answer(request, ["000000"], HERE)[0] == flow.Answered.STOPPED
    assert journeys.failures(request) == 0
