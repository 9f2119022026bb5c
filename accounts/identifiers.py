"""Identifiers that carry their time: UUIDv7 (RFC 9562), so that monthly partitions are found by the id alone."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    made: UUID = uuid7()
    return made


def moment_of(identifier: UUID) -> datetime:
    """When an id was made, to the millisecond, UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=identifier.int >> 80)
