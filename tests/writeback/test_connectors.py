"""Which kinds of directory are spoken to from here."""

import subprocess
import sys

import pytest

from writeback.connectors import CONNECTORS, READERS
from writeback.connectors.base import Kind

WITHOUT_PYTHON_LDAP = """
import sys
sys.modules["ldap"] = None
from writeback.connectors import CONNECTORS, READERS
from writeback.connectors.carrying_out import carry_out
assert CONNECTORS == {} and READERS == {} and callable(carry_out)
assert "django" not in sys.modules
"""


@pytest.mark.directory
def test_active_directory_is_written_to_and_read() -> None:
    assert Kind.ACTIVE_DIRECTORY in CONNECTORS
    assert Kind.ACTIVE_DIRECTORY in READERS


def test_without_python_ldap_and_django_the_rest_works() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTHON_LDAP], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
