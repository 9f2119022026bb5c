"""Reading what an agent sent: every field by name, of the kind and length that it has to be. Raises Malformed otherwise."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from writeback.agent.protocol import Malformed, from_text

MOST_WORDS = 20


@dataclass(frozen=True)
class Given:
    """A JSON object as sent."""

    fields: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: bytes) -> "Given":
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise Malformed from None
        if not isinstance(fields, dict):
            raise Malformed
        return cls(fields)

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str, most: int, may_be_empty: bool = False) -> str:
        """Without what databases don't take."""
        value = self.fields.get(name)
        if (
            not isinstance(value, str)
            or not (value or may_be_empty)
            or len(value) > most
            or "\0" in value
            or not _is_sound(value)
        ):
            raise Malformed
        return value

    def printable(self, name: str, most: int) -> str:
        """What may be empty; cut off, and control characters taken out, as the directory itself may have said it."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise Malformed
        return "".join(char for char in value if char.isprintable())[:most]

    def data(self, name: str) -> bytes:
        return from_text(self.fields.get(name))

    def number(self, name: str, most: int) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise Malformed
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise Malformed
        return value

    def id(self, name: str) -> UUID:
        try:
            return UUID(self.text(name, 36))
        except ValueError:
            raise Malformed from None

    def one_of(self, name: str, kind: type[StrEnum]) -> str:
        value = self.fields.get(name)
        if value not in list(kind):
            raise Malformed
        return str(value)

    def words(self, name: str, keys: type[StrEnum], values: type[StrEnum]) -> dict[str, str]:
        """A small table of known words."""
        value = self.fields.get(name)
        if not isinstance(value, dict) or len(value) > MOST_WORDS:
            raise Malformed
        if not all(key in list(keys) and one in list(values) for key, one in value.items()):
            raise Malformed
        return {str(key): str(one) for key, one in value.items()}

    def texts(self, name: str, most: int, longest: int) -> list[str]:
        """A list of texts."""
        value = self.fields.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise Malformed
        if not all(isinstance(one, str) and 0 < len(one) <= longest and one.isprintable() for one in value):
            raise Malformed
        return value


def _is_sound(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON can carry half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
