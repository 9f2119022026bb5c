"""Two directories of one organisation side by side, by domain: one that this server reaches, one that an agent does."""

import json

import pytest
from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import executors
from accounts.boxes import PrivateKey
from accounts.methods import AuthenticatorType
from accounts.models import Directory, Domain, Tenant, User
from policy.models import ResetPolicy
from reset.models import State
from tests.conftest import make_authenticator, make_user
from tests.reset.in_directory import NORA, North, jobs, make_north, work
from tests.reset.journeys import NEW, PASSWORD, STATUS, Browser, begin, newest, prove
from writeback import execution
from writeback.connectors.orders import Outcome, Report, Step, StepResult
from writeback.jobs import mac_of
from writeback.models import Agent, Connector

SAM, ANCHOR = "sam@south.example", "0b1e4c53-0000-4000-8000-000000000001"


@pytest.fixture
def north(acme: Tenant, open_policy: ResetPolicy, monkeypatch: pytest.MonkeyPatch) -> North:
    return make_north(acme, monkeypatch)


@pytest.fixture
def agent(acme: Tenant, north: North) -> Agent:
    """The southern directory's only agent, heard from just now."""
    with scopes_disabled():
        directory = Directory.objects.create(tenant=acme, name="South", kind=Directory.Kind.ACTIVE_DIRECTORY)
        connector = Connector.objects.create(tenant=acme, directory=directory, is_on=True, way=Connector.Way.AGENTS)
        Domain.objects.create(
            tenant=acme,
            name="south.example",
            verified_at=timezone.now(),
            authority=Domain.Authority.DIRECTORY,
            directory=directory,
        )
        made = Agent(tenant=acme, connector=connector, name="south-1", status=Agent.Status.APPROVED)
        made.public_key, made.signing_key = PrivateKey.generate().public, b"\1" * 32
        made.seen_at, made.is_reaching = timezone.now(), True
        made.save()
        made.mac = mac_of(made)
        made.save()
    sam = make_user(acme, SAM, directory=directory, anchor=ANCHOR)
    make_authenticator(sam, AuthenticatorType.EMAIL, "sam@home.example")
    return made


def submit(client: Browser) -> None:
    assert client.post(PASSWORD, {"password": NEW, "again": NEW}).url == STATUS


def test_each_password_goes_to_the_directory_of_its_domain(north: North, agent: Agent) -> None:
    for name, connector in ((NORA, north.connector), (SAM, agent.connector)):
        client = Browser()
        prove(client, name)
        submit(client)
        assert jobs()[-1].connector_id == connector.pk


def test_q5_a_password_is_sealed_to_those_who_may_apply_it_and_to_nobody_else(north: North, agent: Agent) -> None:
    client = Browser()
    prove(client, SAM)
    submit(client)
    boxes = json.loads(bytes(jobs()[-1].sealed))
    assert len(boxes) == 1
    assert executors.private_key().key_id not in boxes


def test_q2_a_task_that_names_an_agents_job_takes_it_from_nobody(north: North, agent: Agent) -> None:
    client = Browser()
    prove(client, SAM)
    submit(client)
    assert work() is None
    assert (jobs()[-1].status, newest().state) == ("queued", State.WRITING)


def test_what_an_agent_says_reaches_the_person(north: North, agent: Agent) -> None:
    client = Browser()
    prove(client, SAM)
    submit(client)
    with scopes_disabled():
        job = execution.claim(jobs()[-1].pk, timezone.now(), agent)
        assert job is not None
        done = {Step.PASSWORD: StepResult.DONE, Step.UNLOCK: StepResult.DONE}
        execution.conclude(job, Report(Outcome.APPLIED, done), timezone.now())
    page = client.get(STATUS).content.decode()
    assert "Your password was changed" in page
    assert "Picked up by south-1" in page


def test_one_that_is_away_stops_nobody_of_the_other(north: North, agent: Agent) -> None:
    north.set(answer="unreachable")
    assert begin(Browser(), SAM).state == State.VERIFYING
    with scopes_disabled():
        Agent.objects.update(is_reaching=False)
    north.set(answer="")
    assert begin(Browser(), NORA).state == State.VERIFYING
    assert begin(Browser(), SAM).state == State.FAILED


def test_a_revoked_agents_directory_is_away(north: North, agent: Agent) -> None:
    with scopes_disabled():
        Agent.objects.update(status=Agent.Status.REVOKED)
    assert begin(Browser(), SAM).state == State.FAILED
    with scopes_disabled():
        assert User.objects.get(principal_name=SAM).is_enabled
