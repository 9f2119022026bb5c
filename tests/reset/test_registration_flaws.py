"""Registering against the catalogue of flaws: guessing, codes of others, replays, and secrets in records."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Method
from accounts.models import AuditEvent, Authenticator, Tenant, User
from accounts.models.users import new_epoch
from accounts.secrets import Damaged
from policy.models import ResetPolicy
from reset import own_challenges, registering_at_once, registration, signin
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.requests import NotOffered, TooOften
from reset.signin import CodeResult
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.journeys import ANSWERS, PASSWORD, Browser
from tests.reset.registering import (
    ADDRESS,
    HERE,
    HOME,
    NUMBER,
    WORK,
    answer,
    begin,
    begin_proof,
    code_for,
    confirm,
    held,
    register,
    told,
    values,
)
from tests.reset.signing_in import code_of, events, reloaded

MAIL, APP = AuthenticatorType.EMAIL, AuthenticatorType.APP
A_DAY = timedelta(hours=24)


@pytest.fixture(autouse=True)
def _opened(acme: Tenant) -> Iterator[None]:
    with tenants.opened(acme):
        yield


def found(user: User, challenge: OwnChallenge, purpose: str = Purpose.REGISTER) -> OwnChallenge | None:
    return own_challenges.find(user, str(challenge.pk), purpose, timezone.now())


def other_than(challenge: OwnChallenge, code: str) -> str:
    """The code, unless chance made it this challenge's own."""
    own = code_for(challenge)
    return code if code != own else wizard.wrong_code(own)


