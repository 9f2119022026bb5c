"""Every kind of directory has a connector and a reader; without python-ldap there are none, and all else works."""

import subprocess
import sys

import pytest

from writeback.connectors.base import Access, Kind, Server
from writeback.connectors.finding import CONNECTORS, READERS, connector_for, reader_for

WITHOUT_PYTHON_LDAP = """
import sys
sys.modules["ldap"] = None
from writeback.connectors.base import Access, DirectoryError, Kind, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.finding import connector_for, is_installed
assert callable(carry_out) and not is_installed()
try:
    connector_for(Access(Kind.OPENLDAP, (), "", "", ""))
except DirectoryError as error:
    assert error.reason == Reason.NOT_SUPPORTED
else:
    raise AssertionError("a connector without python-ldap")
assert "django" not in sys.modules
"""


@pytest.mark.directory
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_written_to_and_read(kind: Kind) -> None:
    access = Access(kind, (Server("127.0.0.1"),), "dc=example", "cn=rekey", "secret")
    assert type(connector_for(access)).__name__ == CONNECTORS[kind][1]
    assert type(reader_for(access)).__name__ == READERS[kind][1]


def test_without_python_ldap_and_django_the_rest_works() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTHON_LDAP], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
