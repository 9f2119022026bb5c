"""E1 to E4: a stranger at the wizard learns nothing about anybody, from no page, header, cookie, statement or fault.

Everybody walks the same road: names of people who may reset, of people who may not for every reason there is, and names
that lead to nobody. Each page, its headers and cookies, and the SQL statements behind it have to be the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from captcha.models import CaptchaStore
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django_scopes import scopes_disabled
from kombu import Producer

from accounts import executors, publishing
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, Group, GroupMembership, Tenant, User
from accounts.models.executors import ExecutorKey
from accounts.roles import Role
from policy import decisions, lockout
from policy.models import QuestionText, ResetPolicy
from reset import decoys
from reset.password_proof import account_key_of
from reset.questions import CUSTOM
from tests import wizard
from tests.conftest import make_authenticator, make_user
from tests.reset import journeys
from tests.reset.journeys import OLD, VERIFY, Browser
from tests.reset.signing_in import make_administrator

REASONS: dict[str, dict[str, Any]] = {
    "disabled": {"is_enabled": False},
    "protected": {"is_protected": True},
    "external": {"is_external": True},
    "paused": {"self_service_paused": True},
}
STRANGERS = ["nobody", "ａlice", "alıce", *REASONS, "unregistered", "outside", "blocked", "halfadmin", "imported"]
EVERYBODY = ["alice", "locked", *STRANGERS]


def register(user: User, index: int) -> None:
    make_authenticator(user, AuthenticatorType.EMAIL, f"{user.given_name}@home.example".lower())
    make_authenticator(user, AuthenticatorType.MOBILE_PHONE, f"+49151123456{index:02d}")
    journeys.give_questions(user)


@pytest.fixture
def everybody(acme: Tenant, open_policy: ResetPolicy) -> dict[str, User]:
    """One person for each reason. All but *outside* are in the policy's audience; only alice and *locked* may reset."""
    people: dict[str, User] = {}
    named: dict[str, dict[str, Any]] = {name: {} for name in ("alice", "locked", "outside", "blocked", "halfadmin")}
    for index, (name, fields) in enumerate({**named, **REASONS}.items()):
        people[name] = make_user(acme, f"{name}@acme.example", OLD, given_name=name, **fields)
        register(people[name], 10 + index)
    for name in ("unregistered", "imported"):
        people[name] = make_user(acme, f"{name}@acme.example", OLD)
    make_authenticator(
        people["imported"],
        AuthenticatorType.EMAIL,
        "i@home.example",
        source=Authenticator.Source.IMPORT,
        confirmed_at=None,
    )
    for _ in range(12):
        lockout.count_try(account_key_of(people["locked"]), f"wrong-{_}")
    with scopes_disabled():
        Authenticator.objects.filter(user=people["halfadmin"]).exclude(type="email").delete()
    make_administrator(people["halfadmin"], Role.HELPDESK_ADMINISTRATOR)
    journeys.use_up_failures(people["blocked"])
    return people


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[str, ...]], None]:
    """Make every decoy hold one authenticator of each given method, as alice does: what remains must be equal.

    What decoys hold otherwise is tested in test_decoys.py.
    """

    def hold(methods: tuple[str, ...]) -> None:
        monkeypatch.setattr(
            decoys, "_held", lambda chance, allowed, required: journeys.types_for([m for m in allowed if m in methods])
        )
        monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 10**9)
        monkeypatch.setattr(decoys, "TWO_ADDRESSES_ONE_IN", 10**9)
        monkeypatch.setattr(decoys, "CHOSE_FIRST_ONE_IN", 10**9)

    return hold


