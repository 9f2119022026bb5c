"""Jobs, runs and conflicts in the console, and what a directory's page says while it is tested."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Tenant, User
from accounts.tenants import opened
from tests.administrators import make_administrator, make_job, signed_in
from tests.conftest import make_user
from tests.writeback.consoles import allow_direct, page_of
from tests.writeback.directory import make_connector
from writeback import looking
from writeback.models import Connector, SyncConflict, SyncRun, WritebackJob

JOBS = "/admin/writeback/writebackjob/"


@pytest.fixture
def connector(acme: Tenant) -> Connector:
    allow_direct(acme)
    fields = {"servers": "ldaps://dc1.acme.example", "base_dn": "dc=x", "account": "cn=svc,dc=x"}
    return make_connector(acme, way=Connector.Way.DIRECT, sealed_password=b"sealed-credentials", **fields)


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


def job(connector: Connector, user: User | None, **fields: Any) -> WritebackJob:
    with opened(connector.tenant):
        return make_job(connector, user, **fields)


def again(connector: Connector) -> Connector:
    with opened(connector.tenant):
        return Connector.objects.get(pk=connector.pk)


def test_a_job_says_what_came_of_it_in_words(console: Client, connector: Connector, alice: User) -> None:
    row = job(
        connector, alice, status="rejected", reason="in_history", code="0x52D", claimed_at=timezone.now(),
        steps={"password": "failed", "unlock": "done"},
    )  # fmt: skip
    for address in (JOBS, f"{JOBS}{row.pk}/change/"):
        body = console.get(address).content.decode()
        assert "Rejected by the directory" in body
        assert "The new password was used before." in body
        assert "0x52D" in body
        assert "this server" in body
        assert "sealed-content" not in body
    assert "Unlocked: done" in body


def test_jobs_are_found_by_the_beginning_of_a_name_and_by_id(
    console: Client, connector: Connector, alice: User, bob: User
) -> None:
    row = job(connector, alice)
    job(connector, bob)
    for query, expected in (("ALICE@", 1), ("ice", 0), (str(row.pk), 1), ("nobody", 0)):
        assert console.get(JOBS, {"q": query}).context["cl"].result_count == expected, query


def test_jobs_are_filtered_by_what_they_are(console: Client, acme: Tenant, connector: Connector, alice: User) -> None:
    other = make_connector(acme, "Branch")
    job(connector, alice, status="applied")
    job(other, None)
    for query, expected in (
        ({"status__exact": "applied"}, 1),
        ({"operation": "reset"}, 2),
        ({"operation": "unlock"}, 0),
        ({"directory": str(other.directory_id)}, 1),
        ({"directory": "x"}, 2),
    ):
        assert console.get(JOBS, query).context["cl"].result_count == expected, query


def test_nothing_is_changed_or_deleted_there(console: Client, connector: Connector, alice: User) -> None:
    row = job(connector, alice)
    for which in ("change", "delete"):
        assert console.post(f"{JOBS}{row.pk}/{which}/", {"post": "yes", "status": "applied"}).status_code == 403
    assert console.get(f"{JOBS}add/").status_code == 403


def test_a_persons_page_shows_their_last_five_jobs(console: Client, connector: Connector, alice: User) -> None:
    with opened(connector.tenant):
        User.objects.filter(pk=alice.pk).update(directory=connector.directory, anchor="anchor-17")
    for _number in range(6):
        job(connector, alice, status="applied")
    job(connector, make_user(connector.tenant, "carol@acme.example"), status="failed")
    body = console.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert body.count(f'href="{JOBS}') - body.count(f'href="{JOBS}"') == 5
    assert "Applied" in body
    assert "May not change the password" in body


def test_people_without_a_directory_have_no_part_for_it(console: Client, alice: User) -> None:
    body = console.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert "Written to the directory" not in body


# --- test connection ----------------------------------------------------------------------------------------------------


def ask_for_a_test(console: Client, connector: Connector) -> str:
    answer = console.post(page_of(connector.directory, "test"))
    assert answer.status_code == 302
    return str(answer["Location"])


def test_a_test_asks_the_worker_to_look_at_once_and_waits(console: Client, connector: Connector) -> None:
    with opened(connector.tenant):
        Connector.objects.update(looked_at=timezone.now(), answer="unreachable: old")
    body = console.get(ask_for_a_test(console, connector)).content.decode()
    assert again(connector).looked_at is None
    assert "a worker is asked to look" in body
    assert '<meta http-equiv="refresh"' in body
    assert "console/status.js" in body


@pytest.mark.parametrize(("answer", "said"), [("", "Up and running."), ("unreachable: 0x5b", "be reached now.")])
def test_the_page_shows_what_the_worker_found(console: Client, connector: Connector, answer: str, said: str) -> None:
    query = ask_for_a_test(console, connector).partition("?")[2]
    seen: dict[str, object] = {
        "server": "ldaps://dc1.acme.example:636",
        "vendor": "OpenLDAP 2.6",
        "warnings": ["policy_unreadable"],
    }
    with opened(connector.tenant):
        looking.note(connector, answer, seen, timezone.now() + timedelta(seconds=1))
    body = console.get(f"{page_of(connector.directory, 'status')}?{query}").content.decode()
    assert said in body
    assert "a worker is asked to look" not in body
    assert ("OpenLDAP 2.6" in body) is (not answer)
    assert ("are skipped by resets there" in body) is (not answer)


def test_after_thirty_seconds_it_says_that_no_worker_answers(console: Client, connector: Connector) -> None:
    ask_for_a_test(console, connector)
    long_ago = int((timezone.now() - timedelta(seconds=31)).timestamp())
    body = console.get(f"{page_of(connector.directory)}?tested={long_ago}").content.decode()
    assert "No worker has answered for 30 seconds" in body
    assert "http-equiv" not in body


@pytest.mark.parametrize("nonsense", ["", "x", "99999999999", "-1", "٣", "1" * 40])
def test_an_address_with_nonsense_waits_for_nothing(console: Client, connector: Connector, nonsense: str) -> None:
    answer = console.get(page_of(connector.directory), {"tested": nonsense})
    assert answer.status_code == 200
    assert "a worker is asked to look" not in answer.content.decode()


def test_agents_are_not_asked_but_shown(console: Client, acme: Tenant) -> None:
    through = make_connector(acme, "Branch", way=Connector.Way.AGENTS)
    answer = console.post(page_of(through.directory, "test"), follow=True)
    assert "Agents report by themselves" in answer.content.decode()


def test_these_are_buttons_and_no_links(console: Client, connector: Connector) -> None:
    assert console.get(page_of(connector.directory, "test")).status_code == 405
    assert console.get(page_of(connector.directory, "synchronise")).status_code == 405


# --- what comes in ------------------------------------------------------------------------------------------------------


def test_a_synchronisation_is_only_asked_for(console: Client, connector: Connector) -> None:
    with opened(connector.tenant):
        Connector.objects.update(synced_at=timezone.now())
    console.post(page_of(connector.directory, "synchronise"))
    assert again(connector).synced_at is None
    with opened(connector.tenant):
        assert not SyncRun.objects.exists()


def test_one_that_is_switched_off_says_so(console: Client, connector: Connector) -> None:
    with opened(connector.tenant):
        Connector.objects.update(synced_at=timezone.now(), sync_is_on=False)
    answer = console.post(page_of(connector.directory, "synchronise"), follow=True)
    assert "switched off for this directory" in answer.content.decode()
    assert again(connector).synced_at is not None


def test_the_last_run_and_what_it_left_out_are_shown(console: Client, connector: Connector) -> None:
    result = {"read": 41, "added": 40, "conflicts": 1, "problem": "would disable too many"}
    with opened(connector.tenant):
        Connector.objects.update(sync_result=result, synced_at=timezone.now())
        SyncConflict.objects.create(
            tenant=connector.tenant, connector=connector, anchor="1", name="carol", reason="name_taken",
            seen_at=timezone.now(),
        )  # fmt: skip
    body = console.get(page_of(connector.directory)).content.decode()
    assert "would disable too many" in body
    assert "1 entry could not be brought in" in body
    listed = console.get("/admin/writeback/syncconflict/", {"directory": connector.directory_id}).content.decode()
    assert "Somebody else here has this name" in listed


def test_the_list_of_directories_says_how_each_is_doing(console: Client, acme: Tenant, connector: Connector) -> None:
    make_connector(acme, "Branch", way=Connector.Way.AGENTS)
    body = console.get("/admin/accounts/directory/").content.decode()
    assert "it may be on our side" in body
    assert "it is not set up properly" in body
