"""From a connector's row to what reads its directory."""

from django.utils.translation import gettext as _

from writeback.access import NotDirect, access_of
from writeback.connectors import READERS
from writeback.connectors.reading import FIELDS, Mapping, Reader
from writeback.models import Connector


def source_of(connector: Connector) -> Reader:
    """Raises NotDirect, or DirectoryError with UNREACHABLE where no server has an address."""
    access = access_of(connector)
    if access.kind not in READERS:
        raise NotDirect(_("People can't be read from this kind of directory."))
    return READERS[access.kind](access, mapping_of(connector))


def mapping_of(connector: Connector) -> Mapping:
    """What the connector says of attributes and filters; what it doesn't say is the reader's usual."""
    named = {name: value for name, value in dict(connector.attributes).items() if name in FIELDS and value}
    return Mapping(named, connector.people_filter.strip(), connector.groups_filter.strip())
