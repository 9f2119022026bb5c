"""What an order must not say, and what its time must not tell."""

from dataclasses import replace

import pytest

from tests.writeback.books import ALICE, CHANGE, RESET, UNLOCK, VERIFY, Books, again, carried_out
from writeback.connectors.base import DirectoryError, Reason
from writeback.connectors.orders import Order, Outcome


@pytest.mark.parametrize(
    "books",
    [
        Books(fails={"find": [DirectoryError(Reason.NOT_FOUND, "32")]}),
        Books(replace(ALICE, is_disabled=True)),
        Books(replace(ALICE, is_locked=True, tries_left=0)),
        Books(replace(ALICE, tries_left=2)),
    ],
    ids=["nobody", "disabled", "locked", "two tries left"],
)
def test_e2_whoever_is_not_tried_costs_a_bind_all_the_same(books: Books) -> None:
    """Else a connection and a bind, a second away, would tell by the time whether there is somebody."""
    assert carried_out(books, VERIFY).outcome == Outcome.FAILED
    assert books.calls == ["find", "verify_nobody"]


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK])
def test_only_a_sign_in_costs_a_bind_as_nobody(order: Order) -> None:
    books = Books(replace(ALICE, is_disabled=True))
    carried_out(books, order)
    assert books.calls == ["find"]


@pytest.mark.parametrize("order", [RESET, CHANGE, UNLOCK])
@pytest.mark.parametrize(
    "books",
    [
        Books(fails={"find": [DirectoryError(Reason.UNREACHABLE, "-1")] * 3}),
        Books(replace(ALICE, mark="2", is_disabled=True)),
    ],
    ids=["away", "disabled since"],
)
def test_q8_a_repeat_that_does_nothing_does_not_say_that_nothing_was_done(books: Books, order: Order) -> None:
    assert carried_out(books, again(order)).outcome == Outcome.UNCONFIRMED
    assert books.writes == []


@pytest.mark.parametrize("order", [RESET, CHANGE])
def test_a_repeat_that_finds_the_mark_as_it_was_knows_that_nothing_was_done(order: Order) -> None:
    assert carried_out(Books(replace(ALICE, is_disabled=True)), again(order)).outcome == Outcome.FAILED
