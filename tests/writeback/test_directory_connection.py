"""No password is said before the other side is known: TLS always, verified always, and what happens when it can't be."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import ldap
import pytest
from ldap.controls import RequestControl

from tests import servers
from tests.certificates import make_certificates
from tests.directories.samba import ACCOUNT, Samba
from tests.directories.stand_in import BIND, EXTENDED, MODIFY, UNBIND, StandIn, stand_in
from writeback.connectors.active_directory import ActiveDirectory
from writeback.connectors.base import Access, DirectoryError, Kind, Reason, Server
from writeback.connectors.connection import Change, Connection, open_connection
from writeback.connectors.failures import LdapError, printable
from writeback.connectors.pool import IDLE_CONNECTIONS, POOL, Pool, reading

pytestmark = pytest.mark.directory
PPOLICY = "1.3.6.1.4.1.42.2.27.8.5.1"
CHANGE: Change = (ldap.MOD_REPLACE, "userPassword", [b"x"])
Ask = Callable[[Connection], object]
WRITES: list[Ask] = [lambda to: to.modify("CN=b", [CHANGE]), lambda to: to.extended("1.2", b"x")]
READS: list[Ask] = [lambda to: to.read("CN=b", []), lambda to: list(to.pages("CN=b", "(a=b)", []))]
BINDS: list[Ask] = [lambda to: to.bind("CN=b", "x")]
SECRET = "n0b0dy-Hears-Th1s"


def access(port: int, ca: str, host: str = "127.0.0.1", starttls: bool = False, timeout: float = 5) -> Access:
    return Access(Kind.ACTIVE_DIRECTORY, (Server(host, port, starttls),), "DC=x", "CN=a,DC=x", SECRET, ca, timeout)


def refused(given: Access) -> DirectoryError:
    with pytest.raises(DirectoryError) as error:
        open_connection(given)
    assert SECRET not in f"{error.value} {error.value!r}"
    return error.value


@contextmanager
def encrypted(folder: Path, *names: str, valid_for: timedelta = timedelta(hours=1)) -> Iterator[tuple[StandIn, str]]:
    """A directory with a certificate for these names, and the text of its authority."""
    folder.mkdir(exist_ok=True)
    certificates = make_certificates(folder, *names, valid_for=valid_for)
    with stand_in(certificates.server) as server:
        server.entries[""] = {}
        yield server, certificates.ca.read_text()


def test_a_verified_server_is_bound_to(tmp_path: Path) -> None:
    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        open_connection(access(server.port, ca)).close()
        assert [bind.name for bind in server.heard_of(BIND)] == ["CN=a,DC=x"]


def test_q7_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    with encrypted(tmp_path, "127.0.0.1") as (server, _ca), encrypted(tmp_path / "b", "127.0.0.1") as (_other, wrong):
        for ca in (wrong, ""):
            error = refused(access(server.port, ca))
            assert error.reason is Reason.NOT_TRUSTED
            assert error.code.startswith("certificate 20 ")
        assert server.heard == []


def test_q7_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with encrypted(tmp_path, "other.example.com") as (server, ca):
        assert refused(access(server.port, ca)).reason is Reason.NOT_TRUSTED
        assert refused(access(server.port, ca, host="localhost")).reason is Reason.NOT_TRUSTED
        assert server.heard == []


def test_q7_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    with encrypted(tmp_path, "127.0.0.1", valid_for=timedelta(minutes=-1)) as (server, ca):
        error = refused(access(server.port, ca))
        assert (error.reason, error.code) == (Reason.NOT_TRUSTED, "certificate 10 certificate has expired")
        assert server.heard == []


def test_q7_trusted_certificates_that_are_none_are_said_to_be_so() -> None:
    for ca in ("hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        assert refused(access(1, ca)).reason is Reason.NOT_TRUSTED


@pytest.mark.parametrize("starttls", [True, False])
def test_q7_a_server_without_encryption_hears_no_password(tmp_path: Path, starttls: bool) -> None:
    """StartTLS is answered as an unknown operation is: there is no going on without."""
    ca = make_certificates(tmp_path, "127.0.0.1").ca.read_text()
    with stand_in(None) as server:
        server.answers = {0x77: (2, "what?")}
        error = refused(access(server.port, ca, starttls=starttls, timeout=1))
        assert error.reason is Reason.UNREACHABLE
        assert server.heard_of(BIND) == []
        assert not any(SECRET.encode() in data for data in server.raw)


@pytest.mark.parametrize("starttls", [True, False])
def test_both_ways_to_encryption_lead_to_a_real_domain_controller(domain: Samba, starttls: bool) -> None:
    assert (
        ActiveDirectory(domain.access(starttls=starttls)).probe().server
        == domain.access(starttls=starttls).servers[0].url
    )


@pytest.mark.parametrize("starttls", [True, False])
def test_q7_a_real_domain_controller_of_another_authority_is_refused(
    domain: Samba, tmp_path: Path, starttls: bool
) -> None:
    wrong = make_certificates(tmp_path, domain.address).ca.read_text()
    with pytest.raises(DirectoryError) as error:
        ActiveDirectory(domain.access(ca_pem=wrong, starttls=starttls)).probe()
    assert error.value.reason is Reason.NOT_TRUSTED


def test_the_next_server_is_asked_when_the_first_is_dead(domain: Samba) -> None:
    live = domain.access().servers[0]
    directory = ActiveDirectory(domain.access(servers=(Server("127.0.0.1", servers.free_port()), live)))
    assert directory.probe().server == live.url


def test_no_server_at_all_is_unreachable(domain: Samba) -> None:
    dead = Server("127.0.0.1", servers.free_port())
    for given in ((dead,), (dead, Server("nowhere.invalid")), ()):
        assert refused(domain.access(servers=given)).reason is Reason.UNREACHABLE


@pytest.mark.parametrize("host", ["", ".x", "a" * 70 + ".example", "a b", "x\0y", "\ud83d"])
def test_a_host_that_is_none_is_unreachable(host: str) -> None:
    assert refused(access(1, "", host=host)).reason is Reason.UNREACHABLE


def test_an_untrusted_server_is_told_of_before_a_dead_one(domain: Samba, tmp_path: Path) -> None:
    wrong = make_certificates(tmp_path, domain.address).ca.read_text()
    given = (domain.access().servers[0], Server("127.0.0.1", servers.free_port()))
    assert refused(domain.access(servers=given, ca_pem=wrong)).reason is Reason.NOT_TRUSTED


@pytest.mark.parametrize("starttls", [True, False])
def test_a_silent_server_is_given_up_in_time(starttls: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = refused(access(silent.getsockname()[1], "", starttls=starttls, timeout=0.2))
    assert (error.reason, error.code) == (Reason.UNREACHABLE, "network timed out")


def test_a_name_that_leads_elsewhere_than_allowed_hears_nothing(tmp_path: Path) -> None:
    # libldap takes the machine's own name for "localhost".
    with encrypted(tmp_path, "localhost", socket.gethostname()) as (server, ca):
        for addresses, is_allowed in ((("127.9.9.9", "127.0.0.1"), True), (("127.9.9.9",), False)):
            given = Server("localhost", server.port, addresses=addresses)
            pinned = Access(Kind.ACTIVE_DIRECTORY, (given,), "DC=x", "CN=a,DC=x", SECRET, ca, 1)
            if is_allowed:
                open_connection(pinned).close()
            else:
                assert refused(pinned).reason is Reason.UNREACHABLE
        assert len(server.heard_of(BIND)) == 1


def test_the_account_s_own_wrong_password_is_not_the_person_s(domain: Samba) -> None:
    error = refused(domain.access(password=SECRET))
    assert (error.reason, error.code) == (Reason.NO_RIGHTS, "49 80090308 data 52e")


def test_nobody_binds_without_a_password(domain: Samba) -> None:
    assert refused(domain.access(password="")).reason is Reason.NO_RIGHTS
    with pytest.raises(DirectoryError) as error:
        open_connection(domain.access(), ACCOUNT, "")
    assert error.value.reason is Reason.WRONG_PASSWORD


def test_a_connection_is_used_again_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    def look(given: Access) -> None:
        reading(given, lambda connection: connection.read("", []))

    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        given = access(server.port, ca)
        look(given)
        look(given)
        assert len(server.heard_of(BIND)) == 1
        idle = POOL.take(given)
        assert idle is not None
        with socket.socket(fileno=os.dup(idle._raw.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
        POOL.give_back(idle)
        look(given)
        assert len(server.heard_of(BIND)) == 2
    POOL.close()


def test_response_controls_come_back_as_they_were_sent_with_a_yes_and_with_a_no(tmp_path: Path) -> None:
    """That of the draft for password policies says more than the result does."""
    said = {PPOLICY: b"\x30\x03\x81\x01\x06", "1.2.3.4": b"?"}
    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        server.controls = said
        connection = open_connection(access(server.port, ca))
        asked = [RequestControl(PPOLICY, False)]
        assert connection.modify("CN=b", [CHANGE], asked) == said
        assert connection.extended("1.3.6.1.4.1.4203.1.11.1", b"\x30\x00", asked) == said
        assert connection.bind("CN=b", "x", asked) == said
        assert server.heard[-1].controls == ((PPOLICY, False, b""),)
        server.answers = dict.fromkeys((MODIFY, EXTENDED, BIND), (19, "no"))
        for ask in WRITES + BINDS:
            with pytest.raises(LdapError) as error:
                ask(connection)
            assert (error.value.controls, error.value.result, error.value.may_have_happened) == (said, 19, False)
        assert not connection.is_lost
        connection.close()


def test_a_write_without_an_answer_may_have_happened_and_a_read_may_not(tmp_path: Path) -> None:
    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        for ask in WRITES + READS:
            connection = open_connection(access(server.port, ca, timeout=0.3))
            server.is_silent = True
            with pytest.raises(LdapError) as error:
                ask(connection)
            server.is_silent = False
            assert (error.value.reason, error.value.may_have_happened) == (Reason.UNREACHABLE, ask in WRITES)
            assert connection.is_lost
            connection.close()


def test_a_child_leaves_its_parent_s_connections_alone(tmp_path: Path) -> None:
    """Letting go of one would say good-bye on a socket that the parent still speaks on."""
    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        given = access(server.port, ca)
        parent = Pool()
        parent.give_back(open_connection(given))
        parent.leave_to_parent()
        assert parent.take(given) is None
        assert server.heard_of(UNBIND) == []


def test_idle_connections_are_few_and_all_can_be_ended(tmp_path: Path) -> None:
    with encrypted(tmp_path, "127.0.0.1") as (server, ca):
        given, pool = access(server.port, ca), Pool()
        for connection in [open_connection(given) for _number in range(IDLE_CONNECTIONS + 2)]:
            pool.give_back(connection)
        kept = [pool.take(given) for _number in range(IDLE_CONNECTIONS + 1)]
        assert kept.count(None) == 1
        for idle in kept:
            if idle:
                pool.give_back(idle)
        pool.close()
        assert pool.take(given) is None


def test_two_threads_never_share_a_connection(domain: Samba) -> None:
    given, met = domain.access(), threading.Barrier(2, timeout=10)
    seen: list[int] = []

    def look() -> None:
        def ask(connection: object) -> None:
            met.wait()
            seen.append(id(connection))

        reading(given, ask)

    threads = [threading.Thread(target=look) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 2


@pytest.mark.parametrize("text", ["a\0b\nc\x1b[31m", "x" * 1000, "\u202eright to left"])
def test_what_is_kept_of_an_answer_is_printable_and_short(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) <= 200


def test_accesses_don_t_show_their_password() -> None:
    given: Callable[[], str] = access(1, "").__repr__
    assert SECRET not in given()
