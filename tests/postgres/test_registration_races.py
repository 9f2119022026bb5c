"""Races of people who are signed in, on a real PostgreSQL: many at once get no more than one after the other."""

from contextlib import suppress
from threading import Event

from django.db import transaction
from django.utils import timezone

from accounts import tenants
from accounts.audit import Activity
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, SecurityAnswer, User
from policy.models import ResetPolicy
from reset import own_challenges, proving, registering_at_once, registration
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.registration import MOST_OF, TooMany
from reset.requests import TooOften
from tests import wizard
from tests.postgres import test_races
from tests.postgres.test_deleting_races import wait_until_somebody_waits
from tests.postgres.test_races import at_once
from tests.reset import journeys
from tests.reset.journeys import ANSWERS
from tests.reset.registering import ADDRESS, HERE, HOME, NUMBER, begin, begin_proof, code_for, held, told, values
from tests.reset.signing_in import code_of, events, give_app

pytestmark = test_races.pytestmark
comparisons = test_races.comparisons
MAIL, PHONE = AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE


def send(challenge: OwnChallenge, code: str) -> Checked | None:
    """As a page would: find the challenge, then answer it. None: there is none, or it was one try too many."""
    with tenants.all_opened(), suppress(TooOften, TooMany):
        found = own_challenges.find(challenge.user, str(challenge.pk), challenge.purpose, timezone.now())
        if found is not None and challenge.purpose != Purpose.REGISTER:
            return proving.answer(found, [code], HERE, timezone.now())
        if found is not None:
            return registration.confirm(found, code, HERE, timezone.now())
    return None


def begun(user: User, method: Method, value: str = "") -> tuple[OwnChallenge, str]:
    with tenants.all_opened():
        challenge = begin(user, method, value)
        return challenge, code_for(challenge)


def test_o3_parallel_wrong_codes_while_registering_get_five_comparisons(
    alice: User, open_policy: ResetPolicy, comparisons: list[str]
) -> None:
    challenge, code = begun(alice, Method.EMAIL, ADDRESS)
    answers = at_once(100, lambda number: send(challenge, wizard.wrong_code(code)))
    assert (answers.count(Checked.WRONG), answers.count(None), len(comparisons)) == (5, 95, 5)
    assert send(challenge, code) is None
    with tenants.all_opened():
        assert values(alice, MAIL) == [HOME]


def test_o3_guesses_over_many_challenges_get_five_comparisons(
    alice: User, open_policy: ResetPolicy, comparisons: list[str]
) -> None:
    begins = [begun(alice, Method.EMAIL, f"{number}@private.example")[0] for number in range(4)]
    with tenants.all_opened():
        begins += [begin_proof(alice, held(alice, MAIL)[0]) for _ in range(4)]
    at_once(64, lambda number: send(begins[number % 8], "wrong!"))
    assert len(comparisons) == 5


def test_o4_one_code_registers_once_however_many_send_it(alice: User, open_policy: ResetPolicy) -> None:
    challenge, code = begun(alice, Method.EMAIL, ADDRESS)
    answers = at_once(50, lambda number: send(challenge, code))
    assert answers.count(Checked.RIGHT) == 1
    with tenants.all_opened():
        assert values(alice, MAIL) == [HOME, ADDRESS]
        assert len(events(Activity.METHOD_REGISTERED)) == 1
        assert len(told()) == 2


def test_o4_one_code_of_a_new_app_registers_one_app(alice: User, open_policy: ResetPolicy) -> None:
    challenge, code = begun(alice, Method.APP_CODE)
    assert at_once(50, lambda number: send(challenge, code)).count(Checked.RIGHT) == 1
    with tenants.all_opened():
        assert len(held(alice, AuthenticatorType.APP)) == 1


def test_o4_one_code_is_one_proof_however_many_send_it(alice: User) -> None:
    with tenants.all_opened():
        challenge = begin_proof(alice, held(alice, MAIL)[0])
    code = wizard.last_code()
    assert at_once(50, lambda number: send(challenge, code)).count(Checked.RIGHT) == 1
    assert len(events(Activity.PROOF_GIVEN)) == 1


def test_o4_one_code_of_the_app_is_one_proof_in_many_challenges(alice: User) -> None:
    app = give_app(alice)
    with tenants.all_opened():
        challenges = [begin_proof(alice, app) for _ in range(5)]
    code = code_of(app)
    assert at_once(5, lambda number: send(challenges[number], code)).count(Checked.RIGHT) == 1


