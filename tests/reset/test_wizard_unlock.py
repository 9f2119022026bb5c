"""*I know it, but I'm locked out*: the same gates clear the sign-in lockout, and the password stays."""

import pytest
from django_scopes import scopes_disabled

from accounts.models import AuditEvent, User
from policy import lockout
from policy.models import ResetPolicy
from reset.models import State
from reset.password_proof import account_key_of
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import NEW, OLD, PASSWORD, STATUS, VERIFY, Browser
from tests.reset.signing_in import is_signed_in, post_sign_in


@pytest.fixture
def locked(alice: User) -> User:
    for number in range(12):
        lockout.count_try(account_key_of(alice), f"wrong-{number}")
    assert lockout.find_lock(account_key_of(alice))
    return alice


def test_unlocking_clears_the_lock_and_keeps_the_password(locked: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client, trouble="locked")
    epoch = journeys.person(locked).credentials_epoch
    assert wizard.answer(client, wizard.last_code()).url == STATUS
    page = client.get(STATUS).content.decode()
    assert "Your account is unlocked" in page
    assert "Your password is the same as before" in page
    after = journeys.person(locked)
    assert (after.check_password(OLD), after.credentials_epoch) == (True, epoch)
    assert lockout.find_lock(account_key_of(after)) is None
    browser = Browser()
    post_sign_in(browser, journeys.ALICE, OLD)
    assert is_signed_in(browser)
    assert journeys.activities(request)[-1] == "unlock.completed"


def test_the_note_about_an_unlock_names_what_proved_it(locked: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client, trouble="locked")
    wizard.answer(client, wizard.last_code())
    notes = journeys.messages("account_was_unlocked")
    assert {wizard.contents(note)["recipient"] for note in notes} == {"alice@home.example", "alice@acme.example"}
    assert {wizard.contents(note)["context"]["kinds"] for note in notes} == {"mail"}
    with scopes_disabled():
        assert AuditEvent.objects.get(activity="unlock.completed").details == {"gates": ["mail"]}


def test_unlocking_asks_for_two_gates_where_a_reset_does(locked: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    client = Browser()
    journeys.begin_answering(client, trouble="locked")
    assert wizard.answer(client, wizard.last_code()).url == VERIFY
    assert lockout.find_lock(account_key_of(locked)) is not None
    wizard.choose(client, "sms")
    journeys.type_number(client, "+4915112345647")
    assert wizard.answer(client, wizard.last_code()).url == STATUS
    assert lockout.find_lock(account_key_of(locked)) is None
    assert {wizard.contents(note)["context"]["kinds"] for note in journeys.messages("account_was_unlocked")} == {
        "mail,phone"
    }


def test_an_unlock_never_opens_the_password_page(locked: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client, trouble="locked")
    assert client.get(PASSWORD).url == VERIFY
    wizard.answer(client, wizard.last_code())
    assert journeys.set_password(client, NEW).url == STATUS
    assert journeys.person(locked).check_password(OLD)


def test_where_the_policy_allows_no_unlock_the_person_is_a_stranger(locked: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, unlock_without_reset=False)
    assert journeys.begin(Browser(), trouble="locked").user_id is None
    assert journeys.begin(Browser(), trouble="forgot").user_id == locked.pk


def test_an_unlock_clears_the_failures_of_the_way_there(locked: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    request = journeys.begin_answering(client, trouble="locked")
    for _ in range(4):
        wizard.answer(client, "wrong")
    wizard.answer(client, wizard.last_code())
    assert journeys.reload(request).state == State.COMPLETED
    assert journeys.failures(request) == 0


def test_a_reset_clears_the_sign_in_lockout_too(locked: User, open_policy: ResetPolicy) -> None:
    journeys.finish(Browser())
    browser = Browser()
    post_sign_in(browser, journeys.ALICE, NEW)
    assert is_signed_in(browser)
