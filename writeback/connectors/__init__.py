"""The kinds of directory that are spoken to from here. No Django in this package: the agent uses it too.

Where python-ldap isn't installed there are none: it is built only where directories are reached directly.
"""

from writeback.connectors.base import Connector, Kind
from writeback.connectors.reading import Reader

CONNECTORS: dict[Kind, type[Connector]] = {}
READERS: dict[Kind, type[Reader]] = {}

try:
    from writeback.connectors.active_directory import ActiveDirectory
    from writeback.connectors.active_directory_reading import ActiveDirectoryReader
except ModuleNotFoundError as error:
    if error.name != "ldap":
        raise
else:
    CONNECTORS = {
        Kind.ACTIVE_DIRECTORY: ActiveDirectory,
    }
    READERS = {
        Kind.ACTIVE_DIRECTORY: ActiveDirectoryReader,
    }
