"""Who is named as having had an imported value replaced, when, and what that costs everybody else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.importing import replacing, runs
from accounts.importing.planning import Planner
from accounts.importing.replacing import Replaced
from accounts.methods import AuthenticatorType, Kind
from accounts.models import Authenticator, Tenant, User
from accounts.tenants import opened
from tests.accounts.importing import import_text, proofs_of

COLUMNS = "principal_name,mail,mobile_phone,office_phone,authentication_email\n"
NOOR = "noor@acme.example,noor@acme.example,+49 15112345647,+49 30 1234567,noor@home.example\n"
MOVED = "noor@acme.example,noor.h@acme.example,+49 15112345648,+49 30 1234568,noor@new.example\n"


class Listener:
    """Keeps what it hears of, and says that everybody is told."""

    def __init__(self) -> None:
        self.portions: list[list[Replaced]] = []

    def __call__(self, people: Sequence[Replaced]) -> int:
        self.portions.append(list(people))
        return len(people)

    @property
    def people(self) -> list[Replaced]:
        return [person for portion in self.portions for person in portion]


@pytest.fixture
def heard() -> Listener:
    return Listener()


def test_p7_all_that_was_replaced_comes_once_with_every_address_held_before(
    acme: Tenant, tmp_path: Path, heard: Listener
) -> None:
    import_text(tmp_path, acme, COLUMNS + NOOR)
    counts = import_text(tmp_path, acme, COLUMNS + MOVED, on_replaced=heard).counts
    assert (counts.changed, counts.announced, counts.not_announced) == (1, 1, 0)
    assert [(set(person.kinds), person.addresses) for person in heard.people] == [
        ({Kind.PHONE, Kind.MAIL}, ("noor@home.example", "noor@acme.example"))
    ]
    with opened(acme):
        assert heard.people[0].user_id == User.objects.get().pk


def test_e6_what_is_said_about_a_person_shows_no_address(acme: Tenant, tmp_path: Path, heard: Listener) -> None:
    import_text(tmp_path, acme, COLUMNS + NOOR)
    import_text(tmp_path, acme, COLUMNS + MOVED, on_replaced=heard)
    assert "example" not in repr(heard.people)


def test_new_people_first_values_and_a_second_run_name_nobody(acme: Tenant, tmp_path: Path, heard: Listener) -> None:
    for text in (
        "noor@acme.example,noor@acme.example,+49 15112345647,,\n",
        NOOR,
        NOOR,
        "noor@acme.example,other@acme.example,,,\n",
    ):
        counts = import_text(tmp_path, acme, COLUMNS + text, on_replaced=heard).counts
        assert (counts.announced, counts.not_announced) == (0, 0)
    assert heard.portions == []


def test_a_value_that_the_person_confirmed_is_not_replaced_and_named(
    alice: User, acme: Tenant, tmp_path: Path, heard: Listener
) -> None:
    text = "principal_name,mobile_phone\nalice@acme.example,+1 4255551234\n"
    assert import_text(tmp_path, acme, text, on_replaced=heard).counts.kept == 1
    assert heard.portions == []


def test_a_value_confirmed_in_the_same_moment_stays_and_is_not_named(
    acme: Tenant, tmp_path: Path, heard: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Planner.plan

    def overtaken(planner: Planner, people: Any) -> Any:
        planned = plan(planner, people)
        Authenticator.objects.filter(type=AuthenticatorType.MOBILE_PHONE).update(confirmed_at=timezone.now())
        return planned

    import_text(tmp_path, acme, COLUMNS + NOOR)
    monkeypatch.setattr(Planner, "plan", overtaken)
    text = "principal_name,mobile_phone\nnoor@acme.example,+49 15112345648\n"
    counts = import_text(tmp_path, acme, text, on_replaced=heard).counts
    assert (heard.portions, counts.announced, counts.not_announced) == ([], 0, 0)
    assert proofs_of(acme, "noor@acme.example")["mobile_phone"] == "+4915112345647"


def test_a_dry_run_counts_them_and_tells_nobody(acme: Tenant, tmp_path: Path, heard: Listener) -> None:
    import_text(tmp_path, acme, COLUMNS + NOOR)
    assert import_text(tmp_path, acme, COLUMNS + MOVED, dry_run=True, on_replaced=heard).counts.announced == 1
    assert heard.portions == []


def test_many_people_come_some_at_a_time_over_all_batches(
    acme: Tenant, tmp_path: Path, heard: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "PEOPLE_AT_ONCE", 2)
    monkeypatch.setitem(runs.ROWS_PER_BATCH, connection.vendor, 5)
    for digit in (1, 2):
        rows = "".join(f"user{number}@acme.example,+49 1511{digit}00000{number}\n" for number in range(8))
        import_text(tmp_path, acme, "principal_name,mobile_phone\n" + rows, on_replaced=heard)
    assert [len(portion) for portion in heard.portions] == [2, 2, 1, 2, 1]
    assert len({person.user_id for person in heard.people}) == 8


def test_an_old_address_that_no_longer_opens_stops_nothing(acme: Tenant, tmp_path: Path, heard: Listener) -> None:
    import_text(tmp_path, acme, COLUMNS + NOOR)
    with opened(acme):
        Authenticator.objects.filter(type=AuthenticatorType.EMAIL).update(sealed=b"damaged")
    assert import_text(tmp_path, acme, COLUMNS + MOVED, on_replaced=heard).counts.changed == 1
    assert [person.addresses for person in heard.people] == [("noor@acme.example",)]
    assert proofs_of(acme, "noor@acme.example")["email"] == "noor@new.example"


def test_where_nothing_is_replaced_no_statement_asks_for_addresses(acme: Tenant, tmp_path: Path) -> None:
    def reading(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            import_text(tmp_path, acme, COLUMNS + text)
        statements = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
        return sum('"accounts_authenticator"."sealed"' in sql for sql in statements)

    assert [reading(text) for text in (NOOR, NOOR, MOVED)] == [0, 0, 1]


def test_a_value_that_takes_the_place_of_one_in_an_own_domain_is_none(acme: Tenant, tmp_path: Path) -> None:
    import_text(tmp_path, acme, COLUMNS + NOOR)
    with opened(acme):
        mail = Authenticator.objects.filter(type=AuthenticatorType.EMAIL)
        mail.update(in_own_domain=True)
        import_text(tmp_path, acme, COLUMNS + NOOR)
        assert mail.get().in_own_domain
        import_text(tmp_path, acme, COLUMNS + MOVED)
        assert not mail.get().in_own_domain
