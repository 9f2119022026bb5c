"""The kinds of directory that passwords are written to and people are read from. No Django at or below this package.

Where python-ldap isn't installed there are none: it is built only where directories are reached directly.
"""

from typing import Any

from writeback.connectors.base import Access, Connector, Kind
from writeback.connectors.reading import Reader

CONNECTORS: dict[Kind, Any] = {}
READERS: dict[Kind, type[Reader]] = {}

try:
    from writeback.connectors.active_directory import ActiveDirectory
    from writeback.connectors.active_directory_reading import ActiveDirectoryReader
    from writeback.connectors.ds389 import Ds389
    from writeback.connectors.ldap_reading import Ds389Reader, OpenLdapReader
    from writeback.connectors.openldap import OpenLdap
except ModuleNotFoundError as error:
    if error.name != "ldap":
        raise
else:
    CONNECTORS = {Kind.ACTIVE_DIRECTORY: ActiveDirectory, Kind.OPENLDAP: OpenLdap, Kind.DS389: Ds389}
    READERS = {Kind.ACTIVE_DIRECTORY: ActiveDirectoryReader, Kind.OPENLDAP: OpenLdapReader, Kind.DS389: Ds389Reader}


def connector_for(access: Access) -> Connector:
    connector: Connector = CONNECTORS[access.kind](access)
    return connector
