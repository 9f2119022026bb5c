"""Front door of writeback: whether a password under a domain can be written where it belongs."""

from dataclasses import dataclass

from accounts.models import Domain, User


@dataclass(frozen=True)
class Availability:
    """Whether the authority for a name is a directory, and whether a password can be written there now."""

    is_directory: bool
    is_writable: bool


def availability(domain: Domain | None, user: User | None) -> Availability:
    """What holds for every name under a domain, and for directory users of any domain.

    Directories can't be connected yet, so a password kept in one can't be written: said honestly, before anybody proves
    anything.
    """
    in_directory = bool((domain and domain.directory_id) or (user and user.directory_id))
    return Availability(is_directory=in_directory, is_writable=not in_directory)
