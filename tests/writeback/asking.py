"""What tests of connectors say often."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from writeback.connectors.base import Connector, DirectoryError, Reason
from writeback.connectors.carrying_out import carry_out
from writeback.connectors.orders import Order, Report


@contextmanager
def refused(reason: Reason, code: str | None = None) -> Iterator[None]:
    """The directory, or our own care, says no for this reason."""
    with pytest.raises(DirectoryError) as caught:
        yield
    assert (caught.value.reason, caught.value.code) == (reason, caught.value.code if code is None else code)


def carried_out(connector: Connector, order: Order, **said: Any) -> Report:
    """Carry out an order with nothing in its way. `marks` and `told` are lists to keep what was noted and told."""
    marks, told = said.get("marks", []), said.get("told", [])

    def note(mark: str) -> bool:
        marks.append(mark)
        return True

    return carry_out(connector, order, note, lambda: True, lambda *step: told.append(step))