@dataclass
class Walk:
    """A browser on its way, and all that its owner could notice."""

    name: str
    client: Browser = field(default_factory=Browser)
    seen: list[tuple[Any, ...]] = field(default_factory=list)

    def get(self, page: str) -> Any:
        return self._note(page, lambda: self.client.get(page))

    def post(self, page: str, form: dict[str, Any]) -> Any:
        return self._note(page, lambda: self.client.post(page, form))

    def start(self, trouble: str = "forgot") -> None:
        first = self.client.get("/reset/")
        picture = first.context["picture"]
        answer = CaptchaStore.objects.get(hashkey=picture.key).response
        hidden = {"captcha_key": picture.key, "captcha_binding": picture.binding, "captcha": answer}
        self.post("/reset/", {"user": f"{self.name}@acme.example", "trouble": trouble, **hidden})

    def choose(self, method: str) -> None:
        page = self.get(VERIFY)
        offer = next(offer for offer in page.context["offers"] if offer.method == method)
        self.post(VERIFY, {"action": "choose", "offer": f"{offer.method}:{offer.authenticator_id}"})
        self.get(VERIFY)

    def _note(self, page: str, ask: Callable[[], Any]) -> Any:
        with journeys.statements() as shapes:
            answer = ask()
        text = journeys.normalised(answer.content.decode(), f"{self.name}@acme.example")
        headers = sorted(
            (key, value) for key, value in answer.headers.items() if key not in ("Content-Length", "Expires")
        )
        cookies = sorted((name, morsel["max-age"], len(morsel.value)) for name, morsel in answer.cookies.items())
        self.seen.append((page, answer.status_code, text, headers, cookies, tuple(shapes)))
        return answer


def assert_alike(walks: list[Walk]) -> None:
    """Name the first thing in which two walks differ."""
    first = walks[0]
    for walk in walks[1:]:
        assert len(walk.seen) == len(first.seen), walk.name
        for number, (mine, theirs) in enumerate(zip(first.seen, walk.seen, strict=True)):
            for part, one, other in zip(
                ("page", "status", "text", "headers", "cookies", "statements"), mine, theirs, strict=True
            ):
                assert other == one, (walk.name, number, part)


def by_mail(walk: Walk) -> None:
    walk.start()
    walk.choose("email")
    for code in ("000000x", "", "000000x"):
        walk.post(VERIFY, {"action": "answer", "code": code})
        walk.get(VERIFY)
    walk.post(VERIFY, {"action": "again"})
    walk.post(VERIFY, {"action": "another"})
    walk.choose("email")
    walk.get("/reset/contact/")
    walk.get("/reset/password/")
    walk.get("/reset/status/")


def by_text(number: str) -> Callable[[Walk], None]:
    def walk_by_text(walk: Walk) -> None:
        walk.start()
        walk.choose("sms")
        walk.post(VERIFY, {"action": "destination", "number": "12"})
        walk.post(VERIFY, {"action": "destination", "number": number})
        walk.get(VERIFY)
        walk.post(VERIFY, {"action": "answer", "code": "000000x"})
        walk.get(VERIFY)

    return walk_by_text


def by_questions(walk: Walk) -> None:
    walk.start()
    walk.choose("questions")
    for _ in range(2):
        walk.post(VERIFY, {"action": "answer", "answer_0": "x", "answer_1": "y", "answer_2": ""})
        walk.get(VERIFY)


def to_unlock(walk: Walk) -> None:
    walk.start("locked")
    walk.choose("email")
    walk.post(VERIFY, {"action": "answer", "code": "000000x"})


ROADS: dict[str, tuple[tuple[str, ...], Callable[[Walk], None]]] = {
    "mail": (("email",), by_mail),
    "text, right number": (("email", "sms"), by_text("+49 151 12345610")),
    "text, wrong number": (("email", "sms"), by_text("+49 151 99999999")),
    "questions": (("email", "questions"), by_questions),
    "unlock": (("email",), to_unlock),
}


@pytest.mark.slow
@pytest.mark.parametrize("road", ROADS)
def test_e1_e2_everybody_sees_the_same_pages_by_the_same_statements(
    road: str, everybody: dict[str, User], open_policy: ResetPolicy, alike: Any
) -> None:
    methods, walk_down = ROADS[road]
    journeys.policy_with(open_policy, methods=list(methods))
    alike(methods)
    walks = []
    for name in [name for name in EVERYBODY if name not in ("blocked", "outside")]:
        walk = Walk(name)
        walk_down(walk)
        walks.append(walk)
    assert_alike(walks)


