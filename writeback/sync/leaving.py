"""Who left the directory, and the guard against a reading that would disable far too many."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from accounts.models import User
from writeback.connectors.records import Page, batches
from writeback.models import Connector, SyncedEntry
from writeback.sync import storing
from writeback.sync.results import Change, TooManyDisabled
from writeback.sync.storing import Entry
from writeback.sync.work import Work

# So few may always go at once: a share of a handful of people says nothing.
ALWAYS_ALLOWED = 5
AT_ONCE = 1000


@dataclass
class Presence:
    """Who is in the directory. `is_known`: everybody was read (or all anchors were), so whoever is missing is gone."""

    is_known: bool = False
    present: set[str] = field(default_factory=set)
    off: set[str] = field(default_factory=set)
    people: int = 0
    groups: int = 0

    def look(self, pages: Iterable[Page], is_full: bool) -> "Presence":
        for page in pages:
            for person in page.people:
                self.present.add(person.anchor)
                (self.off.discard if person.is_enabled else self.off.add)(person.anchor)
            self.present.update(page.anchors)
            self.is_known = self.is_known or is_full or bool(page.anchors)
            self.people += len(page.people)
            self.groups += len(page.groups)
        self.is_known = self.is_known or is_full
        return self

    def keeps(self, anchor: str) -> bool:
        """Whether somebody stays enabled, as far as this reading goes."""
        return anchor not in self.off and (not self.is_known or anchor in self.present)


def guard(connector: Connector, presence: Presence, allowed: int | None) -> None:
    """Raises TooManyDisabled before anything is written. `allowed`: as many as an operator says in so many words."""
    enabled = User.objects.filter(directory=connector.directory_id, is_enabled=True, anchor__isnull=False)
    anchors = enabled.values_list("anchor", flat=True).iterator(chunk_size=5000)
    total = count = 0
    for anchor in anchors:
        total += 1
        count += not presence.keeps(str(anchor))
    percent = connector.most_disabled_percent
    few = count <= ALWAYS_ALLOWED and not (presence.is_known and not presence.present)
    if count and not few and count * 100 > percent * total and count > (allowed or 0):
        raise TooManyDisabled(count, total, percent)


def disable_gone(work: Work, present: Collection[str]) -> None:
    """People of this directory who are not in it any more: disabled, marked, kept. With the same anchor they come back."""
    held = User.objects.filter(directory=work.connector.directory_id, anchor__isnull=False).order_by("id")
    rows = held.values_list("id", "anchor", "principal_name", "is_enabled").iterator(chunk_size=5000)
    missing = [(pk, str(anchor), name, enabled) for pk, anchor, name, enabled in rows if anchor not in present]
    for batch in batches(missing, AT_ONCE):
        with work.transaction():
            _disable(work, batch)


def _disable(work: Work, people: list[tuple[int, str, str, bool]]) -> None:
    anchors = [anchor for _, anchor, _, _ in people]
    known = {
        row[0]: Entry(*row)
        for row in SyncedEntry.objects.filter(connector=work.connector, anchor__in=anchors).values_list(*Entry._fields)
    }
    entries = []
    for pk, anchor, name, enabled in people:
        entry = known.get(anchor, Entry(anchor, "", pk))
        if entry.gone_at is None:
            entries.append(entry._replace(dn_key="", gone_at=work.now, is_off=enabled or entry.is_off))
            work.report(Change("gone", name))
        elif enabled:
            work.report(Change("disable", name))
    enabled_ids = [pk for pk, _, _, enabled in people if enabled]
    if enabled_ids:
        User.objects.filter(pk__in=enabled_ids).update(is_enabled=False)
        storing.end_sessions(enabled_ids)
    storing.save_entries(work, entries)
    work.result.gone += len(entries)
    work.result.disabled += len(enabled_ids)
