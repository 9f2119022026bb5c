"""Whether a user may change their own password, read from a security descriptor (MS-DTYP sections 2.4.4 to 2.4.6)."""

import functools
import struct
import uuid

from writeback.connectors.protected import sid_text

CHANGE_PASSWORD = uuid.UUID("ab721a53-1e2f-11d0-9819-00aa0040529b").bytes_le
CONTROL_ACCESS = 0x100
DENIED, OBJECT_DENIED = 1, 6
INHERIT_ONLY = 0x08
EVERYONE, SELF = "S-1-1-0", "S-1-5-10"


@functools.lru_cache(maxsize=512)  # people of one place mostly share theirs
def denies_change(descriptor: bytes) -> bool:
    """What the administration tools show as *User cannot change password*. What can't be read counts as a denial."""
    try:
        return bool(descriptor) and _denies(descriptor)
    except (struct.error, ValueError):
        return True


def _denies(descriptor: bytes) -> bool:
    (start,) = struct.unpack_from("<I", descriptor, 16)
    if not start:
        return False
    _revision, _zero, _size, count = struct.unpack_from("<BBHH", descriptor, start)
    place = start + 8
    for _number in range(count):
        kind, flags, size = struct.unpack_from("<BBH", descriptor, place)
        entry = descriptor[place : place + size]
        if kind in (DENIED, OBJECT_DENIED) and not flags & INHERIT_ONLY and _is_about_change(kind, entry):
            return True
        place += max(size, 4)
    return False


def _is_about_change(kind: int, entry: bytes) -> bool:
    (mask,) = struct.unpack_from("<I", entry, 4)
    place = 8
    about = b""
    if kind == OBJECT_DENIED:
        (present,) = struct.unpack_from("<I", entry, 8)
        place = 12
        if present & 1:
            about, place = entry[place : place + 16], place + 16
        if present & 2:
            place += 16
    length = 8 + 4 * entry[place + 1] if len(entry) > place + 1 else 0
    whom = sid_text(entry[place : place + length])
    return bool(mask & CONTROL_ACCESS) and about in (b"", CHANGE_PASSWORD) and whom in (EVERYONE, SELF)
