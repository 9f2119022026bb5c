"""Recovery codes: shown once, good once each, of the newest sheet only; and a reset with one."""

import re
from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts.methods import AuthenticatorType
from accounts.models import Authenticator, RecoveryCode, User
from policy.models import ResetPolicy
from reset import recovery_codes
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import Browser
from tests.reset.signing_in import PASSWORD, post_sign_in
from tests.reset.test_security_info import INFO, prove, text_of

ADD = f"{INFO}add/recovery_code/"
WRITTEN = re.compile(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5})</code>")


@pytest.fixture
def open_policy(open_policy: ResetPolicy) -> ResetPolicy:
    return journeys.policy_with(open_policy, methods=["email", "recovery_code"])


@pytest.fixture
def signed_in(client: Any, alice: User, open_policy: ResetPolicy) -> Any:
    post_sign_in(client, "alice@acme.example", PASSWORD)
    client.post(f"{INFO}setup/", {"action": "confirm"})
    prove(client)
    return client


def make_codes(client: Any) -> list[str]:
    return WRITTEN.findall(text_of(client.post(ADD)))


def sheet_of(user: User) -> Authenticator:
    with scopes_disabled():
        return Authenticator.objects.get(user=user, type=AuthenticatorType.RECOVERY_CODES)


def codes_left(user: User) -> int:
    with scopes_disabled():
        return recovery_codes.left(sheet_of(user))


def reset_with(code: str, client: Browser | None = None) -> Any:
    client = client or Browser()
    journeys.begin_answering(client, method="recovery_code")
    return wizard.answer(client, code)


def test_ten_codes_are_shown_once_and_kept_only_as_keyed_digests(signed_in: Any, alice: User) -> None:
    assert "Show me ten codes" in text_of(signed_in.get(ADD))
    codes = make_codes(signed_in)
    assert len(set(codes)) == recovery_codes.HOW_MANY
    assert not WRITTEN.search(text_of(signed_in.get(ADD)))
    assert "10 codes left" in text_of(signed_in.get(INFO))
    with scopes_disabled():
        kept = " ".join(RecoveryCode.objects.values_list("digest", flat=True))
    assert not any(code.replace("-", "") in kept for code in codes)
    assert len(journeys.messages("own_method_was_changed")) == 2


def test_a_code_has_at_least_64_bits() -> None:
    letters = recovery_codes.GROUPS * recovery_codes.GROUP_LENGTH
    assert letters * 5 >= 64
    assert len(set(recovery_codes.ALPHABET)) == 32


def test_a_reset_with_a_recovery_code(signed_in: Any, alice: User) -> None:
    client = Browser()
    assert reset_with(make_codes(signed_in)[3], client).url == "/reset/password/"
    assert journeys.set_password(client).url == "/reset/status/"
    assert not journeys.has_old_password(alice)


@pytest.mark.parametrize(
    "change", [str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("0", "o")]
)
def test_it_may_be_typed_as_people_do(signed_in: Any, change: Any) -> None:
    assert reset_with(change(make_codes(signed_in)[0])).url == "/reset/password/"


@pytest.mark.parametrize("typed", ["", "AAAAA-AAAAA-AAAAA", "1", "Ａ" * 15, "é" * 15, "'" * 15])
def test_anything_else_is_wrong_and_counted(signed_in: Any, typed: str) -> None:
    make_codes(signed_in)
    page = reset_with(typed)
    assert (page.status_code, "4 tries left" in text_of(page)) == (200, True)


def test_o4_a_code_opens_one_reset_only(signed_in: Any, alice: User) -> None:
    codes = make_codes(signed_in)
    reset_with(codes[0])
    assert reset_with(codes[0]).status_code == 200
    assert codes_left(alice) == 9
    assert reset_with(codes[1]).status_code == 302


def test_codes_of_an_earlier_sheet_open_nothing(signed_in: Any) -> None:
    old = make_codes(signed_in)
    assert "You have a sheet already." in text_of(signed_in.get(ADD))
    new = make_codes(signed_in)
    assert reset_with(old[0]).status_code == 200
    assert reset_with(new[0]).status_code == 302


def test_s4_another_persons_code_opens_nothing(signed_in: Any, bob: User, client: Any) -> None:
    codes = make_codes(signed_in)
    other = Browser()
    post_sign_in(other, "bob@acme.example", "old-password-2")
    other.post(f"{INFO}setup/", {"action": "confirm"})
    prove(other)
    make_codes(other)
    visitor = Browser()
    journeys.begin_answering(visitor, name="bob@acme.example", method="recovery_code")
    assert wizard.answer(visitor, codes[0]).status_code == 200


def test_a_sheet_that_is_used_up_is_no_way_any_more(signed_in: Any, alice: User) -> None:
    make_codes(signed_in)
    with scopes_disabled():
        for code in RecoveryCode.objects.all():
            assert recovery_codes.use_up(code.pk)
    client = Browser()
    journeys.begin(client)
    methods = [offer.method for offer in client.get("/reset/verify/").context["offers"]]
    assert methods == ["email"]


def test_strangers_seem_to_hold_at_most_one_sheet_and_run_the_same_statements(
    signed_in: Any, alice: User, open_policy: ResetPolicy
) -> None:
    make_codes(signed_in)
    journeys.policy_with(open_policy, methods=["recovery_code"])
    shapes = []
    for name in ("alice@acme.example", *(f"nobody{number}@acme.example" for number in range(30))):
        client = Browser()
        journeys.begin(client, name)
        if not any(offer.method == "recovery_code" for offer in client.get("/reset/verify/").context["offers"]):
            continue  # one stranger in eight seems to be an administrator, who has none
        wizard.choose(client, "recovery_code")
        with journeys.statements() as seen:
            assert wizard.answer(client, "AAAAA-AAAAA-AAAAA").status_code == 200
        shapes.append([journeys.shape(sql) for sql in seen])
        if len(shapes) == 2:
            break
    assert shapes[0] == shapes[1]


def test_it_proves_before_a_change_too(signed_in: Any, alice: User) -> None:
    code = make_codes(signed_in)[0]
    sheet = sheet_of(alice)
    place = signed_in.post(f"{INFO}prove/", {"offer": f"recovery_code:{sheet.pk}"}).url
    assert "from the sheet that you printed last" in text_of(signed_in.get(place))
    assert "no code of your newest sheet" in text_of(signed_in.post(place, {"code": "AAAAA-AAAAA-AAAAA"}))
    assert signed_in.post(place, {"code": code}).url == INFO
    assert codes_left(alice) == 9


def test_where_the_policy_does_not_allow_them_none_are_made(
    signed_in: Any, alice: User, open_policy: ResetPolicy
) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    page = signed_in.post(ADD)
    assert "doesn't allow this any more" in text_of(page)
    with scopes_disabled():
        assert not RecoveryCode.objects.exists()
