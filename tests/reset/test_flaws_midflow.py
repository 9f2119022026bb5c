"""S10 and S3: what changes or breaks while somebody is on the way stops the reset, and says nothing about why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from captcha.models import CaptchaStore
from django.db import OperationalError, connection
from django_scopes import scopes_disabled

from accounts.models import (
    AuditEvent,
    Authenticator,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    Tenant,
    User,
)
from accounts.models.users import new_epoch
from accounts.roles import Role
from policy.models import Counter, ResetPolicy
from reset.models import ResetRequest, State
from tests import wizard
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.journeys import PASSWORD, STATUS, VERIFY, Browser
from tests.reset.signing_in import give_app, make_administrator

NUMBER = "+4915112345647"


def disable(alice: User) -> None:
    journeys.change(alice, is_enabled=False)


def protect(alice: User) -> None:
    journeys.change(alice, is_protected=True)


def pause(alice: User) -> None:
    journeys.change(alice, self_service_paused=True)


def make_external(alice: User) -> None:
    journeys.change(alice, is_external=True)


def change_password_elsewhere(alice: User) -> None:
    journeys.change(alice, credentials_epoch=new_epoch())


def give_role(alice: User) -> None:
    make_administrator(alice, Role.REPORTS_READER)


def give_role_through_nested_groups(alice: User) -> None:
    """Groups in a circle, the outermost of which carries a role."""
    with scopes_disabled():
        inner, middle, outer = (
            Group.objects.create(tenant=journeys.tenant_of(alice), name=name) for name in ("in", "mid", "out")
        )
        GroupMembership.objects.create(tenant=journeys.tenant_of(alice), group=inner, user=alice)
        for parent, child in ((middle, inner), (outer, middle), (inner, outer)):
            GroupNesting.objects.create(tenant=journeys.tenant_of(alice), parent=parent, child=child)
        RoleAssignment.objects.create(tenant=journeys.tenant_of(alice), group=outer, role=Role.HELPDESK_ADMINISTRATOR)


def take_out_of_scope(alice: User) -> None:
    with scopes_disabled():
        ResetPolicy.objects.update(audience="nobody")


def ask_for_two_methods(alice: User) -> None:
    with scopes_disabled():
        ResetPolicy.objects.update(methods_required=2)


def put_a_stricter_policy_first(alice: User) -> None:
    with scopes_disabled():
        ResetPolicy.objects.create(
            tenant=journeys.tenant_of(alice),
            name="Strict",
            audience="everybody",
            priority=1,
            methods_required=2,
            methods=["email", "sms"],
        )


def delete_authenticators(alice: User) -> None:
    with scopes_disabled():
        Authenticator.objects.filter(user=alice).delete()


def put_other_values_in_place(alice: User) -> None:
    """The rows stay, what they hold is somebody else's: the 72 hours of such a change can't be jumped over."""
    with scopes_disabled():
        for row in Authenticator.objects.filter(user=alice):
            row.set_value("mallory@evil.example" if row.type == "email" else "+4915199999999")
            row.save()


def close_the_organisation(alice: User) -> None:
    assert alice.tenant is not None
    journeys.change(alice.tenant, is_active=False)


CHANGES: list[Callable[[User], None]] = [
    disable,
    protect,
    pause,
    make_external,
    change_password_elsewhere,
    give_role,
    give_role_through_nested_groups,
    take_out_of_scope,
    ask_for_two_methods,
    put_a_stricter_policy_first,
    delete_authenticators,
    put_other_values_in_place,
    close_the_organisation,
]


def choose_mail(client: Browser, mail: int) -> Any:
    return client.post(VERIFY, {"action": "choose", "offer": f"email:{mail}"})


def to_nowhere(client: Browser) -> None:
    journeys.begin(client)


def to_number(client: Browser) -> None:
    journeys.begin(client)
    wizard.choose(client, "sms")


def to_answer(client: Browser) -> None:
    journeys.begin_answering(client)


def to_password(client: Browser) -> None:
    journeys.prove(client)


def take_every_step(client: Browser, mail: int, code: str) -> None:
    """Whatever a browser can still send, in the order of the wizard."""
    choose_mail(client, mail)
    client.post(VERIFY, {"action": "destination", "number": NUMBER})
    client.post(VERIFY, {"action": "again"})
    if code:
        wizard.answer(client, code)
    journeys.set_password(client)


@pytest.mark.parametrize("reach", [to_nowhere, to_number, to_answer, to_password], ids=lambda reach: reach.__name__)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_s10_a_change_on_the_way_stops_the_reset(
    change: Callable[[User], None], reach: Callable[[Browser], None], alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser()
    with scopes_disabled():
        mail = Authenticator.objects.get(user=alice, type="email").pk
    reach(client)
    sent = len(journeys.messages())
    code = wizard.last_code() if sent else ""
    change(alice)
    take_every_step(client, mail, code)
    assert journeys.has_old_password(alice)
    assert len(journeys.messages()) == sent
    assert client.get(PASSWORD).url == STATUS
    assert "Something about this account changed" in client.get(STATUS).content.decode()


def test_s10_an_administrator_stops_when_the_switch_is_turned_off(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    make_administrator(alice)
    client = Browser()
    journeys.begin_answering(client)
    journeys.change(acme, administrators_may_reset=False)
    assert wizard.answer(client, wizard.last_code()).url == STATUS
    assert (journeys.newest().state, journeys.has_old_password(alice)) == (State.FAILED, True)


def test_s10_a_more_relaxed_policy_never_takes_a_gate_away(alice: User, open_policy: ResetPolicy) -> None:
    journeys.policy_with(open_policy, methods_required=2)
    client = Browser()
    journeys.begin_answering(client)
    journeys.policy_with(open_policy, methods_required=1)
    assert wizard.answer(client, wizard.last_code()).url == VERIFY
    assert journeys.set_password(client).url == VERIFY


def test_s10_what_was_not_used_may_change_before_the_last_step(alice: User, open_policy: ResetPolicy) -> None:
    app = give_app(alice)
    client = Browser()
    journeys.begin_answering(client)
    wizard.answer(client, wizard.last_code())
    with scopes_disabled():
        app.delete()
    assert journeys.set_password(client).url == STATUS
    assert not journeys.has_old_password(alice), "an app that proved nothing here is none of this reset's business"


@contextmanager
def failing_at(number: int) -> Iterator[list[str]]:
    """The database fails at the n-th statement. Collects the statements before it."""
    seen: list[str] = []

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SAVEPOINT" in sql:
            return execute(sql, params, many, context)
        if len(seen) + 1 == number:
            seen.append("")
            raise OperationalError("the database went away")
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield seen


def has_counted(seen: list[str]) -> bool:
    return any("policy_counter" in sql and "INSERT" in sql for sql in seen)


def test_s3_a_database_fault_at_any_statement_of_an_answer_moves_nothing(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser(raise_request_exception=False)
    journeys.begin_answering(client)
    code = wizard.last_code()
    faults = 0
    for number in range(1, 60):
        Counter.objects.all().delete()
        with failing_at(number) as seen:
            answer = wizard.answer(client, code)
        if answer.status_code == 302:
            break
        faults += 1
        assert answer.status_code == 500
        request = journeys.newest()
        assert (request.state, request.passed, journeys.failures(request)) == (
            State.VERIFYING,
            [],
            int(has_counted(seen)),
        )
        assert client.get(PASSWORD).url == VERIFY
    assert answer.url == PASSWORD, "the step can be repeated"
    assert faults > 2


def test_s3_a_database_fault_at_any_statement_of_the_last_step_sets_nothing(
    alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser(raise_request_exception=False)
    journeys.prove(client)
    faults = 0
    for number in range(1, 60):
        with failing_at(number):
            answer = journeys.set_password(client)
        if answer.status_code == 302:
            break
        faults += 1
        assert (journeys.newest().state, journeys.has_old_password(alice)) == (State.VERIFIED, True)
        assert not journeys.messages("password_was_reset")
    assert answer.url == STATUS
    assert (faults > 2, journeys.has_old_password(alice)) == (True, False)


def test_s3_a_database_fault_at_any_statement_of_an_unlock_keeps_the_lock(
    alice: User, open_policy: ResetPolicy
) -> None:
    client = Browser(raise_request_exception=False)
    journeys.begin_answering(client, trouble="locked")
    code = wizard.last_code()
    for number in range(1, 60):
        Counter.objects.all().delete()
        with failing_at(number):
            answer = wizard.answer(client, code)
        if answer.status_code == 302:
            break
        assert (answer.status_code, journeys.newest().state) == (500, State.VERIFYING)
        assert not journeys.messages("account_was_unlocked")
    assert journeys.newest().state == State.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_s3_a_database_fault_while_starting_leaves_no_half_request(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser(raise_request_exception=False)
    for number in range(1, 60):
        form = filled_in(client.get("/reset/").context["picture"])
        with failing_at(number):
            answer = client.post("/reset/", form)
        if answer.status_code == 302:
            break
        assert (answer.status_code, client.get(PASSWORD).url.partition("?")[0]) == (500, "/reset/")
    with scopes_disabled():
        assert ResetRequest.objects.count() == 1
        assert set(AuditEvent.objects.values_list("correlation_id", flat=True)) == {journeys.newest().pk}
    assert number > 6


def filled_in(picture: Any) -> dict[str, str]:
    answer = CaptchaStore.objects.get(hashkey=picture.key).response
    hidden = {"captcha_key": picture.key, "captcha_binding": picture.binding}
    return {"user": journeys.ALICE, "trouble": "forgot", "captcha": answer, **hidden}


@pytest.mark.parametrize(
    "forwarded", ["a", "x" * 5000, "fe80::1%eth0", "1.2.3.4, , ,", ",,,", "::ffff:1.2.3.4", "unknown", "\xff"]
)
@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_s3_a_hostile_forwarded_header_opens_nothing(
    forwarded: str, proxies: int, alice: User, open_policy: ResetPolicy, settings: Any
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    client = Browser(headers={"X-Forwarded-For": forwarded})
    request = journeys.begin_answering(client)
    assert wizard.answer(client, "000000x").status_code == 200
    assert journeys.failures(request) == 1
    assert client.get(PASSWORD).url == VERIFY
    assert len(request.client_address) <= 45


def test_s10_a_person_without_a_policy_of_their_own_never_gets_another_ones(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    carol = make_user(acme, "carol@acme.example", "old-password-3")
    client = Browser()
    journeys.begin(client, "carol@acme.example")
    assert journeys.newest().user_id is None
    assert carol.check_password("old-password-3")
