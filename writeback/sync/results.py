"""What a run did, and why it may not go on."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

MOST_EXAMPLES = 100


class Skipped(NamedTuple):
    """A value that can't be used: whose, which, and why. Never the value."""

    name: str
    field: str
    reason: str


class Change(NamedTuple):
    """One thing that a run does, for whoever lists them. `detail` names fields and reasons, never values."""

    what: str
    name: str
    detail: str = ""


@dataclass
class Result:
    """What a run did, or (a dry run) would do.

    `disabled` counts those gone from the directory too; `kept` phones that people registered or confirmed themselves;
    `outside` members of groups that are nobody here. `announced`: people who are told that a phone was replaced.
    """

    is_full: bool = False
    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    disabled: int = 0
    enabled: int = 0
    gone: int = 0
    conflicts: int = 0
    groups: int = 0
    groups_added: int = 0
    groups_gone: int = 0
    memberships: int = 0
    memberships_added: int = 0
    memberships_removed: int = 0
    outside: int = 0
    skipped: int = 0
    kept: int = 0
    announced: int = 0
    not_announced: int = 0
    examples: list[Skipped] = field(default_factory=list, repr=False)

    def skip(self, one: Skipped) -> None:
        self.skipped += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(one)

    @property
    def counts(self) -> dict[str, Any]:
        """For the audit trail: no names."""
        return {name: value for name, value in asdict(self).items() if name != "examples"}

    def as_json(self) -> dict[str, Any]:
        return {**self.counts, "examples": [one._asdict() for one in self.examples]}


Progress = Callable[[str, int, int | None], object]
"""Hears of a phase (`reading`, `people`, `groups`), how many entries are done in it, and of how many if that is known."""

Report = Callable[[Change], object]


def ignore(*_: object) -> None:
    """For whoever wants to hear of nothing."""


class SyncStopped(Exception):
    """A run that does not go on, as a sentence for people."""


class Busy(SyncStopped):
    def __init__(self) -> None:
        super().__init__(_("Another run of this directory is under way. Wait a moment and start again."))


class LeaseLost(SyncStopped):
    def __init__(self) -> None:
        super().__init__(_("This run took too long between two steps, and another one took over."))


class TooManyDisabled(SyncStopped):
    """Nothing was changed. `count` of `enabled` people would be disabled."""

    def __init__(self, count: int, enabled: int, percent: int) -> None:
        numbers = {"count": count, "enabled": enabled, "percent": percent}
        super().__init__(
            _(
                "This run would disable %(count)s of %(enabled)s people, more than the %(percent)s %% that are allowed: "
                "nothing was changed. Look whether base DN, filter and rights of the service account are right."
            )
            % numbers
        )
        self.count, self.enabled = count, enabled