def begin_at_sign_in(user: User, app: Authenticator) -> OwnChallenge:
    with tenants.all_opened():
        return proving.begin(user, Method.APP_CODE, app.pk, False, "en", HERE, timezone.now(), Purpose.SIGN_IN)


def test_o4_one_code_signs_in_once_however_many_send_it(alice: User) -> None:
    app = give_app(alice)
    challenge, code = begin_at_sign_in(alice, app), code_of(app)
    assert at_once(50, lambda number: send(challenge, code)).count(Checked.RIGHT) == 1
    assert len(events(Activity.SIGNED_IN)) == 1


def test_o4_one_code_of_the_app_at_sign_in_and_before_a_change_is_one_proof(alice: User) -> None:
    app = give_app(alice)
    challenges = [begin_at_sign_in(alice, app) for _ in range(3)]
    with tenants.all_opened():
        challenges += [begin_proof(alice, app) for _ in range(3)]
    code = code_of(app)
    assert at_once(6, lambda number: send(challenges[number], code)).count(Checked.RIGHT) == 1


def test_o3_parallel_guesses_at_sign_in_get_five_comparisons(alice: User, comparisons: list[str]) -> None:
    with tenants.all_opened():
        phone = held(alice, PHONE)[0]
        begins = [
            proving.begin(alice, Method.SMS, phone.pk, False, "en", HERE, timezone.now(), Purpose.SIGN_IN)
            for _ in range(4)
        ]
    at_once(64, lambda number: send(begins[number % 4], "wrong!"))
    assert len(comparisons) == 5


def test_an_address_begun_twice_is_registered_once(alice: User, open_policy: ResetPolicy) -> None:
    both = [begun(alice, Method.EMAIL, ADDRESS) for _ in range(2)]
    answers = at_once(2, lambda number: send(*both[number]))
    assert set(answers) <= {Checked.RIGHT, Checked.WRONG}
    with tenants.all_opened():
        assert values(alice, MAIL) == [HOME, ADDRESS]


def test_no_more_phones_are_held_however_many_are_confirmed_at_once(alice: User, open_policy: ResetPolicy) -> None:
    several = [begun(alice, Method.SMS, f"{NUMBER[:-1]}{number}") for number in range(4)]
    at_once(4, lambda number: send(*several[number]))
    with tenants.all_opened():
        assert len(held(alice, PHONE)) == MOST_OF[PHONE]


def test_answers_saved_twice_at_once_are_one_set_and_no_fault(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods=["questions"])

    def save(number: int) -> None:
        with tenants.all_opened():
            registering_at_once.save_questions(alice, ANSWERS, HERE, timezone.now())

    at_once(8, save)
    with tenants.all_opened():
        assert len(held(alice, AuthenticatorType.QUESTIONS)) == 1
        assert SecurityAnswer.objects.count() == len(ANSWERS)


def test_what_is_removed_by_two_is_removed_once(alice: User) -> None:
    with tenants.all_opened():
        (phone,) = held(alice, PHONE)

    def remove(number: int) -> bool:
        with tenants.all_opened():
            return registration.remove(alice, phone.pk, HERE, timezone.now())

    assert sum(at_once(16, remove)) == 1
    with tenants.all_opened():
        assert len(told()) == 2


def test_who_signs_in_locks_the_person_before_what_is_theirs(alice: User, open_policy: ResetPolicy) -> None:
    """Whoever registers, removes or deletes holds the person's row; a sign-in that waits for it must hold nothing yet."""
    app, locked = give_app(alice), Event()
    with tenants.all_opened():
        challenge = proving.begin(
            alice, Method.APP_CODE, app.pk, False, "en", HERE, timezone.now(), purpose=Purpose.SIGN_IN
        )

    def work(number: int) -> Checked | None:
        if number:
            assert locked.wait(30)
            return send(challenge, code_of(app))
        with tenants.all_opened(), transaction.atomic():
            assert registration.in_turn(alice)
            locked.set()
            wait_until_somebody_waits()
            assert Authenticator.objects.filter(pk=app.pk).select_for_update(nowait=True).exists()
            assert OwnChallenge.objects.filter(pk=challenge.pk).select_for_update(nowait=True).exists()
        return None

    assert at_once(2, work) == [None, Checked.RIGHT]