def test_e1_e2_who_is_out_of_scope_walks_like_everybody_in_scope(
    everybody: dict[str, User], open_policy: ResetPolicy, acme: Tenant, alike: Any
) -> None:
    with scopes_disabled():
        group = Group.objects.create(tenant=acme, name="Staff")
        GroupMembership.objects.create(tenant=acme, group=group, user=everybody["alice"])
        open_policy.policy_groups.create(group=group)
    journeys.policy_with(open_policy, audience="groups", methods=["email"])
    alike(("email",))
    walks = [Walk(name) for name in ("alice", "outside", "nobody")]
    for walk in walks:
        by_mail(walk)
    assert_alike(walks)


def test_e1_e2_a_blocked_account_is_blocked_like_a_blocked_stranger(
    everybody: dict[str, User], open_policy: ResetPolicy, alike: Any
) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    alike(("email",))
    attacker = Browser()
    journeys.begin_answering(attacker, "nobody@acme.example")
    for _ in range(5):
        wizard.answer(attacker, "wrong")
    walks = [Walk("blocked"), Walk("nobody")]
    for walk in walks:
        walk.start()
        walk.choose("email")
        walk.post(VERIFY, {"action": "answer", "code": "000000x"})
        walk.get("/reset/status/")
    assert_alike(walks)
    assert "That was too often. Please try again in 24 hours." in walks[0].seen[-2][2]


def test_e1_five_wrong_answers_end_the_same_for_everybody(
    everybody: dict[str, User], open_policy: ResetPolicy, alike: Any
) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    alike(("email",))
    walks = [Walk(name) for name in ("alice", "nobody", "disabled")]
    for walk in walks:
        walk.start()
        walk.choose("email")
        for _ in range(6):
            walk.post(VERIFY, {"action": "answer", "code": "000000x"})
        walk.get("/reset/status/")
    assert_alike(walks)


