"""The connector and the reader for each kind of directory, loaded when first asked for. No Django here.

They need python-ldap, which is built from source: whoever connects no directory needs neither (requirements-ldap.lock).
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from writeback.connectors.base import Access, Connector, DirectoryError, Kind, Reason
from writeback.connectors.reading import Mapping, Reader

CONNECTORS = {
    Kind.ACTIVE_DIRECTORY: ("writeback.connectors.active_directory", "ActiveDirectory"),
    Kind.OPENLDAP: ("writeback.connectors.openldap", "OpenLdap"),
    Kind.DS389: ("writeback.connectors.ds389", "Ds389"),
}
READERS = {
    Kind.ACTIVE_DIRECTORY: ("writeback.connectors.active_directory_reading", "ActiveDirectoryReader"),
    Kind.OPENLDAP: ("writeback.connectors.ldap_reading", "OpenLdapReader"),
    Kind.DS389: ("writeback.connectors.ldap_reading", "Ds389Reader"),
}


def is_installed() -> bool:
    """Whether this process can speak to a directory at all."""
    return find_spec("ldap") is not None


def connector_for(access: Access) -> Connector:
    """Connects when it is first asked something. Raises DirectoryError where python-ldap is not installed."""
    connector: Connector = _class(CONNECTORS[access.kind])(access)
    return connector


def reader_for(access: Access, mapping: Mapping | None = None) -> Reader:
    """The same for bringing people and groups in."""
    reader: Reader = _class(READERS[access.kind])(access, mapping)
    return reader


def _class(place: tuple[str, str]) -> Any:
    if not is_installed():
        raise DirectoryError(Reason.NOT_SUPPORTED, "python-ldap is not installed: see requirements-ldap.lock")
    module, name = place
    return getattr(import_module(module), name)
