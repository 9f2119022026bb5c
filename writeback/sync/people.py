"""Bringing people in, batch by batch, matched by directory and anchor alone."""

from collections.abc import Sequence

from accounts.importing.replacing import Replaced, addresses_before, replaced_people, tell
from accounts.models import Authenticator, User
from writeback.connectors.reading import Person
from writeback.models import SyncConflict
from writeback.sync import storing
from writeback.sync.checking import PHONES, Wanted, check
from writeback.sync.planning import Contact, PeoplePlan, Planner, key_aside, name_aside
from writeback.sync.results import Change, Skipped
from writeback.sync.work import Work

STATISTICS_AFTER = frozenset({2, 12, 72, 432})
# A chain of renames (one takes the name that another leaves) is undone link by link; what is left waits for the next run.
MOST_ROUNDS = 20
# No name can be like this: it has no letter, and stands only within one transaction.
PARKED = "/{0}/"


class People:
    """Everybody of one run. What may resolve itself while the run goes on is put off to its end."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.later: list[Wanted] = []
        self.batches = 0

    def add(self, people: Sequence[Person]) -> None:
        wanted = [check(person, self.work.rules) for person in people]
        for one in wanted:
            for field, reason in one.skipped:
                self.work.result.skip(Skipped(one.name or one.anchor, field, reason))
                self.work.report(Change("skip", one.name or one.anchor, f"{field}: {reason}"))
        with self.work.transaction():
            self.later += self._write(Planner(self.work, wanted, False))
        self.work.result.read += len(people)
        self.batches += 1
        if self.batches in STATISTICS_AFTER and self.work.run is not None:
            storing.refresh_statistics()

    def settle(self) -> None:
        """Those whose names were others' of this directory: some are free by now, some change places, some stay taken."""
        waiting = self.later
        for _round in range(MOST_ROUNDS):
            if not waiting:
                return
            with self.work.transaction():
                left = self._write(Planner(self.work, waiting, False))
            if len(left) == len(waiting):
                break
            waiting = left
        with self.work.transaction():
            swapped = self._park(waiting)
            if swapped:
                self._write(Planner(self.work, swapped, True))
            done = {one.anchor for one in swapped}
            rest = [one for one in waiting if one.anchor not in done]
            self._write(Planner(self.work, rest, True))

    def _park(self, waiting: list[Wanted]) -> list[Wanted]:
        """People whose names go round in a circle among themselves: none of the names is anybody's for a moment."""
        planner = Planner(self.work, waiting, True)
        # One holder and one claimant for each name: those whose holder claims too, again and again, are circles.
        claims = {one.key: one.anchor for one in reversed(waiting) if one.key in planner.takers}
        blocked_by = {anchor: planner.takers[key].anchor for key, anchor in claims.items()}
        circle = set(blocked_by)
        while left := {anchor for anchor in circle if blocked_by[anchor] not in circle}:
            circle -= left
        for anchor in circle:
            pk = planner.held[anchor].id
            User.objects.filter(pk=pk).update(principal_key=PARKED.format(pk))
        return [one for one in waiting if one.anchor in circle]

    # --- one batch ------------------------------------------------------------------------------------------------

    def _write(self, planner: Planner) -> list[Wanted]:
        """Plan and write, within a transaction. Returns who is put off."""
        plan = planner.run()
        for taker in plan.aside:
            name, key = name_aside(taker), key_aside(taker)
            User.objects.filter(pk=taker.id).update(principal_name=name, principal_key=key)
        ids = storing.add_users(self.work, plan.new_users) if plan.new_users else {}
        overtaken = plan.new_users.keys() - ids.keys()
        if plan.changed_users:
            storing.change_users(self.work, plan.changed_users)
        fresh = [one._replace(user_id=ids[one.anchor]) for one in plan.new_entries if one.anchor in ids]
        storing.save_entries(self.work, [*plan.entries, *fresh])
        plan.contact.ids.update(ids)
        _write_contact(self.work, plan.contact, overtaken)
        taken = [(planner.people[anchor], SyncConflict.Reason.NAME_TAKEN) for anchor in overtaken]
        rows = [self.work.conflict(one.anchor, one.name, why) for one, why in [*plan.conflicts, *taken]]
        self.work.save_conflicts(rows, [anchor for anchor in plan.settled if anchor not in overtaken])
        self._count(plan, len(ids))
        return plan.later

    def _count(self, plan: PeoplePlan, added: int) -> None:
        result = self.work.result
        result.added += added
        result.changed += plan.changed
        result.unchanged += plan.unchanged
        result.disabled += plan.disabled
        result.enabled += plan.enabled
        result.kept += plan.contact.kept
        for line in plan.lines:
            self.work.report(Change(*line))


def _write_contact(work: Work, plan: Contact, overtaken: set[str]) -> None:
    """Write phones as the import does; tell whose phone was replaced, was taken away, or came after one that was."""
    plan.new_proofs = [new for new in plan.new_proofs if new.owner not in overtaken]
    before = addresses_before(plan)
    if plan.removed:
        free = Authenticator.objects.filter(source=Authenticator.Source.IMPORT, confirmed_at=None)
        free.filter(pk__in=plan.removed).delete()
    if plan.new_proofs:
        work.store.add_proofs(plan.new_proofs, plan.ids)
    if plan.changed_proofs:
        plan.changed_proofs = work.store.change_proofs(plan.changed_proofs, plan.ids)
    if plan.again:
        # Taken away in one run and given anew in the next, a number would count at once: it waits like a replacement.
        came = Authenticator.objects.filter(user_id__in=plan.again, type__in=list(PHONES), registered_at=work.now)
        came.filter(source=Authenticator.Source.IMPORT).update(replaces_another=True)
    people = {one.user_id: one for one in replaced_people(plan, before)}
    for user_id, kinds in plan.told.items():
        held = people.get(user_id, Replaced(user_id, (), tuple(before[user_id])))
        people[user_id] = Replaced(user_id, tuple(dict.fromkeys([*held.kinds, *kinds])), held.addresses)
    told, untold = tell(list(people.values()), work.on_replaced)
    work.result.announced += told
    work.result.not_announced += untold