def test_e1_an_administrator_with_two_methods_walks_like_a_decoy_of_one(
    everybody: dict[str, User], open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_administrator(everybody["alice"])
    monkeypatch.setattr(decoys, "ADMINISTRATORS_ONE_IN", 1)
    monkeypatch.setattr(decoys, "TWO_ADDRESSES_ONE_IN", 10**9)
    monkeypatch.setattr(decoys, "CHOSE_FIRST_ONE_IN", 10**9)
    held = [AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE]
    monkeypatch.setattr(decoys, "_held", lambda chance, allowed, required: held)
    walks = [Walk(name) for name in ("alice", "nobody")]
    for walk in walks:
        by_mail(walk)
    assert_alike(walks)


def test_e1_the_number_of_tries_left_does_not_tell_a_right_number_from_a_wrong_one(
    everybody: dict[str, User], open_policy: ResetPolicy
) -> None:
    left = []
    for number in ("+4915112345610", "+4915199999999"):
        client = Browser()
        journeys.begin(client)
        wizard.choose(client, "sms")
        journeys.type_number(client, number)
        page = wizard.answer(client, "000000x")
        left.append(page.context["tries_left"])
    assert left == [4, 3], "each walk lost one try by its wrong code, none by its number"


def test_e1_own_questions_of_the_organisation_do_not_tell(
    everybody: dict[str, User], open_policy: ResetPolicy, acme: Tenant, alike: Any
) -> None:
    """People may have answered the tenant's own questions: strangers seem to have, too."""
    with scopes_disabled():
        own = [QuestionText.objects.create(tenant=acme, text=f"Question {number}?") for number in range(200)]
    journeys.policy_with(open_policy, methods=["questions"])
    alike(("questions",))
    client = Browser()
    request = journeys.begin_answering(client, "nobody@acme.example", method="questions")
    assert request.challenge is not None
    shown = client.get(VERIFY).content.decode()
    assert any(question.startswith(CUSTOM) for question in request.challenge.questions)
    assert sum(row.text in shown for row in own) >= 1


@pytest.mark.slow
def test_e2_everybody_costs_the_same_number_of_hashes(
    everybody: dict[str, User], open_policy: ResetPolicy, alike: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journeys.policy_with(open_policy, methods=["questions"])
    alike(("questions",))
    hashes: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, *given: Any, **named: Any) -> Any:
        hashes.append("hash")
        return encode(self, *given, **named)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    costs = {}
    for name in ("nobody", "alice", "disabled", "unregistered", "nobody"):
        client = Browser()
        journeys.begin_answering(client, f"{name}@acme.example", method="questions")
        hashes.clear()
        client.post(VERIFY, {"action": "answer", "answer_0": "x"})
        costs[name] = len(hashes)
    assert set(costs.values()) == {3}


def test_e2_nobody_waits_for_a_mail_server(everybody: dict[str, User], open_policy: ResetPolicy, alike: Any) -> None:
    """A code is a row; who sends it, and whether, is the worker's business."""
    alike(("email",))
    sent: list[tuple[str, str, str]] = []
    for name in ("alice", "nobody"):
        client = Browser()
        journeys.begin_answering(client, f"{name}@acme.example")
        message = journeys.messages()[-1]
        sent.append((message.kind, message.channel, message.status))
        assert len(message.sealed) > 1000
    assert sent == [("passcode", "email", "queued"), ("passcode", "email", "withheld")]


def test_e3_without_a_worker_everybody_sees_the_same_kind_page(
    everybody: dict[str, User], open_policy: ResetPolicy, alike: Any
) -> None:
    journeys.policy_with(open_policy, methods=["email"])
    alike(("email",))
    ExecutorKey.objects.all().delete()
    cache.clear()
    walks = [Walk(name) for name in ("alice", "nobody", "disabled")]
    for walk in walks:
        walk.start()
        walk.choose("email")
    assert_alike(walks)
    assert [seen[1] for seen in walks[0].seen].count(503) == 1
    executors.announce()
    walks[0].choose("email")
    assert journeys.messages()[-1].status == "queued", "the step can be repeated"


@pytest.mark.django_db(transaction=True)
def test_e3_a_dead_broker_is_not_noticed(
    everybody: dict[str, User], open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch, alike: Any
) -> None:
    alike(("email",))

    def refuse(*given: Any, **named: Any) -> None:
        raise ConnectionRefusedError("redis://:secret@broker")

    monkeypatch.setattr(Producer, "publish", refuse)
    publishing.forget_failures()
    try:
        for name in ("alice", "nobody"):
            client = Browser()
            journeys.begin_answering(client, f"{name}@acme.example")
            assert client.get(VERIFY).status_code == 200
    finally:
        publishing.forget_failures()
    assert wizard.answer(client, "1").status_code == 200


def test_e4_masks_show_two_digits_at_most_and_no_domain(everybody: dict[str, User], open_policy: ResetPolicy) -> None:
    for name in ("alice", "nobody", "disabled", "somebody", "else"):
        client = Browser()
        journeys.begin(client, f"{name}@acme.example")
        page = client.get(VERIFY)
        text = page.content.decode()
        assert "home.example" not in text
        for offer in page.context["offers"]:
            assert len(re.findall(r"\d", offer.mask)) <= 2
            assert len(re.findall(r"[a-z]", offer.mask)) <= 1


def test_e1_decoy_offers_are_the_same_tomorrow_and_differ_between_names(
    everybody: dict[str, User], open_policy: ResetPolicy
) -> None:
    policies = (decisions.PolicyFacts(1, "p", "everybody", frozenset(), tuple(Method), 1, True, True, True),)
    first = decoys.snapshot(1, "nobody@acme.example", policies)
    assert first == decoys.snapshot(1, " NOBODY@acme.example ", policies)
    assert len({decoys.snapshot(1, f"n{number}@acme.example", policies)[0].offers for number in range(50)}) == 50
