"""Front door of an import: a file, a tenant, and batch after batch until the end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import Activity, Event
from accounts.identifiers import new_id
from accounts.importing.checking import Person, Rules
from accounts.importing.copying import CopyStore, refresh_statistics
from accounts.importing.parallel import Batch, Checked, Checkers
from accounts.importing.planning import Plan, Planner, digest_purposes
from accounts.importing.reading import RawLine, Source, read_line
from accounts.importing.replacing import Replaced, addresses_before, replaced_people, tell, tell_nobody
from accounts.importing.writing import BulkStore, Store
from accounts.models import Domain, Tenant
from accounts.tenants import opened

ROWS_PER_BATCH = {"postgresql": 5000, "sqlite": 1000}
# A table that grows within seconds misleads PostgreSQL's planner: it would read all of it for each batch.
STATISTICS_AFTER = frozenset({2, 12, 72, 432})


@dataclass(frozen=True)
class RefusedLine:
    """A line that was not imported, and why. `cells` are for the file of refused rows only."""

    number: int
    reason: str
    cells: tuple[str, ...] = field(repr=False)


@dataclass
class Counts:
    """What an import did, or (a dry run) would do.

    `kept`: proofs that people registered or confirmed themselves. `announced`: people who are told that an imported
    value of theirs was replaced; `not_announced`: who ought to be told, and can't.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    groups_added: int = 0
    kept: int = 0
    announced: int = 0
    not_announced: int = 0

    @property
    def rows(self) -> int:
        return self.added + self.changed + self.unchanged + self.refused

    def add(self, other: "Counts") -> None:
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)


def ignore(*_: object) -> None:
    """For whoever wants to hear of nothing."""


@dataclass
class Import:
    """One run over a file. `on_refused` hears of every refused line in order, `on_rows` how many rows are done more.

    `on_replaced` hears, in the transaction that changes them, of people whose imported phone or address gave way to
    another one, some at a time; it returns how many of them are told. A dry run doesn't call it.
    """

    tenant: Tenant
    source: Source
    dry_run: bool = False
    now: datetime | None = None
    on_start: Callable[[int], object] = ignore
    on_refused: Callable[[RefusedLine], object] = ignore
    on_rows: Callable[[int], object] = ignore
    on_replaced: Callable[[Sequence[Replaced]], int] = tell_nobody

    def run(self) -> Counts:
        """Import the file. Each batch is a transaction with its audit event: an interrupted run is simply run again.

        Raises UnusableFile before anything is changed.
        """
        now, total, run_id = self.now or timezone.now(), Counts(), new_id()
        with opened(self.tenant), Checkers(self._rules(), self.source.file_bytes) as checkers:
            survey = self.source.survey()
            self.on_start(survey.rows)
            planner = Planner(self.tenant, survey)
            for number, (batch, checked) in enumerate(checkers.check_all(self._batches()), start=1):
                counts = self._import_batch(checked, planner, now, run_id)
                self._report(batch, checked.refused)
                total.add(counts)
                self.on_rows(counts.rows)
                if connection.vendor == "postgresql" and number in STATISTICS_AFTER:
                    refresh_statistics()
        return total

    def _rules(self) -> Rules:
        return Rules(
            columns=self.source.columns,
            own_domains=frozenset(Domain.objects.filter(tenant=self.tenant).values_list("name", flat=True)),
            languages=frozenset(code for code, _ in settings.LANGUAGES),
            names_need_domain=self.tenant.kind == Tenant.Kind.WORKFORCE,
            digest_purposes=digest_purposes(self.tenant),
        )

    def _batches(self) -> Iterator[list[RawLine]]:
        lines = self.source.raw_lines()
        while batch := list(islice(lines, ROWS_PER_BATCH[connection.vendor])):
            yield batch

    def _import_batch(self, checked: Checked, planner: Planner, now: datetime, run_id: UUID) -> Counts:
        """Import what was checked; adds the people who were refused later to the refused lines."""
        refused = checked.refused
        if self.dry_run:
            plan, more = planner.plan(checked.people)
            refused.update(more)
            return _counts(plan, refused)
        with transaction.atomic():
            # Another import of the same tenant waits; everybody else goes on.
            Tenant.objects.select_for_update(no_key=True).get(pk=self.tenant.pk)
            plan, more = planner.plan(checked.people)
            refused.update(more)
            before = addresses_before(plan)
            refused.update(_write(self._store(now), plan, checked.people))
            counts = _counts(plan, refused)
            counts.announced, counts.not_announced = tell(replaced_people(plan, before), self.on_replaced)
            audit.record(Event(Activity.USERS_IMPORTED, self.tenant.pk, correlation_id=run_id, details=asdict(counts)))
        return counts

    def _report(self, batch: Batch, refused: dict[int, str]) -> None:
        for raw in batch:
            if raw[0] in refused:
                self.on_refused(RefusedLine(raw[0], refused[raw[0]], read_line(raw).cells))

    def _store(self, now: datetime) -> Store:
        return CopyStore(self.tenant, now) if connection.vendor == "postgresql" else BulkStore(self.tenant, now)


def _counts(plan: Plan, refused: dict[int, str]) -> Counts:
    return Counts(
        added=len(plan.new_users),
        changed=plan.changed,
        unchanged=plan.unchanged,
        refused=len(refused),
        groups_added=len(plan.new_groups),
        kept=plan.kept,
        announced=len(plan.mails_before),
    )


def _write(store: Store, plan: Plan, people: Sequence[Person]) -> dict[int, str]:
    """Write a plan. Returns the people whom somebody else added in the same moment: they are left as they are."""
    group_ids = {**plan.group_ids, **(store.add_groups(plan.new_groups.values()) if plan.new_groups else {})}
    ids = plan.ids | (store.add_users(plan.new_users) if plan.new_users else {})
    overtaken = set(plan.new_users) - set(ids)
    for key in overtaken:
        del plan.new_users[key]
    if plan.changed_users:
        store.change_users(plan.changed_users)
    if plan.new_proofs:
        store.add_proofs([new for new in plan.new_proofs if new.owner in ids], ids)
    if plan.changed_proofs:
        plan.changed_proofs = store.change_proofs(plan.changed_proofs, ids)
    memberships = [(ids[owner], group_ids[group]) for owner, group in plan.memberships if owner in ids]
    if memberships:
        store.add_memberships(memberships)
    reason = _("somebody else added this person in the same moment; import the row again")
    return {person.line: reason for person in people if person.key in overtaken}
