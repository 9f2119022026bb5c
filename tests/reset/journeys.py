"""What tests of the wizard share: getting to a step, typing an answer, and looking at what it costs and shows."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test import Client
from django.test.client import ClientHandler
from django.test.utils import CaptureQueriesContext
from django_scopes import scopes_disabled

from accounts.methods import METHODS_OF, AuthenticatorType
from accounts.models import AuditEvent, Authenticator, SecurityAnswer, Tenant, User
from notifications.models import Message
from policy import throttle
from policy.models import ResetPolicy
from policy.throttle import Use
from reset import buckets, questions
from reset.models import ResetRequest
from tests import wizard
from tests.conftest import make_authenticator

ALICE = "alice@acme.example"
OLD, NEW = "old-password-1", "three blue horses"
VERIFY, PASSWORD, STATUS = "/reset/verify/", "/reset/password/", "/reset/status/"
PAGES = ("/reset/", VERIFY, PASSWORD, STATUS)
ANSWERS = {
    "first_pet": "Blue Dog",
    "first_school": "Hill School",
    "first_job": "Bern",
    "first_car": "Saab",
    "dream_job": "Pilot",
}


_handlers: dict[bool, ClientHandler] = {}


class Browser(Client):
    """The test client; its answers carry more than their type says (`url`, `context`).

    All of them share one loaded stack of middleware: loading it looks through every static file.
    """

    def __init__(self, enforce_csrf_checks: bool = False, **named: Any) -> None:
        super().__init__(enforce_csrf_checks, **named)
        self.handler = _handlers.setdefault(enforce_csrf_checks, self.handler)

    def get(self, *given: Any, **named: Any) -> Any:
        return super().get(*given, **named)

    def post(self, *given: Any, **named: Any) -> Any:
        return super().post(*given, **named)


def begin(client: Client, name: str = ALICE, **extra: Any) -> ResetRequest:
    """Past the first page, before anything was chosen."""
    assert wizard.start(client, name, **extra).status_code == 302
    return newest()


def begin_answering(client: Client, name: str = ALICE, method: str = "email", **extra: Any) -> ResetRequest:
    """Past the choice: a code is on its way."""
    begin(client, name, **extra)
    assert wizard.choose(client, method).status_code == 302
    return newest()


def prove(client: Client, name: str = ALICE, **extra: Any) -> ResetRequest:
    """Past the only gate: the password page is next."""
    begin_answering(client, name, **extra)
    assert wizard.answer(client, wizard.last_code()).url in (PASSWORD, STATUS)
    return newest()


def finish(client: Client, name: str = ALICE, password: str = NEW) -> ResetRequest:
    """To the very end."""
    prove(client, name)
    assert set_password(client, password).url == STATUS
    return newest()


def set_password(client: Client, password: str = NEW) -> Any:
    return client.post(PASSWORD, {"password": password, "again": password})


def type_number(client: Client, number: str) -> Any:
    return client.post(VERIFY, {"action": "destination", "number": number})


def newest() -> ResetRequest:
    with scopes_disabled():
        return ResetRequest.objects.select_related("user", "challenge", "tenant").latest("created_at", "id")


def tenant_of(user: User) -> Tenant:
    assert user.tenant is not None
    return user.tenant


def reload(request: ResetRequest) -> ResetRequest:
    with scopes_disabled():
        return ResetRequest.objects.select_related("user", "challenge", "tenant").get(pk=request.pk)


def person(user: User) -> User:
    with scopes_disabled():
        return User.objects.get(pk=user.pk)


def has_old_password(user: User) -> bool:
    return person(user).check_password(OLD)


def messages(kind: str = "", **by: Any) -> list[Message]:
    with scopes_disabled():
        found = Message.objects.filter(**by).order_by("created_at", "id")
        return list(found.filter(kind=kind) if kind else found)


def activities(request: ResetRequest) -> list[str]:
    with scopes_disabled():
        return list(
            AuditEvent.objects.filter(correlation_id=request.pk).order_by("id").values_list("activity", flat=True)
        )


def change(row: Any, **fields: Any) -> None:
    """Change a row behind the wizard's back, as the console would."""
    with scopes_disabled():
        type(row).objects.filter(pk=row.pk).update(**fields)


def policy_with(policy: ResetPolicy, **fields: Any) -> ResetPolicy:
    change(policy, **fields)
    return policy


def give_questions(user: User, answers: dict[str, str] | None = None) -> Authenticator:
    """Five answered security questions."""
    row = make_authenticator(user, AuthenticatorType.QUESTIONS, "")
    assert user.tenant is not None
    with scopes_disabled():
        for question, answer in (answers or ANSWERS).items():
            SecurityAnswer.objects.create(
                tenant=user.tenant, authenticator=row, question=question, answer_hash=questions.hash_answer(answer)
            )
    return row


def failures(request: ResetRequest) -> int:
    """How many failures the account's bucket of this request holds."""
    return throttle.look(Use(throttle.FAILURES_OF_ACCOUNT, buckets.of_request(request)))[0].count


def use_up_failures(user: User) -> None:
    """As an attacker would: five wrong answers from somebody else's browser."""
    attacker = Client()
    begin_answering(attacker, user.principal_name)
    for _ in range(5):
        wizard.answer(attacker, "wrong")


@contextmanager
def statements() -> Iterator[list[str]]:
    """The shapes of the SQL statements inside, in their order; filled in at the end."""
    shapes: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield shapes
    shapes += [shape(query["sql"]) for query in captured.captured_queries]


def shape(sql: str) -> str:
    """A statement without its values."""
    sql = re.sub(r"( E)?'(?:[^']|'')*'", "?", sql)  # PostgreSQL writes a text with a backslash as E'…'
    sql = re.sub(r"\bx\?|\bs\d+_x\d+|\b\d+(\.\d+)?\b|\b(TRUE|FALSE|True|False|true|false|NULL|None)\b", "?", sql)
    sql = re.sub(r"\?(::\w+)", "?", sql)
    return re.sub(r"([(,]) *-?\?", r"\1 ?", sql)  # PostgreSQL writes a number below zero with one more space


def normalised(html: str, *values: str) -> str:
    """A page without what is random for everybody: tokens, keys, masks, support code, and the given values."""
    for value in values:
        html = html.replace(value, "NAME")
    rules = (
        (r'name="csrfmiddlewaretoken" value="[^"]*"', "CSRF"),
        (r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", "SUPPORT"),
        (r'name="captcha_(key|binding)" value="[^"]*"', "CAPTCHA"),
        (r"/captcha/(image|audio)/\w+", "PICTURE"),
        (r"•+ \d\d", "NUMBER"),
        (r"[a-z]•+@•+", "ADDRESS"),
        (r'<span class="ltr">\d\d</span>', "DIGITS"),
        (r'value="[a-z_]+:\d+"', "OFFER"),
        (r'<p class="shown"([^>]*)>\d\d</p>', "SHOWN"),
        (r'data-wait="\d+"', "WAIT"),
        (r"opens \d+ seconds", "WAIT"),
        (r'<label for="id_answer_(\d)">[^<]*</label>', "QUESTION"),
    )
    for pattern, name in rules:
        html = re.sub(pattern, name, html)
    return html


def types_for(methods: Iterable[str]) -> list[AuthenticatorType]:
    """What somebody has registered who may use each of these methods."""
    return [kind for kind, usable in METHODS_OF.items() if set(usable) & set(methods)]
