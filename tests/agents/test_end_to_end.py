"""A password from the server through an agent into a real directory, and what is lost when processes die: nothing."""

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import servers
from tests.agents.installation import DATABASE, Installation, until
from tests.agents.proxy import PASSWORD, USER, proxy
from tests.directories.ldap_server import LdapServer, Somebody
from tests.directories.openldap import openldap
from tests.processes import private_file

pytestmark = [pytest.mark.process, pytest.mark.directory]
NEW, NEWER = "Canary-Passw0rd-7#", "Canary-Passw0rd-8#"


@pytest.fixture(scope="module")
def directory() -> Iterator[LdapServer]:
    with openldap() as server:
        yield server


@pytest.fixture
def dora(directory: LdapServer, request: pytest.FixtureRequest) -> Somebody:
    """Somebody of this test's own."""
    uid = f"dora{abs(hash(request.node.name)) % 10_000}"
    return directory.add_person(uid, mail=f"{uid}@example.test")


@pytest.fixture(scope="module")
def template(directory: LdapServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables."""
    folder = tmp_path_factory.mktemp("template")
    with Installation(folder, directory) as installation:
        installation.ask("migrate")
    return folder / DATABASE


@pytest.fixture
def here(directory: LdapServer, dora: Somebody, template: Path, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, directory, template) as installation:
        installation.ask("setup", kind="openldap", anchor=dora.anchor)
        installation.open_door()
        yield installation


def everything_written(folder: Path) -> bytes:
    """All files but the directory's own and the agents' passwords."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_q1_a_password_arrives_through_a_proxy_and_people_come_back(
    here: Installation, directory: LdapServer, dora: Somebody
) -> None:
    with proxy() as between:
        folder = here.configure("one").parent
        url = f"http://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{between.port}"
        here.enrol("one", proxy_file=private_file(folder / "proxy", url.encode()))
        here.start("one")
        until(lambda: here.ask("seen")["reaching"])
        ended = here.ended(here.ask("submit", new=NEW)["job"])
        assert (ended["status"], ended["steps"], ended["by"]) == ("applied", {"password": "done"}, "one")
        assert directory.binds(dora.dn, NEW)
        assert not directory.binds(dora.dn, dora.password)
        until(lambda: here.ask("seen")["synced"])
        assert here.ask("seen")["people"] >= 1
        assert set(between.asked) == {f"localhost:{here.port}"}
    assert "applied" in here.log("one")
    for form in (NEW.encode(), NEW.encode("utf-16-le"), PASSWORD.encode()):
        assert form not in (here.folder / "door.log").read_bytes() + here.log("one").encode()
    assert NEW.encode() not in everything_written(here.folder)


def test_q6_check_and_status_and_roll_say_what_is(here: Installation, directory: LdapServer, dora: Somebody) -> None:
    """With new keys everything goes on."""
    here.enrol("one")
    assert here.agent("one", "status").stdout.startswith("one: approved.")
    checked = here.agent("one", "check")
    assert checked.returncode in (0, 1), checked.stderr
    assert "Touches nobody outside of ou=people" in checked.stdout
    assert "olcAccess" in here.agent("one", "acl").stdout
    rolled = here.agent("one", "roll")
    assert rolled.returncode == 0, rolled.stderr
    here.start("one")
    assert here.ended(here.ask("submit", new=NEW)["job"])["status"] == "applied"
    assert directory.binds(dora.dn, NEW)
    assert here.agent("one", "enrol", typed="X\n").returncode == 2


def test_q4_another_agent_finishes_what_one_was_killed_over(
    here: Installation, directory: LdapServer, dora: Somebody
) -> None:
    for name in ("one", "two"):
        here.enrol(name)
    here.start("one")
    until(lambda: here.ask("seen")["reaching"])
    assert directory.process
    directory.process.send_signal(signal.SIGSTOP)  # the agent is in the middle of it
    try:
        job = here.ask("submit", new=NEW)["job"]
        until(lambda: here.ask("job", id=job)["by"] == "one")
        servers.stop(here.agents["one"], signal.SIGKILL)
    finally:
        directory.process.send_signal(signal.SIGCONT)
    here.start("two")
    here.ask("lose", id=job)
    ended = here.ended(job)
    assert (ended["status"], ended["by"]) == ("applied", "two")
    assert directory.binds(dora.dn, NEW)


def test_q3_what_came_too_late_is_not_applied_when_the_agent_returns(
    here: Installation, directory: LdapServer, dora: Somebody
) -> None:
    """Also Q8."""
    here.enrol("one")
    late = here.ask("submit", new=NEW, seconds=0.05)["job"]
    here.start("one")
    until(lambda: here.ask("seen")["reaching"])
    until(lambda: here.ask("recover") and here.ask("job", id=late)["status"] == "expired")
    assert not directory.binds(dora.dn, NEW)
    assert directory.binds(dora.dn, dora.password)


def test_an_agent_outlives_its_server_and_ends_when_told(
    here: Installation, directory: LdapServer, dora: Somebody
) -> None:
    here.enrol("one")
    here.start("one")
    until(lambda: here.ask("seen")["reaching"])
    assert here.door
    servers.stop(here.door, signal.SIGKILL)
    job = here.ask("submit", new=NEW)["job"]
    here.open_door()
    assert here.ended(job)["status"] == "applied"
    agent = here.agents["one"]
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(10) == 0


def test_q5_a_revoked_agent_gets_nothing_more(here: Installation, directory: LdapServer, dora: Somebody) -> None:
    here.enrol("one")
    here.enrol("two")
    here.start("one")
    until(lambda: here.ask("seen")["reaching"])
    here.ask("revoke", name="one")
    until(lambda: "doesn't know this agent" in here.log("one"))
    job = here.ask("submit", new=NEWER)["job"]
    here.start("two")
    assert here.ended(job)["by"] == "two"
