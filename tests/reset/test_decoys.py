"""Decoys: stable, shaped by the policy, plausible, and different from name to name."""

from collections import Counter
from typing import Any

import pytest

from accounts.methods import KIND_OF, METHODS_OF, AuthenticatorType, Method
from accounts.models import Tenant, User
from policy.decisions import ADMINISTRATOR_METHODS, PolicyFacts
from policy.models import ResetPolicy
from reset import decoys, questions
from reset.models import State
from reset.snapshot import Snapshot
from tests import wizard
from tests.reset import journeys
from tests.reset.journeys import STATUS, VERIFY, Browser

NAMES = [f"name{number}@acme.example" for number in range(400)]


def policy(**fields: Any) -> PolicyFacts:
    plain: dict[str, Any] = {
        "id": 1,
        "name": "P",
        "audience": "everybody",
        "group_ids": frozenset(),
        "methods_required": 1,
    }
    rest = {"unlock_without_reset": True, "notify_users": True, "notify_administrators": True}
    return PolicyFacts(**{**plain, **rest, "methods": (Method.EMAIL, Method.SMS), **fields})


@pytest.mark.parametrize("typed", ["nobody@acme.example", " Nobody@ACME.example "])
def test_a_decoy_is_the_same_every_time_however_the_name_is_typed(typed: str) -> None:
    assert decoys.snapshot(1, typed, [policy()]) == decoys.snapshot(1, "nobody@acme.example", [policy()])


def test_decoys_differ_between_names_tenants_and_installations(settings: Any) -> None:
    offers = {decoys.snapshot(1, name, [policy()])[0].offers for name in NAMES}
    assert len(offers) == len(NAMES)
    here = decoys.snapshot(1, NAMES[0], [policy()])
    assert decoys.snapshot(2, NAMES[0], [policy()]) != here
    key = settings.DIGEST_KEYS[0]
    settings.DIGEST_KEYS = (type(key)("other", bytes(reversed(key.value))),)
    assert decoys.snapshot(1, NAMES[0], [policy()]) != here


@pytest.mark.parametrize("required", [1, 2])
def test_a_decoy_holds_what_the_policy_allows_and_enough_of_it(required: int) -> None:
    allowed = (Method.EMAIL, Method.SMS, Method.QUESTIONS)
    for name in NAMES:
        snapshot, gates = decoys.snapshot(1, name, [policy(methods=allowed, methods_required=required)])
        methods = {offer.method for offer in snapshot.offers}
        assert methods <= set(ADMINISTRATOR_METHODS if snapshot.as_administrator else allowed)
        assert len({KIND_OF[method] for method in methods}) >= gates
        assert gates == (2 if snapshot.as_administrator else required)


def test_some_decoys_look_like_administrators_and_some_have_two_addresses() -> None:
    snapshots = [decoys.snapshot(1, name, [policy()])[0] for name in NAMES]
    administrators = sum(snapshot.as_administrator for snapshot in snapshots)
    doubled = sum(max(Counter(offer.method for offer in snapshot.offers).values()) == 2 for snapshot in snapshots)
    assert 15 < administrators < 120
    assert 15 < doubled < 160


def test_the_offers_of_one_decoy_are_all_different() -> None:
    for name in NAMES:
        offers = decoys.snapshot(1, name, [policy(methods=tuple(Method))])[0].offers
        mobile = METHODS_OF[AuthenticatorType.MOBILE_PHONE]
        sent_to = {("mobile" if one.method in mobile else one.method, one.destination) for one in offers}
        assert len({destination for _thing, destination in sent_to}) == len(sent_to)
        assert len({(offer.method, offer.authenticator_id) for offer in offers}) == len(offers)


def test_without_a_policy_for_anybody_decoys_look_like_administrators() -> None:
    for policies in ([], [policy(audience="nobody")]):
        snapshot, gates = decoys.snapshot(1, NAMES[0], policies)
        assert (snapshot.as_administrator, gates) == (True, 2)


def test_a_policy_for_everybody_shapes_decoys_before_one_for_a_group() -> None:
    for_group = policy(id=2, audience="groups", methods=(Method.APP_CODE,))
    ordinary = [decoys.snapshot(1, name, [for_group, policy()])[0] for name in NAMES[:50]]
    assert {snapshot.policy_id for snapshot in ordinary} == {1}
    grouped = [decoys.snapshot(1, name, [for_group])[0] for name in NAMES[:50]]
    assert {snapshot.policy_id for snapshot in grouped} == {2}


def test_o12_a_decoys_questions_are_five_of_its_own_and_stay() -> None:
    everything = list(questions.PREDEFINED)
    mine = decoys.question_order(1, NAMES[0], everything, 5)
    assert mine == decoys.question_order(1, NAMES[0], everything, 5)
    assert len(set(mine)) == 5
    assert len({tuple(decoys.question_order(1, name, everything, 5)) for name in NAMES[:50]}) == 50


@pytest.mark.parametrize(("registered", "asked"), [(3, 3), (5, 3), (4, 4)])
def test_e1_whoever_registered_under_another_number_of_questions_is_not_alone(registered: int, asked: int) -> None:
    """People keep what they answered when the policy changes; out of how many they are asked can be seen over many starts."""
    ruled = policy(questions_registered=registered, questions_asked=asked)
    answered = Counter(decoys.snapshot(1, name, [ruled])[0].questions_registered for name in NAMES)
    assert set(answered) == set(range(asked, 6))
    assert answered.most_common(1)[0][0] == registered


def test_a_snapshot_survives_its_row() -> None:
    snapshot = decoys.snapshot(1, NAMES[0], [policy()])[0]
    assert Snapshot.from_json(snapshot.as_json()) == snapshot
    assert Snapshot.from_json({"home": {"name": "x"}}) == Snapshot()


def test_a_decoy_never_passes_whatever_is_answered(
    alice: User, acme: Tenant, open_policy: ResetPolicy, monkeypatch: Any
) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: journeys.types_for(allowed))
    client = Browser()
    request = journeys.begin(client, "nobody@acme.example")
    for offer in client.get(VERIFY).context["offers"]:
        client.post(VERIFY, {"action": "choose", "offer": f"{offer.method}:{offer.authenticator_id}"})
        journeys.type_number(client, "+4915112345647")
        sent = journeys.messages("passcode")
        code = str(wizard.contents(sent[-1])["context"]["code"]) if sent else "000000"
        wizard.answer(client, code)
        assert client.get("/reset/password/").url in (VERIFY, STATUS)
        client.post(VERIFY, {"action": "another"})
    assert {message.status for message in journeys.messages()} == {"withheld"}
    assert {message.user_id for message in journeys.messages()} == {None}
    assert journeys.reload(request).state in (State.VERIFYING, State.BLOCKED)


def test_a_decoys_message_names_no_recipient(acme: Tenant, open_policy: ResetPolicy, monkeypatch: Any) -> None:
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: [AuthenticatorType.EMAIL])
    journeys.begin_answering(Browser(), "nobody@acme.example")
    assert wizard.contents(wizard.last_message())["recipient"] == "nobody@invalid"
