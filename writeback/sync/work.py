"""What all parts of a run share: for whom, by which rules, in which transactions, and what came of it so far."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from accounts.importing.copying import CopyStore
from accounts.importing.replacing import Replaced
from accounts.importing.writing import BulkStore, Store
from accounts.models import Tenant
from writeback.models import Connector, SyncConflict, SyncRun
from writeback.sync import leases
from writeback.sync.checking import Rules
from writeback.sync.results import Change, Progress, Report, Result

OnReplaced = Callable[[Sequence[Replaced]], int]


@dataclass
class Work:
    """One run in the making. `run` None: a dry run, all of it in one transaction that is rolled back.

    `is_doubtful`: a group's member could not be found although only changes were read, so the next run reads everything.
    """

    tenant: Tenant
    connector: Connector
    run: SyncRun | None
    rules: Rules
    now: datetime
    is_full: bool
    on_replaced: OnReplaced
    progress: Progress
    report: Report
    result: Result = field(default_factory=Result)
    is_doubtful: bool = False
    conflicting: set[str] = field(default_factory=set)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A step of the run. Imports and other runs of the same tenant wait; everybody else goes on."""
        with transaction.atomic():
            Tenant.objects.select_for_update(no_key=True).get(pk=self.tenant.pk)
            if self.run is not None:
                leases.renew(self.run)
            yield

    @property
    def store(self) -> Store:
        fast = connection.vendor == "postgresql"
        return CopyStore(self.tenant, self.now) if fast else BulkStore(self.tenant, self.now)

    def conflict(self, anchor: str, name: str, reason: str, is_group: bool = False) -> SyncConflict:
        """Count and report what can't be brought in. The row is for the caller to save."""
        self.result.conflicts += 1
        self.report(Change("conflict", name, str(SyncConflict.Reason(reason).label)))
        return SyncConflict(
            tenant=self.tenant,
            connector=self.connector,
            anchor=anchor,
            is_group=is_group,
            name=name[:254],
            reason=reason,
            seen_at=self.now,
        )

    def save_conflicts(self, rows: Sequence[SyncConflict], settled: Sequence[str]) -> None:
        """Keep these, and forget those of entries that came in after all."""
        over = self.conflicting.intersection(settled)
        if over:
            SyncConflict.objects.filter(connector=self.connector, anchor__in=over).delete()
        if rows:
            SyncConflict.objects.bulk_create(
                rows,
                batch_size=500,
                update_conflicts=True,
                unique_fields=["connector", "anchor"],
                update_fields=["is_group", "name", "reason", "seen_at"],
            )
        self.conflicting = self.conflicting - over | {row.anchor for row in rows}
