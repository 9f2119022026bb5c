"""How OpenLDAP and 389 are reached: encrypted and verified, at the first server that answers, or not at all."""

import pytest

from tests.directories.ldap_server import HOST, LdapServer
from tests.servers import free_port
from tests.writeback.asking import carried_out, refused
from writeback.connectors import READERS, connector_for
from writeback.connectors.base import DirectoryError, Reason, Server
from writeback.connectors.orders import Operation, Order, Outcome

pytestmark = pytest.mark.directory

NEW = "Brand-new-Xyzzy-77"


def test_q7_an_untrusted_certificate_is_refused(directory: LdapServer) -> None:
    for starttls in (False, True):
        port = directory.port if starttls else directory.tls_port
        server = Server(HOST, port, starttls=starttls)
        connector = connector_for(directory.access(ca_pem=directory.wrong_ca_pem, servers=(server,)))
        with refused(Reason.NOT_TRUSTED):
            connector.probe()


def test_q7_a_certificate_for_another_name_is_refused(directory: LdapServer) -> None:
    for starttls in (False, True):
        port = directory.port if starttls else directory.tls_port
        server = Server("localhost", port, starttls=starttls)
        with refused(Reason.NOT_TRUSTED):
            connector_for(directory.access(servers=(server,))).probe()


def test_q7_nothing_is_said_in_clear(directory: LdapServer) -> None:
    """The port for plain LDAP without StartTLS: no handshake comes about, so no password is sent."""
    person = directory.somebody()
    connector = connector_for(directory.access(servers=(Server(HOST, directory.port),), timeout=2.0))
    with refused(Reason.UNREACHABLE):
        connector.probe()
    report = carried_out(connector, Order(Operation.RESET, person.anchor, new=NEW))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.UNREACHABLE)


def test_a_reset_by_starttls(directory: LdapServer) -> None:
    person = directory.somebody()
    access = directory.access(servers=(Server(HOST, directory.port, starttls=True),))
    connector = connector_for(access)
    assert connector.probe().server == f"ldap://127.0.0.1:{directory.port}"
    connector.set_password(connector.find(person.anchor), NEW)
    connector.verify(connector.find(person.anchor), NEW)


def test_a_first_server_that_is_down_is_passed_over(directory: LdapServer) -> None:
    person = directory.somebody()
    connector = connector_for(directory.access(servers=(Server(HOST, free_port()), directory.server)))
    connector.set_password(connector.find(person.anchor), NEW)
    connector.verify(connector.find(person.anchor), NEW)


def test_no_server_answers(directory: LdapServer) -> None:
    access = directory.access(servers=(Server(HOST, free_port()), Server(HOST, free_port())))
    with refused(Reason.UNREACHABLE):
        connector_for(access).probe()
    with pytest.raises(DirectoryError, match="unreachable"):
        list(READERS[directory.kind](access).people(None))
