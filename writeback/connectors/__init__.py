"""The kinds of directory that passwords are written to. No Django at or below this package."""

from writeback.connectors.active_directory import ActiveDirectory
from writeback.connectors.base import Access, Connector, Kind
from writeback.connectors.ds389 import Ds389
from writeback.connectors.ldap_reading import Ds389Reader, LdapReader, OpenLdapReader
from writeback.connectors.openldap import OpenLdap

CONNECTORS: dict[Kind, type[ActiveDirectory] | type[OpenLdap] | type[Ds389]] = {
    Kind.ACTIVE_DIRECTORY: ActiveDirectory,
    Kind.OPENLDAP: OpenLdap,
    Kind.DS389: Ds389,
}

READERS: dict[Kind, type[LdapReader]] = {
    Kind.OPENLDAP: OpenLdapReader,
    Kind.DS389: Ds389Reader,
}


def connector_for(access: Access) -> Connector:
    return CONNECTORS[access.kind](access)