def test_o1_the_sixth_code_of_a_day_is_not_compared(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    challenge = begin(alice, Method.EMAIL, ADDRESS, now=now)
    code = code_for(challenge)
    assert [confirm(challenge, wizard.wrong_code(code), now) for _ in range(5)] == [Checked.WRONG] * 5
    with pytest.raises(TooOften) as wait:
        confirm(challenge, code, now)
    assert wait.value.ends_at == now + A_DAY
    assert register(alice, Method.EMAIL, ADDRESS, now=now + A_DAY)


def test_o1_the_fifth_code_still_counts_when_it_is_right(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    code = code_for(challenge)
    for _ in range(4):
        confirm(challenge, wizard.wrong_code(code))
    assert confirm(challenge, code) == Checked.RIGHT


def test_o1_a_right_code_is_no_failure_and_forgives_none(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    for _ in range(4):
        confirm(challenge, "")
    assert confirm(challenge, code_for(challenge)) == Checked.RIGHT
    challenge = begin(alice, Method.SMS, NUMBER)
    assert confirm(challenge, "") == Checked.WRONG
    with pytest.raises(TooOften):
        confirm(challenge, code_for(challenge))


def test_o1_failures_of_proofs_and_of_registering_add_up(alice: User, open_policy: ResetPolicy) -> None:
    (row,) = held(alice, MAIL)
    for _ in range(3):
        answer(begin_proof(alice, row), "")
    challenge = begin(alice, Method.APP_CODE)
    for _ in range(2):
        confirm(challenge, "")
    with pytest.raises(TooOften):
        confirm(challenge, code_for(challenge))


def test_o1_one_persons_failures_are_nobody_elses(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    for _ in range(5):
        confirm(challenge, "")
    assert register(bob, Method.APP_CODE)


def test_o2_a_new_code_while_registering_does_not_reset_the_count(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    challenge = begin(alice, Method.EMAIL, ADDRESS, now=now)
    for _ in range(5):
        assert confirm(challenge, wizard.wrong_code(code_for(challenge)), now) == Checked.WRONG
        now += timedelta(seconds=30)
        registration.send_again(challenge, HERE, now)
    with pytest.raises(TooOften):
        confirm(challenge, code_for(challenge), now)
    assert values(alice, MAIL) == [HOME]


def test_o2_beginning_anew_does_not_reset_the_count(alice: User, open_policy: ResetPolicy) -> None:
    for _ in range(5):
        confirm(begin(alice, Method.EMAIL, ADDRESS), "")
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    with pytest.raises(TooOften):
        confirm(challenge, code_for(challenge))


@pytest.mark.parametrize("method", [Method.EMAIL, Method.APP_CODE])
def test_o4_a_code_registers_once(method: Method, alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, method, ADDRESS)
    code = code_for(challenge)
    assert confirm(challenge, code) == Checked.RIGHT
    assert confirm(challenge, code) == Checked.WRONG
    assert found(alice, challenge) is None
    assert len(events(Activity.METHOD_REGISTERED)) == 1


def test_o4_sending_again_does_not_revive_a_used_challenge(alice: User, open_policy: ResetPolicy) -> None:
    """A second tab read the challenge just before the first one used it up."""
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    stale = found(alice, challenge)
    assert stale is not None
    confirm(challenge, code_for(challenge))
    with suppress(NotOffered):
        registration.send_again(stale, HERE, timezone.now() + timedelta(minutes=1))
    assert found(alice, challenge) is None


def test_o7_renewed_credentials_end_what_was_begun(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    journeys.change(alice, credentials_epoch=new_epoch())
    assert found(reloaded(alice), challenge) is None
    assert confirm(challenge, code_for(challenge)) == Checked.WRONG
    assert values(alice, MAIL) == [HOME]
    assert told() == []


def test_o10_the_code_that_registered_an_app_opens_no_console(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    app = register(alice, Method.APP_CODE, now=now)
    assert signin.enter_console(alice, code_of(app, now=now), HERE, now) == CodeResult.WRONG
    later = now + timedelta(seconds=30)
    assert signin.enter_console(alice, code_of(app, now=later), HERE, later) == CodeResult.RIGHT


def test_o10_the_code_that_registered_an_app_proves_nothing(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    app = register(alice, Method.APP_CODE, now=now)
    challenge, later = begin_proof(alice, app, now), now + timedelta(seconds=30)
    assert answer(challenge, code_of(app, now=now), now=now) == Checked.WRONG
    assert answer(challenge, code_of(app, now=later), now=later) == Checked.RIGHT


def test_o10_the_code_that_registered_an_app_passes_no_reset(alice: User, open_policy: ResetPolicy) -> None:
    now = timezone.now()
    code = code_of(register(alice, Method.APP_CODE, now=now), now=now)
    client = Browser()
    journeys.begin_answering(client, method="app_code")
    assert wizard.answer(client, code).status_code == 200
    assert journeys.newest().passed == []


def test_o10_every_app_gets_a_key_of_its_own(alice: User, open_policy: ResetPolicy) -> None:
    keys = {registration.value_of(begin(alice, Method.APP_CODE, "JBSWY3DPEHPK3PXP")) for _ in range(3)}
    assert len(keys - {"JBSWY3DPEHPK3PXP"}) == 3


def test_s4_a_challenge_is_found_by_its_own_person_only(
    alice: User, bob: User, globex: Tenant, open_policy: ResetPolicy
) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    stranger = make_user(globex, "alice@globex.example")
    assert found(alice, challenge) == challenge
    assert found(bob, challenge) is None
    with tenants.opened(globex):
        assert found(stranger, challenge) is None


def test_s4_a_code_of_somebody_else_registers_nothing(alice: User, bob: User, open_policy: ResetPolicy) -> None:
    code = code_for(begin(alice, Method.EMAIL, ADDRESS))
    his = begin(bob, Method.EMAIL, ADDRESS)
    assert confirm(his, other_than(his, code)) == Checked.WRONG
    assert confirm(his, code_for(his)) == Checked.RIGHT


def test_s4_a_sealed_value_moved_to_another_challenge_does_not_open(
    alice: User, bob: User, open_policy: ResetPolicy
) -> None:
    hers, his = begin(alice, Method.EMAIL, ADDRESS), begin(bob, Method.EMAIL, "bob@private.example")
    his.sealed = hers.sealed
    with pytest.raises(Damaged):
        registration.value_of(his)


def test_s5_a_code_of_one_challenge_is_wrong_in_another(alice: User, open_policy: ResetPolicy) -> None:
    first = begin(alice, Method.EMAIL, ADDRESS)
    code = code_for(first)
    second = begin(alice, Method.EMAIL, "mallory@elsewhere.example")
    assert confirm(second, other_than(second, code)) == Checked.WRONG
    assert confirm(first, code) == Checked.RIGHT
    assert values(alice, MAIL) == [HOME, ADDRESS]


def test_s5_a_code_by_mail_registers_no_phone(alice: User, open_policy: ResetPolicy) -> None:
    code = code_for(begin(alice, Method.EMAIL, ADDRESS))
    phone = begin(alice, Method.SMS, NUMBER)
    assert confirm(phone, other_than(phone, code)) == Checked.WRONG


def test_s5_a_code_of_a_reset_registers_nothing(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    code = wizard.last_code()
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    assert confirm(challenge, other_than(challenge, code)) == Checked.WRONG
    assert wizard.answer(client, code).url == PASSWORD


@pytest.mark.parametrize("purpose", [Purpose.REGISTER, Purpose.PROVE])
def test_s5_a_code_of_ones_own_challenge_passes_no_reset(purpose: str, alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    of_reset = wizard.last_code()
    if purpose == Purpose.PROVE:
        begin_proof(alice, held(alice, MAIL)[0])
    else:
        begin(alice, Method.EMAIL, ADDRESS)
    code = wizard.last_code()
    assert code == of_reset or wizard.answer(client, code).status_code == 200
    assert journeys.newest().passed == []


def test_s5_a_proof_is_no_registration_and_the_other_way_round(alice: User, open_policy: ResetPolicy) -> None:
    proof, new = begin_proof(alice, held(alice, MAIL)[0]), begin(alice, Method.EMAIL, ADDRESS)
    assert found(alice, proof, Purpose.PROVE) == proof
    assert found(alice, proof, Purpose.REGISTER) is None
    assert found(alice, new, Purpose.PROVE) is None


def test_s5_a_code_of_a_proof_registers_nothing(alice: User, open_policy: ResetPolicy) -> None:
    begin_proof(alice, held(alice, MAIL)[0])
    code = wizard.last_code()
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    assert confirm(challenge, other_than(challenge, code)) == Checked.WRONG


def test_s7_the_addresses_held_before_hear_of_every_change_and_the_new_one_of_none(
    alice: User, open_policy: ResetPolicy
) -> None:
    """A thief of a session adds an address of his own and removes the owner's: the owner reads of both."""
    (own,) = held(alice, MAIL)
    register(alice, Method.EMAIL, "thief@elsewhere.example")
    assert told() == [WORK, HOME]
    registration.remove(alice, own.pk, HERE, timezone.now())
    assert told() == sorted([WORK, HOME, WORK, HOME, "thief@elsewhere.example"])


def test_s7_the_new_address_is_not_told_of_itself_whatever_its_case(alice: User, open_policy: ResetPolicy) -> None:
    alice.mail = ADDRESS.upper()
    register(alice, Method.EMAIL, ADDRESS)
    assert told() == [HOME]


def test_e1_no_event_carries_a_value(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["email", "sms", "app_code", "questions"])
    secrets = [ADDRESS, NUMBER, HOME, *ANSWERS.values()]
    for method, value in ((Method.EMAIL, ADDRESS), (Method.SMS, NUMBER), (Method.APP_CODE, "")):
        challenge = begin(alice, method, value)
        secrets += [code_for(challenge), wizard.wrong_code(code_for(challenge)), registration.value_of(challenge)]
        confirm(challenge, wizard.wrong_code(code_for(challenge)))
        confirm(challenge, code_for(challenge))
    registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())
    registration.rename(alice, held(alice, MAIL)[0].pk, ADDRESS, HERE)
    registration.remove(alice, held(alice, MAIL)[0].pk, HERE, timezone.now())
    written = json.dumps([[event.details, event.reason, event.target_name] for event in AuditEvent.objects.all()])
    assert [value for value in secrets if value in written] == []
    assert {event.activity for event in AuditEvent.objects.all()} == {
        Activity.METHOD_STARTED,
        Activity.METHOD_REFUSED,
        Activity.METHOD_REGISTERED,
        Activity.METHOD_RENAMED,
        Activity.METHOD_REMOVED,
    }


@pytest.mark.parametrize(("method", "value"), [(Method.EMAIL, ADDRESS), (Method.SMS, NUMBER), (Method.APP_CODE, "")])
def test_e1_nothing_at_rest_shows_a_value(method: Method, value: str, alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, method, value)
    value, code = registration.value_of(challenge), code_for(challenge)
    row = OwnChallenge.objects.get(pk=challenge.pk)
    assert value.encode() not in bytes(row.sealed)
    for shown in (repr(row), str(row), row.digest, row.label, json.dumps(row.questions)):
        assert value not in shown
    confirm(challenge, code)
    for message in journeys.messages():
        assert value.encode() not in bytes(message.sealed)
        assert value not in str(vars(message))
    (registered,) = Authenticator.objects.filter(source="user", digest__gt="").order_by("-id")[:1]
    assert value not in repr(registered)


def test_e1_a_used_challenge_keeps_no_value(alice: User, open_policy: ResetPolicy) -> None:
    challenge = begin(alice, Method.EMAIL, ADDRESS)
    confirm(challenge, code_for(challenge))
    assert bytes(OwnChallenge.objects.get(pk=challenge.pk).sealed) == b""
