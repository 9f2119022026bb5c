"""*Contact your administrator*: the right people hear of it, nobody can be flooded, and a stranger reaches nobody."""

from typing import Any

import pytest
from django_scopes import scopes_disabled

from accounts import executors
from accounts.models import AuditEvent, Group, GroupMembership, GroupNesting, RoleAssignment, Tenant, User
from accounts.roles import Role
from policy import throttle
from policy.models import ResetPolicy
from reset import administrators
from tests import wizard
from tests.administrators import make_administrator
from tests.conftest import make_user
from tests.reset import journeys
from tests.reset.journeys import Browser

CONTACT = "/reset/contact/"
WORDS = {"message": "My phone is broken. Call me at desk 7."}


def write(name: str = journeys.ALICE, **words: Any) -> Any:
    client = Browser()
    journeys.begin(client, name)
    return client.post(CONTACT, {**WORDS, **words})


def told() -> set[str]:
    return {
        wizard.contents(message)["recipient"] for message in journeys.messages("contact_administrator", status="queued")
    }


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (
            [Role.HELPDESK_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.GLOBAL_ADMINISTRATOR],
            Role.HELPDESK_ADMINISTRATOR,
        ),
        ([Role.USER_ADMINISTRATOR, Role.GLOBAL_ADMINISTRATOR], Role.USER_ADMINISTRATOR),
        ([Role.GLOBAL_ADMINISTRATOR, Role.REPORTS_READER], Role.GLOBAL_ADMINISTRATOR),
        ([Role.REPORTS_READER, Role.AUTHENTICATION_POLICY_ADMINISTRATOR], None),
    ],
)
def test_the_first_role_in_order_that_anybody_holds_hears(
    roles: list[Role], expected: Role | None, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    for role in roles:
        make_administrator(acme, f"{role}@acme.example", role)
    assert "Passed on" in write().content.decode()
    assert told() == ({f"{expected}@acme.example"} if expected else set())


def test_the_mail_carries_the_words_the_name_and_the_support_code(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    make_administrator(acme, "carol@acme.example", Role.HELPDESK_ADMINISTRATOR)
    write()
    context = wizard.contents(journeys.messages("contact_administrator")[0])["context"]
    assert (context["text"], context["principal_name"]) == (WORDS["message"], journeys.ALICE)
    assert context["support_code"] == journeys.newest().support_code


def test_helpers_in_nested_groups_hear_and_those_without_an_address_are_left_out(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    with scopes_disabled():
        outer, inner = (Group.objects.create(tenant=acme, name=name) for name in ("Helpdesk", "Night shift"))
        GroupNesting.objects.create(tenant=acme, parent=outer, child=inner)
        GroupNesting.objects.create(tenant=acme, parent=inner, child=outer)
        RoleAssignment.objects.create(tenant=acme, group=outer, role=Role.HELPDESK_ADMINISTRATOR)
        for name, enabled in (("carol@acme.example", True), ("dave@acme.example", False), ("erin", True)):
            member = make_user(acme, name, is_enabled=enabled)
            GroupMembership.objects.create(tenant=acme, group=inner, user=member)
    write()
    assert told() == {"carol@acme.example"}


def test_at_most_100_people_hear(
    alice: User, acme: Tenant, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert administrators.MOST_RECIPIENTS == 100
    monkeypatch.setattr(administrators, "MOST_RECIPIENTS", 3)
    for number in range(5):
        make_administrator(acme, f"helper{number}@acme.example", Role.HELPDESK_ADMINISTRATOR)
    write()
    assert len(told()) == 3


@pytest.mark.parametrize("name", ["nobody@acme.example", "disabled@acme.example"])
def test_a_strangers_words_reach_nobody_and_cost_and_show_the_same(
    name: str, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    make_administrator(acme, "carol@acme.example", Role.HELPDESK_ADMINISTRATOR)
    make_user(acme, "disabled@acme.example", is_enabled=False)
    pages, costs = [], []
    executors.current_keys()
    for who in (journeys.ALICE, name):
        client = Browser()
        journeys.begin(client, who)
        with journeys.statements() as shapes:
            page = client.post(CONTACT, WORDS)
        pages.append(journeys.normalised(page.content.decode(), who))
        costs.append(shapes)
    assert pages[0] == pages[1]
    assert costs[0] == costs[1]
    assert len(told()) == 1
    assert [message.status for message in journeys.messages("contact_administrator")] == ["queued", "withheld"]


def test_it_is_throttled_by_account_address_and_organisation(
    alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    make_administrator(acme, "carol@acme.example", Role.HELPDESK_ADMINISTRATOR)
    for _ in range(throttle.CONTACTS_ABOUT_ACCOUNT.events):
        assert write().status_code == 200
    assert write().status_code == 429
    assert len(journeys.messages("contact_administrator")) == throttle.CONTACTS_ABOUT_ACCOUNT.events
    limits = (throttle.CONTACTS_ABOUT_ACCOUNT, throttle.CONTACTS_FROM_ADDRESS, throttle.CONTACTS_OF_TENANT)
    assert [limit.events for limit in limits] == [3, 5, 60]


def test_it_is_offered_on_waiting_and_error_pages_and_audited(alice: User, open_policy: ResetPolicy) -> None:
    client = Browser()
    journeys.begin_answering(client)
    assert f'href="{CONTACT}"' in client.get("/reset/verify/").content.decode()
    client.post(CONTACT, WORDS)
    with scopes_disabled():
        assert AuditEvent.objects.get(activity="reset.administrator_contacted").target_id == alice.pk
        assert journeys.newest().contacted_at is not None


@pytest.mark.parametrize("words", ["", "   ", "x" * 1001, "\x00"])
def test_no_words_or_too_many_are_sent_to_nobody(
    words: str, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    make_administrator(acme, "carol@acme.example", Role.HELPDESK_ADMINISTRATOR)
    assert write(message=words).status_code == 200
    assert told() == set()


@pytest.mark.parametrize(
    ("contact", "target", "shown"),
    [
        ("mail", "help@acme.example", "mailto:help@acme.example"),
        ("url", "https://help.acme.example/", 'href="https://help.acme.example/"'),
        ("off", "", "Ask at desk 7"),
    ],
)
def test_an_organisation_may_send_people_elsewhere(
    contact: str, target: str, shown: str, alice: User, acme: Tenant, open_policy: ResetPolicy
) -> None:
    journeys.change(acme, contact=contact, contact_target=target, contact_text="Ask at desk 7")
    client = Browser()
    journeys.begin(client)
    page = client.post(CONTACT, WORDS)
    assert shown in page.content.decode()
    assert journeys.messages("contact_administrator") == []


def test_without_a_request_there_is_nobody_to_speak_for(client: Browser, db: None) -> None:
    assert client.get(CONTACT).url == "/reset/"
    assert client.post(CONTACT, WORDS).url == "/reset/"
